"""Clean tables and insights written to a lake without a run.

Belongs here: writing rows that a test made up. Does not belong here: the rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from steam_assets.insights import INSIGHTS
from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.lake.lake import Lake
from steam_assets.settings import Settings
from steam_assets.sources import SOURCES


def lay_table(home: Path, name: str, rows: pa.Table) -> IcebergTable:
    """Create a table with these rows in one commit; missing values of required columns are filled in."""
    lake = Lake(Settings(home=home))
    clean = next((one for source in SOURCES for one in source.tables if one.name == name), None)
    insight = next((one for one in INSIGHTS if one.table == name), None)
    assert clean is not None or insight is not None, name
    table = lake.clean(clean) if clean else lake.table("clean", name, insight.schema if insight else (), name)
    written = table.write(of_partitions(filled(rows, table)), "laid")
    table.commit({}, add=written.files)
    return table


def filled(rows: pa.Table, table: IcebergTable) -> pa.Table:
    """The rows with nulls of required columns replaced by a value of the column's type."""
    for place, field in enumerate(list(rows.schema)):
        column = next((one for one in table.columns if one.name == field.name), None)
        if column is not None and not column.nullable and rows[field.name].null_count:
            rows = rows.set_column(place, field, rows[field.name].fill_null(zero_of(field.type)))
    return rows


def zero_of(kind: pa.DataType) -> pa.Scalar[Any]:
    if pa.types.is_list(kind):
        return pa.scalar([], kind)
    if pa.types.is_date(kind):
        return pa.scalar(date(1970, 1, 1), kind)
    return pa.scalar("0" if pa.types.is_string(kind) else 0).cast(kind)


def of_partitions(rows: pa.Table) -> Iterator[pa.RecordBatch]:
    """Record batches of one partition each."""
    keys = [row["partition_key"] for row in rows.select(["partition_key"]).to_pylist()]
    for key in sorted(set(keys)):
        yield from rows.filter(pa.array([key == other for other in keys])).to_batches()
