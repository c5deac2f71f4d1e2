"""Failures told apart: those worth another try and those that are not.

Belongs here: the one place where retries are decided. Does not belong here: raising (ops do) or waiting (the client
does).

There are three layers, and each retries only what the one below cannot. 1. The HTTP client repeats single requests,
with backoff and jitter, and waits out a block (extraction/http_client.py). 2. An op is tried again as ``RETRIES`` say if
the whole fetch failed for a reason that passes, unless a command waits for its run. 3. A run that crashed is retried by
the instance (dagster.yaml, ``run_retries`` with ``retry_on_asset_or_op_failure: false``); a run that failed by itself
is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

RETRIES = dg.RetryPolicy(max_retries=2, delay=60, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.FULL)
"""After about one and two minutes: longer outages are for the next schedule or a backfill."""


def permanent(message: str) -> dg.Failure:
    """A failure that another try cannot mend; ``message`` says what is wrong and the next step."""
    return dg.Failure(description=message, allow_retries=False)


ATTENDED = "steam/attended"
"""Tag of a run that a command waits for: its user sees the failure at once, in place of minutes of silence."""


@contextmanager
def tried_again(context: dg.OpExecutionContext) -> Iterator[None]:
    """Ask for another try if the op fails by something that is not ``permanent``; raises RetryRequested.

    In the place of an op's ``retry_policy``: with one, Dagster takes Ctrl-C, and Terminate in the Dagster UI, for a failure
    that passes, waits, and begins again.
    """
    try:
        yield
    except dg.Failure:
        raise
    except Exception as error:
        if ATTENDED in context.run.tags:
            raise
        delay = RETRIES.calculate_delay(context.retry_number + 1)
        raise dg.RetryRequested(max_retries=RETRIES.max_retries, seconds_to_wait=delay) from error
