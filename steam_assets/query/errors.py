"""Errors of queries.

Belongs here: the exceptions, and DuckDB's messages in one line. Does not belong here: when they are raised.
"""

from __future__ import annotations

import re

import duckdb

LONGEST_MESSAGE = 300
"""Maximum length in characters, because a message may quote data."""

AT_THE_TIME_LIMIT = "stopped at the time limit; read fewer rows, or aggregate them"

_KIND = re.compile(r"^(?:\w+ Error: )+")


class QueryError(Exception):
    """A query that cannot be answered as written; the message is one line."""


class QueryStopped(QueryError):
    """A query that reached a limit."""


def one_line(error: duckdb.Error) -> str:
    """DuckDB's message without the kind of error, the excerpt of the statement and the advice about settings."""
    said = str(error).split("\n\n")[0]
    line = _KIND.sub("", " ".join(said.split()))
    return line if len(line) <= LONGEST_MESSAGE else f"{line[: LONGEST_MESSAGE - 1]}…"
