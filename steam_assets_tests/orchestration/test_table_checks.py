"""Checks shared by clean tables and insights: what fails them, at which severity, and which assets have them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from steam_assets.insights import INSIGHTS
from steam_assets.lake.column_rules import broken_columns
from steam_assets.lake.columns import arrow_schema
from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.lake.lake import Lake
from steam_assets.orchestration.build import build_defs
from steam_assets.orchestration.insight_assets import insight_key
from steam_assets.orchestration.source_assets import clean_key
from steam_assets.orchestration.table_checks import COMPARED, COUNT, ENOUGH, RULES, table_check_results, unusual_counts
from steam_assets.settings import Settings
from steam_assets.sources import SOURCES
from steam_assets.sources.source import Column

KEY = Column("partition_key", "string", "Its day.", nullable=False)
COLUMNS = (
    KEY,
    Column("label", "string", "Its name."),
    Column("players", "bigint", "How many.", "players"),
    Column("part", "double", "A share.", "share", bounds=(0, 1)),
)
FINE = {"label": "x", "players": 3, "part": 0.5}
DAYS = [f"2026-11-{day:02}" for day in range(1, 21)]


def things(lake: Lake, rows: list[dict[str, object]], key: str = DAYS[-1]) -> IcebergTable:
    """A table whose newest partition has these rows, checked against stricter declarations than it was created with."""
    table = lake.table("clean", "things", COLUMNS, "Things.")
    batch = pa.RecordBatch.from_pylist(
        [{"partition_key": key} | FINE | row for row in rows], arrow_schema(table.create())
    )
    table.commit({key: None}, add=table.write([batch], "made").files)
    return lake.table("clean", "things", (KEY, replace(COLUMNS[1], nullable=False), *COLUMNS[2:]), "Things.")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({}, []),
        ({"players": 0, "part": 1.0}, []),
        ({"players": None, "part": None}, []),
        ({"label": None}, ["label: 1 rows have none"]),
        ({"players": -1}, ["players: -1 is below 0"]),
        ({"part": 1.5}, ["part: 1.5 is above 1"]),
        ({"part": -0.5, "label": None}, ["label: 1 rows have none", "part: -0.5 is below 0"]),
    ],
)
def test_columns_are_judged_by_the_statistics_of_files(row: dict[str, object], said: list[str], lake: Lake) -> None:
    table = things(lake, [{}, row])
    assert broken_columns(table, DAYS) == ({DAYS[-1]: said} if said else {})
    rules, count = table_check_results(table, dg.AssetKey("things"), DAYS[-1:])
    assert (rules.check_name, rules.passed, rules.severity) == (RULES, not said, dg.AssetCheckSeverity.ERROR)
    assert (count.check_name, count.passed, count.severity) == (COUNT, True, dg.AssetCheckSeverity.WARN)


@pytest.mark.parametrize(
    ("before", "count", "usual"),
    [
        ([100] * COMPARED, 100, True),
        ([100] * COMPARED, 51, True),
        ([100] * COMPARED, 49, False),
        ([100] * COMPARED, 201, False),
        ([100] * COMPARED, 0, False),
        # Only the newest partitions are compared.
        ([1000] + [100] * COMPARED, 900, False),
        ([1000] + [100] * (COMPARED - 1), 900, True),
        # Too few to compare.
        ([100] * (ENOUGH - 1), 1, True),
        ([100] * ENOUGH, 1, False),
    ],
)
def test_a_count_is_compared_with_the_partitions_before(before: list[int], count: int, usual: bool) -> None:
    key = DAYS[len(before)]
    rows = dict(zip(DAYS, before, strict=False)) | ({key: count} if count else {})
    later = dict.fromkeys(DAYS[len(before) + 1 :], 5)
    assert (unusual_counts(rows | later, [key]) == {}) is usual


def test_every_clean_table_and_insight_has_them(tmp_path: Path) -> None:
    graph = build_defs(settings=Settings(home=tmp_path)).resolve_asset_graph()
    clean = [clean_key(source, table) for source in SOURCES for table in source.tables]
    checks = {(check.asset_key, check.name) for check in graph.asset_check_keys}
    assert checks >= {(key, name) for key in [*clean, *map(insight_key, INSIGHTS)] for name in (RULES, COUNT)}
    assert checks >= {(key, "column_schema_change") for key in [*clean, *map(insight_key, INSIGHTS)]}
