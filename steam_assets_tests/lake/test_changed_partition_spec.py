"""A partition spec that another program changes: everything goes on, and the next commit puts it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pyiceberg.table import Table
from raw_landing import KEY, LATER, NOW, files_of, land

from steam_assets.lake.backup import back_up, restore, verify_twins
from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.lake.lake import Lake, Twins
from steam_assets.lake.parquet_files import DamagedData
from steam_assets_tests.lake.clean_partitions import clean
from steam_assets_tests.nightly import rest_nightly


def add_a_field(table: Table) -> None:
    with table.update_spec() as update:
        update.add_field("source_sha256" if "source_sha256" in table.schema().column_names else "url", "bucket[4]")


def remove_the_field(table: Table) -> None:
    with table.update_spec() as update:
        update.remove_field("partition_key")


def replace_the_field(table: Table) -> None:
    with table.update_spec() as update:
        update.remove_field("partition_key").add_field("partition_key", "truncate[7]", "month")


def rename_the_field(table: Table) -> None:
    with table.update_spec() as update:
        update.rename_field("partition_key", "first_day")


CHANGES = (add_a_field, remove_the_field, replace_the_field, rename_the_field)


def spec_of(table: IcebergTable) -> list[tuple[str, str]]:
    loaded = table.load()
    assert loaded is not None
    return [(field.name, str(field.transform)) for field in loaded.spec().fields]


@pytest.mark.parametrize("change", rest_nightly(CHANGES, kept=2))
def test_partitions_stay_readable_and_new_ones_are_as_before(
    lake: Lake, twins: Twins[Any], change: Callable[[Table], None]
) -> None:
    before, rows = spec_of(twins.primary), twins.primary.partition_rows()
    for side in (twins.primary, twins.backup):
        change(side.create())
        assert spec_of(side) != before
    assert verify_twins(twins, KEY) == []
    assert twins.primary.partition_rows() == rows
    if twins.primary.name == "news":
        land(lake, number=8, key=LATER)
    else:
        clean(lake, {3: "three"}, key=LATER)
    assert back_up(twins, [LATER], NOW)[1] == []
    assert spec_of(twins.primary) == spec_of(twins.backup) == before
    assert verify_twins(twins, KEY) == verify_twins(twins, LATER) == []
    for file in files_of(twins.primary, LATER):
        file.unlink()
    assert restore(twins, LATER, overwrite=True)
    assert verify_twins(twins, LATER) == []


@pytest.mark.parametrize("twins", [1], indirect=True, ids=["clean"])
def test_files_that_hold_several_partitions_are_named(lake: Lake, twins: Twins[Any]) -> None:
    """As another program writes them if it rewrites the rows after it changed the spec."""
    clean(lake, {3: "three"}, key=LATER)
    assert back_up(twins, [LATER], NOW)[1] == []
    table = twins.primary.create()
    remove_the_field(table)
    table.overwrite(table.scan().to_arrow())
    for key in (KEY, LATER):
        (problem,) = verify_twins(twins, key)
        assert f"{key}: another program has changed the table's partition spec and written " in problem
    with pytest.raises(DamagedData, match="which may hold rows of several partitions"):
        restore(twins, KEY, overwrite=True)


@pytest.mark.parametrize("twins", [1], indirect=True, ids=["clean"])
def test_a_file_of_one_partition_is_that_partition_whatever_its_spec(lake: Lake, twins: Twins[Any]) -> None:
    rows, table = twins.primary.partition_rows(), twins.primary.create()
    remove_the_field(table)
    table.overwrite(table.scan().to_arrow())
    assert twins.primary.partition_rows() == rows
    assert verify_twins(twins, KEY) == []
    clean(lake, {3: "three"})
    assert twins.primary.partition_rows() == {KEY: 1}
