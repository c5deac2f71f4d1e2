"""A catalog that lacks tables or commits is named before anything is built on it; so is what the ledger lacks."""

from __future__ import annotations

import json
import shutil
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from clean_partitions import SOURCE, raw_and_clean
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.utils.datetime import datetime_to_millis
from raw_landing import KEY, LATER, NEWS, NOW, land, rows_of, sequences
from stages import copy, fill
from test_backup import digests

from steam_assets.lake.backup import back_up, verify_twins
from steam_assets.lake.catalog_rebuild import rebuild_catalog
from steam_assets.lake.catalogs import sqlite_file
from steam_assets.lake.change import LATEST_STEP_BACK, ClockBehind
from steam_assets.lake.columns import arrow_schema
from steam_assets.lake.housekeeping import Housekeeping
from steam_assets.lake.lake import Lake
from steam_assets.lake.roots import UnsafeRoot
from steam_assets.lake.table_problems import table_problems
from steam_assets.ledger.partition_status import SourceLedger
from steam_assets_tests.prepared_lakes import Prepared


@pytest.fixture
def kept(prepared: Prepared) -> Lake:
    return prepared(two_weeks)


def two_weeks(lake: Lake) -> None:
    """Two weeks of raw and clean data, the first also backed up."""
    fill(lake, [])
    copy(lake, [])
    land(lake, key=LATER)


def after_a_commit_that_never_reached_the_catalog(lake: Lake) -> Lake:
    """A killed writer leaves its metadata."""
    catalog = sqlite_file(lake.settings, "raw")
    older = catalog.read_bytes()
    land(lake, number=3, key=LATER)
    catalog.write_bytes(older)
    return Lake(lake.settings)


def problems(lake: Lake) -> list[str]:
    return [line for twins in lake.twins(SOURCE) for line in table_problems(lake, twins)]


def test_an_intact_table_has_no_problem(kept: Lake) -> None:
    assert problems(kept) == []


def test_partitions_of_damaged_metadata_are_left_to_reading_them_back(kept: Lake) -> None:
    snapshot = kept.raw(NEWS).create().current_snapshot()
    assert snapshot is not None
    Path(snapshot.manifest_list).write_bytes(b"rotten")
    assert problems(kept) == []
    assert "the metadata cannot be read" in verify_twins(kept.raw_twins(NEWS), KEY)[0]


def test_a_table_that_another_program_dropped_is_named_and_comes_back(kept: Lake) -> None:
    """Dropped as by Spark's DROP TABLE, which keeps the files."""
    table = kept.raw(NEWS)
    table.catalog.drop_table((table.namespace, table.name))
    with pytest.raises(UnsafeRoot, match=f"it lacks {table.name}.*catalog rebuild --root raw"):
        Lake(kept.settings).raw(NEWS)
    rebuild_catalog(kept.settings, "raw")
    assert len(sequences(Lake(kept.settings).raw(NEWS), LATER)) == 20


@pytest.mark.parametrize("again", [0, 2])
def test_an_older_copy_of_a_catalog_is_named(kept: Lake, again: int) -> None:
    """Also after more was committed on top of it."""
    catalog = sqlite_file(kept.settings, "raw")
    older = catalog.read_bytes()
    for number in (3, 4):
        land(kept, number=number, key=LATER)
    catalog.write_bytes(older)
    opened = Lake(kept.settings)
    for number in range(again):
        land(opened, number=10 + number, key=LATER)
    (found,) = problems(opened)
    assert "the catalog is behind the table" in found and "catalog rebuild --root raw" in found


def test_a_rebuild_believes_an_intact_catalog_which_of_two_files_is_the_newest(kept: Lake) -> None:
    opened = after_a_commit_that_never_reached_the_catalog(kept)
    land(opened, number=4, key=LATER)
    (content,) = opened.raw(NEWS).stored([LATER]).values()
    rebuild_catalog(kept.settings, "raw")
    assert Lake(kept.settings).raw(NEWS).stored([LATER]) == {LATER: content}
    (catalog := sqlite_file(kept.settings, "raw")).unlink()
    with pytest.raises(UnsafeRoot, match="more than one of the newest metadata files"):
        rebuild_catalog(kept.settings, "raw")
    assert not catalog.exists()


def test_a_rebuild_that_finds_no_table_keeps_the_catalog(kept: Lake) -> None:
    folder = Path(kept.settings.root("raw"))
    tables = (folder / "warehouse" / "steam_raw").rename(folder / "away")
    with pytest.raises(UnsafeRoot, match=r"no table was found in .*, but its catalog has 2"):
        rebuild_catalog(kept.settings, "raw")
    tables.rename(folder / "warehouse" / "steam_raw")
    assert problems(Lake(kept.settings)) == []


def test_a_commit_that_never_reached_the_catalog_is_no_problem(kept: Lake) -> None:
    opened = after_a_commit_that_never_reached_the_catalog(kept)
    assert problems(opened) == []
    for number in range(30):
        land(opened, number=10 + number, key=LATER)
    assert problems(opened) == [], "also when its predecessors have left the log"


def test_a_rebuild_that_is_killed_leaves_the_old_catalog(kept: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(kept.settings.root("raw"))
    before, registered = digests(folder), list[str]()

    def killed_at_the_second(catalog: SqlCatalog, identifier: tuple[str, str], location: str) -> None:
        registered.append(location)
        if len(registered) == 2:
            raise KeyboardInterrupt
        register(catalog, identifier, location)

    register = SqlCatalog.register_table
    monkeypatch.setattr(SqlCatalog, "register_table", killed_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        rebuild_catalog(kept.settings, "raw")
    monkeypatch.undo()
    assert digests(folder) == before
    rebuild_catalog(kept.settings, "raw")
    assert problems(Lake(kept.settings)) == []


def test_rows_without_a_record_are_named(kept: Lake) -> None:
    """Another program adds rows under a key that the ledger does not have."""
    table, key = kept.raw(NEWS).create(), "2026-03-03"
    schema = arrow_schema(table)
    rows = [{name: row.get(name) for name in schema.names} for row in rows_of(9, key, 5)]
    table.append(pa.Table.from_pylist(rows, schema))
    (found,) = problems(Lake(kept.settings))
    assert f"5 rows with partition_key '{key}' were added by another program" in found


def test_a_cleared_partition_whose_backup_is_gone_is_named(kept: Lake) -> None:
    """Such as an external disk that is not mounted."""
    for twins in raw_and_clean(kept):
        back_up(twins, [KEY, LATER], NOW)
    Housekeeping(kept, (SOURCE,), NOW).apply()
    assert KEY in SourceLedger.of(kept, SOURCE).keys
    for root in ("raw-backup", "clean-backup"):
        shutil.rmtree(Path(kept.settings.root(root)))
    again = Lake(kept.settings)
    assert KEY in SourceLedger.of(again, SOURCE).keys
    assert ["no longer has it" in line for line in verify_twins(again.raw_twins(NEWS), KEY)] == [True]


@pytest.mark.parametrize("ahead", [timedelta(seconds=50), timedelta(hours=1)])
def test_a_clock_that_went_back_stops_commits(kept: Lake, ahead: timedelta) -> None:
    """Java readers refuse a table whose log goes back by more than a minute."""
    metadata, stops = Path(kept.raw(NEWS).create().metadata_location), ahead > LATEST_STEP_BACK
    last = datetime_to_millis(datetime.now(UTC) + ahead)
    metadata.write_text(json.dumps(json.loads(metadata.read_text()) | {"last-updated-ms": last}))
    with pytest.raises(ClockBehind, match="this machine's clock says") if stops else nullcontext():
        land(kept, number=3, key=LATER)
    assert len(sequences(kept.raw(NEWS), LATER)) == (20 if stops else 40)
