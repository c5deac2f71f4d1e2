"""Limits that hold for any query: the engine's process is killed where DuckDB itself does not stop."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from steam_assets.lake.lake import Lake
from steam_assets.query.engine import Limits
from steam_assets.query.errors import QueryError, QueryStopped
from steam_assets.query.worker import QueryFailed, QueryWorker
from steam_assets.settings import Settings
from steam_assets_tests.waiting import in_time

SECONDS = 3.0


@pytest.fixture(scope="module")
def worker(market_lake: Lake) -> Iterator[QueryWorker]:
    with QueryWorker(market_lake.settings, ("clean",), Limits(SECONDS, 100, 1 << 20, 256), ["visits"]) as started:
        yield started


@pytest.mark.process
@pytest.mark.parametrize(
    "statement",
    [
        # These do not check for interrupts while they run.
        "select levenshtein(repeat('ab', 400000), repeat('ba', 400000))",
        "select list_reduce(range(300000000), lambda a, b: a + b)",
        # DuckDB does not count all of this against its memory limit.
        "select list_sum(list_sort(range(1000000000)))",
        "select length(format('{:>2000000000}', 'x'))",
        # DuckDB stops these itself.
        "with recursive r as (select 1 as x union all select x + 1 from r) select count(*) from r",
        "select count(*) from range(1000000) a, range(1000000) b, range(1000000) c where a.range > b.range + c.range",
        "select repeat('x', 100000) from range(1000)",
    ],
)
def test_a_runaway_query_is_stopped_and_the_next_one_succeeds(statement: str, worker: QueryWorker) -> None:
    assert worker.ask("select 1").rows.num_rows == 1
    began = time.monotonic()
    with pytest.raises(QueryStopped):
        worker.ask(statement)
    assert in_time(time.monotonic() - began, SECONDS + 1)
    assert worker.ask("select count(*) as n from visits").rows.to_pylist()[0]["n"] > 0


@pytest.mark.process
def test_only_the_given_tables_are_read(worker: QueryWorker) -> None:
    assert worker.ask("show tables").rows.to_pylist() == [{"table": "visits"}]
    with pytest.raises(QueryError, match="there is no table news"):
        worker.ask("select * from news")


@pytest.mark.process
def test_a_lake_that_cannot_be_opened_is_reported(market_lake: Lake) -> None:
    """It is not reported as an error in the query."""
    nested = Settings(home=market_lake.settings.home, clean_root=str(market_lake.settings.home / "raw" / "clean"))
    with QueryWorker(nested, ("clean",), Limits(SECONDS)) as broken, pytest.raises(QueryFailed, match="nested"):
        broken.ask("select 1")


def test_a_worker_has_a_time_limit(market_lake: Lake) -> None:
    with pytest.raises(ValueError, match="time limit"):
        QueryWorker(market_lake.settings, ("clean",), Limits())
