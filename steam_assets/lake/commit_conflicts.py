"""Two writers of one Iceberg table: the second tries again, and says so if it cannot get through.

Belongs here: what a catalog's refusal of a commit looks like through Spark, and the tries. Does not belong here: what
is written (clean_tables.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

T = TypeVar("T")

TRIES_SECONDS = 60.0
"""How long a change of a table's metadata is tried; a commit of another writer holds it up for well under a second."""

_REFUSED = re.compile(
    r"\b(CommitFailedException|AlreadyExistsException|TableAlreadyExistsException|ValidationException"
    r"|ConcurrentModificationException|SQLITE_BUSY|SQLITE_LOCKED|SQLITE_CONSTRAINT)\b|database is locked"
)
"""In the text of Spark's error: the class of the JVM's, or the state of the catalog's database."""


class CommitConflict(Exception):
    """Another run committed to the table at the same time, and this commit was refused; nothing of it is visible."""


def is_conflict(error: Exception) -> bool:
    """Whether an error of Spark says that another writer was faster."""
    return isinstance(error, Py4JJavaError | PySparkException) and _REFUSED.search(str(error)) is not None


def until_committed(table: str, keys: Sequence[str], change: Callable[[], T]) -> T:
    """Do ``change``, which may be done twice, again as long as other writers are faster. CommitConflict at last."""
    for attempt in Retrying(
        retry=retry_if_exception_type(CommitConflict),
        stop=stop_after_delay(TRIES_SECONDS),
        wait=wait_random_exponential(multiplier=0.1, max=3),
        reraise=True,
    ):
        with attempt, conflicts_named(table, keys):
            return change()
    raise AssertionError("tenacity returns or raises")


@contextmanager
def conflicts_named(table: str, keys: Sequence[str]) -> Iterator[None]:
    """Raise CommitConflict, in one line, in the place of what the JVM says of a refused commit."""
    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        if not is_conflict(error):
            raise
        partitions = f"{keys[0]} to {keys[-1]}" if len(keys) > 1 else "".join(keys)
        # Without its cause, a stack of the JVM: the sentence says it all.
        raise CommitConflict(
            f"another run committed to {table} while this one wrote {partitions or 'to it'}, which was not changed by "
            "this one; wait for the other run to end, then run it again"
        ) from None
