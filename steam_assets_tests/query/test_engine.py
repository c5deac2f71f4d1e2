"""The query engine: which tables it reads, in which version, and what it rejects."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from steam_assets.lake.columns import arrow_schema
from steam_assets.lake.iceberg_table import IcebergTable, of_partitions
from steam_assets.lake.lake import Lake
from steam_assets.query import engine as engine_module
from steam_assets.query.engine import Engine, Limits
from steam_assets.query.errors import QueryError, QueryStopped
from steam_assets.settings import Settings
from steam_assets.sources.source import Column
from steam_assets_tests.deployment import ANY_NAME, session_for
from steam_assets_tests.query.made_up_market import Market

KEY = Column("partition_key", "string", "Its day.", nullable=False)
COLUMNS = (KEY, Column("n", "bigint", "A number."))


def things(lake: Lake, columns: Sequence[Column] = COLUMNS) -> IcebergTable:
    return lake.table("clean", "things", tuple(columns), "Things.")


def put(table: IcebergTable, key: str, **values: list[object]) -> None:
    """Replace a partition."""
    schema = arrow_schema(table.create())
    rows = {"partition_key": [key] * len(next(iter(values.values()))), **values}
    written = table.write(pa.Table.from_pydict(rows, schema).to_batches(), "made")
    table.commit({key: None}, remove=of_partitions([key]), add=written.files)


def asked(engine: Engine, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in engine.ask(sql).rows.to_pylist()]


@pytest.mark.parametrize("held", [True, False])
def test_each_query_sees_the_newest_commit(held: bool, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables and columns added after the engine was created are visible, too; older files lack the column."""
    if not held:
        monkeypatch.setattr(engine_module, "HELD_BYTES", 0)
    engine = Engine(lake)
    with pytest.raises(QueryError, match="there is no table things"):
        engine.ask("select * from things")
    put(things(lake), "2026-01-01", n=[1, 2])
    assert asked(engine, "select n from things order by n") == [(1,), (2,)]
    put(things(lake), "2026-01-01", n=[3])
    put(things(lake), "2026-01-02", n=[None])
    assert asked(engine, "select partition_key, n from things order by 1") == [("2026-01-01", 3), ("2026-01-02", None)]
    put(things(lake, [*COLUMNS, Column("label", "string", "Its name.")]), "2026-01-03", n=[5], label=["five"])
    assert asked(engine, "select n, label from things order by partition_key") == [(3, None), (None, None), (5, "five")]
    things(lake).commit({"2026-01-01": None}, remove=of_partitions(["2026-01-01", "2026-01-02", "2026-01-03"]))
    assert asked(engine, "select count(*) from things") == [(0,)]


def test_tables_written_by_spark_are_read_as_spark_reads_them(lake: Lake, spark: SparkSession) -> None:
    """Covers arrays, timestamps, and rows deleted by a delete file beside the data, as by other programs."""
    extra = (Column("moment", "timestamp", "A time."), Column("tags", "array<string>", "Words."))
    with things(lake, [*COLUMNS, *extra]).create().transaction() as change:
        change.set_properties({"write.delete.mode": "merge-on-read"})
    session, name = session_for(spark, lake.settings), "clean.steam.things"
    time = "timestamp '2026-01-01 12:00:00 UTC'"
    session.sql(
        f"insert into {name} (partition_key, n, moment, tags) select /*+ coalesce(1) */ '2026-01-01', n, {time}, "
        "array('a', null) from values (1), (2), (3) as made(n)"
    )
    engine = Engine(lake)
    assert asked(engine, "select n, tags from things order by n") == [(n, ["a", None]) for n in (1, 2, 3)]
    session.sql(f"delete from {name} where n = 2")
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert asked(engine, "select n, moment, tags from things order by n") == [
        (1, noon, ["a", None]),
        (3, noon, ["a", None]),
    ]
    table = things(lake).load()
    assert table is not None and any(task.delete_files for task in table.scan().plan_files())


def test_a_table_is_read_in_a_folder_of_any_name(tmp_path: Path) -> None:
    lake = Lake(Settings(home=tmp_path / ANY_NAME))
    put(things(lake), "2026-01-01", n=[1])
    assert asked(Engine(lake), "select n from things") == [(1,)]


def test_tables_of_all_roots_have_the_schema_of_their_catalog(market_lake: Lake) -> None:
    engine = Engine(market_lake)
    tables = engine.tables()
    assert {"most_played", "insight_market_day", "steam_raw.reviews", "steam_backup.visits"} <= {*tables}
    rows = Market().rows["visits"]
    for name in ("visits", "steam.visits", "STEAM.Visits", '"visits"', "steam_backup.visits"):
        assert asked(engine, f"select count(*), sum(visits) from {name}") == [
            (len(rows), sum(row["visits"] for row in rows))
        ]
    assert asked(engine, "show tables") == [(name,) for name in tables]
    described = {row[0]: row[1] for row in asked(engine, "describe visits")}
    assert described["month"] == "DATE" and described["visits"] == "BIGINT"
    assert engine.columns("steam_backup.visits") == list(described) == engine.columns("visits")
    assert engine.columns("nothing") == []


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("select * from most_playd", "there is no table most_playd; did you mean most_played"),
        ("select * from clean.steam.visits", "there is no table clean.steam.visits; did you mean visits"),
        ("select * from player_trend", "did you mean insight_player_trend"),
        ("select * from zzz", "there is no table zzz; SHOW TABLES lists all"),
        ("select nothing from visits", 'Referenced column "nothing" not found'),
        ("selec 1", 'syntax error at or near "selec"'),
        ("select 'a'::int", "Could not convert string 'a'"),
        ("select 1; select 2", "write one SELECT statement"),
        ("-- nothing", "there is no statement"),
        ("select * from read_csv('/etc/passwd')", "read_csv() is not available"),
        ("select (select count(*) from glob('/*'))", "glob() is not available"),
        ("with x as (from read_text('/etc/passwd')) from x", "read_text() is not available"),
        ("select * from query('from visits')", "query() is not available"),
        ("from 'visits.parquet'", "there is no table visits.parquet"),
        ("drop table visits", "only SELECT is possible"),
        ("insert into visits values (1)", "only SELECT is possible"),
        ("set memory_limit = '1TB'", "only SELECT is possible"),
        ("copy visits to 'x.csv'", "only SELECT is possible"),
        ("show databases", "only SHOW TABLES is possible"),
        ("select " + "1 + " * 20_000 + "1", "longer than"),
        ("select " + "(" * 20_000 + "1" + ")" * 20_000, ""),
    ],
)
def test_unsupported_statements_are_refused_in_one_line(statement: str, said: str, market_lake: Lake) -> None:
    with pytest.raises(QueryError) as refused:
        Engine(market_lake).ask(statement)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 400


def test_a_table_that_was_never_collected_says_what_to_type(lake: Lake) -> None:
    with pytest.raises(QueryError, match="type steam-assets run reviews"):
        Engine(lake).ask("select * from review_summary")
    with pytest.raises(QueryError, match="type steam-assets refresh"):
        Engine(lake).ask("select * from insight_market_day")


def test_a_cte_may_have_the_name_of_a_table(market_lake: Lake) -> None:
    sql = "with visits as (select month from visits), mine as (select 1 as n) select count(*) from visits, mine"
    assert asked(Engine(market_lake), sql) == [(len(Market().rows["visits"]),)]


def test_limits_of_rows_and_size(market_lake: Lake) -> None:
    engine = Engine(market_lake, limits=Limits(rows=5, result_bytes=100_000))
    answer = engine.ask("select rank from most_played order by day, rank")
    assert answer.truncated and answer.rows.column("rank").to_pylist() == [1, 2, 3, 4, 5]
    assert not engine.ask("select rank from most_played limit 5").truncated
    with pytest.raises(QueryStopped, match="larger than"):
        engine.ask("select repeat('x', 90000) from range(3)")


def test_a_query_is_stopped_at_its_time_limit_or_by_another_thread(market_lake: Lake) -> None:
    engine = Engine(market_lake, limits=Limits(seconds=0.5))
    with pytest.raises(QueryStopped, match="time limit"):
        engine.ask("select count(*) from range(1000000) a, range(1000000) b, range(1000000) c")
    assert asked(engine, "select 1") == [(1,)]


def test_sums_of_whole_numbers_are_whole_numbers(market_lake: Lake) -> None:
    engine = Engine(market_lake)
    assert engine.ask("select sum(visits) from visits").types == ("BIGINT",)
    (huge,) = asked(engine, "select sum(n) from (values (9223372036854775807), (1)) as v(n)")
    assert huge == (2**63,)


def test_tables_are_opened_one_by_one_before_they_are_queried(market_lake: Lake) -> None:
    engine = Engine(market_lake, ["clean"])
    assert [*itertools.islice(engine.warm(), 3)] == sorted(engine.tables())[:3]


def test_tables_open_while_statements_are_typed(market_lake: Lake) -> None:
    """A prompt opens tables in the background; what is typed meanwhile is answered, not refused as busy."""
    engine = Engine(market_lake, ["clean"])
    with ThreadPoolExecutor(1) as background:
        opening = background.submit(lambda: sorted(engine.warm()))
        while not opening.done():
            assert engine.statements("select 1; select 2") == ["select 1", "select 2"]
    assert opening.result() == sorted(engine.tables())


def test_data_of_other_files_cannot_be_reached(market_lake: Lake, tmp_path: Path) -> None:
    """Even if a statement passed the parser, the connection cannot open files."""
    pq.write_table(pa.table({"secret": [1]}), tmp_path / "secret.parquet")
    engine = Engine(market_lake)
    for sql in (f"from read_parquet('{tmp_path}/secret.parquet')", "set enable_external_access = true", "load httpfs"):
        with pytest.raises(duckdb.Error):
            engine._duck.execute(sql)
