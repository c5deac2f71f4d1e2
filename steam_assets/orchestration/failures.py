"""Which failures are retried and which are permanent.

Belongs here: the decision whether to retry. Does not belong here: raising (ops do) or waiting (the client does).

There are three layers, and each retries only what the one below cannot. 1. The HTTP client retries single requests with
backoff and jitter, and waits out a block (extraction/http_client.py). 2. An op whose whole fetch failed for a transient
reason is retried as ``RETRIES`` defines, unless a command waits for its run. 3. A run that crashed is retried by the
instance (dagster.yaml, ``run_retries`` with ``retry_on_asset_or_op_failure: false``); a run in which a step failed is
not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

import dagster as dg

from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.lake.unreadable_tables import UnreadableTable, naming_damage

RETRIES = dg.RetryPolicy(max_retries=2, delay=60, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.FULL)
"""After about one and two minutes; longer outages are left to the next scheduled run or a backfill."""


SHOWN_FAILURES = 3


def permanent(message: str) -> dg.Failure:
    """A failure that a retry cannot fix; ``message`` states what is wrong and the next step."""
    return dg.Failure(description=message, allow_retries=False)


def summary(failed: Mapping[str, str], partitions: int) -> str:
    """The failures of a run, oldest first, of which its log has all; for a single partition, its failure unchanged."""
    keys = sorted(failed)
    if partitions == 1:
        return failed[keys[0]]
    shown = "; ".join(f"{key}: {failed[key]}" for key in keys[:SHOWN_FAILURES])
    more = f"; and {len(keys) - SHOWN_FAILURES} more, to {keys[-1]}" if len(keys) > SHOWN_FAILURES else ""
    return f"{len(keys)} of {partitions} partitions failed: {shown}{more}"


ATTENDED = "steam/attended"
"""Tag of a run that a command waits for: its user sees a failure at once, not after minutes of retries."""


def may_retry(context: dg.OpExecutionContext | dg.AssetExecutionContext) -> bool:
    """Whether an op that fails now is retried by ``tried_again``."""
    return ATTENDED not in context.run.tags and context.retry_number < RETRIES.max_retries


@contextmanager
def permanent_if_damaged(tables: Sequence[IcebergTable], keys: Collection[str]) -> Iterator[None]:
    """A ``permanent`` failure that names the file if work fails because one of these partitions is lost or damaged."""
    try:
        with naming_damage(*(table.load for table in tables), keys=keys):
            yield
    except UnreadableTable as error:
        raise permanent(str(error)) from error


@contextmanager
def tried_again(context: dg.OpExecutionContext | dg.AssetExecutionContext) -> Iterator[None]:
    """Request a retry if the op fails with anything but a ``permanent`` failure or damage; raises RetryRequested.

    The last failure is raised as it is, so that the Dagster UI shows it.

    Replaces an op's ``retry_policy``: with one, Dagster treats Ctrl-C, and Terminate in the Dagster UI, as a transient
    failure and retries.
    """
    try:
        yield
    except dg.Failure:
        raise
    except UnreadableTable as error:
        raise permanent(str(error)) from error
    except Exception as error:
        if not may_retry(context):
            raise
        delay = RETRIES.calculate_delay(context.retry_number + 1)
        raise dg.RetryRequested(max_retries=RETRIES.max_retries, seconds_to_wait=delay) from error
