"""Rows that another program deleted beside the data files, as Iceberg allows, are reported and brought back."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import SparkSession
from raw_landing import KEY, NOW

from steam_assets.lake.backup import WouldOverwrite, back_up, restore, verify_twins
from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.lake.lake import Lake, Twins
from steam_assets_tests.deployment import session_for


def delete_one_row(spark: SparkSession, lake: Lake, table: IcebergTable) -> None:
    with table.create().transaction() as change:
        change.set_properties({"write.delete.mode": "merge-on-read"})
    session, seen = session_for(spark, lake.settings), rows_seen(table)
    column = "sequence" if "sequence" in table.create().schema().column_names else "id"
    least = f"select min({column}) from {table.identifier} where partition_key = '{KEY}'"
    session.sql(f"delete from {table.identifier} where partition_key = '{KEY}' and {column} = ({least})")
    assert rows_seen(table) < seen


def rows_seen(table: IcebergTable) -> int:
    rows = table.arrow([KEY])
    return rows.num_rows if rows else 0


def test_they_are_named_in_a_primary_and_restored(lake: Lake, twins: Twins[Any], spark: SparkSession) -> None:
    whole = rows_seen(twins.primary)
    delete_one_row(spark, lake, twins.primary)
    (problem,) = verify_twins(twins, KEY)
    assert problem.startswith(f"{twins.label} {KEY}: another program has deleted rows of ")
    assert not twins.primary.is_whole(KEY)
    with pytest.raises(WouldOverwrite, match="another program has deleted rows"):
        restore(twins, KEY)
    assert restore(twins, KEY, overwrite=True) == whole == rows_seen(twins.primary)
    assert verify_twins(twins, KEY) == []


def test_they_are_named_in_a_backup_and_copied_again(lake: Lake, twins: Twins[Any], spark: SparkSession) -> None:
    whole = rows_seen(twins.backup)
    delete_one_row(spark, lake, twins.backup)
    (problem,) = verify_twins(twins, KEY)
    assert problem.startswith(f"{twins.label} backup {KEY}: another program has deleted rows of ")
    assert back_up(twins, [KEY], NOW)[1] == []
    assert verify_twins(twins, KEY) == [] and rows_seen(twins.backup) == whole
