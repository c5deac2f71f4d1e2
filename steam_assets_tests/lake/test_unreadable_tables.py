"""A read that fails on a lost or damaged file names the file and the command that repairs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from clean_partitions import SOURCE, THINGS, clean
from raw_landing import KEY, LATER

from steam_assets.insights import INSIGHTS
from steam_assets.insights.table import insight_table
from steam_assets.lake.clean_reader import CleanReader
from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.lake.lake import Lake
from steam_assets.lake.partition_files import PartitionFiles
from steam_assets.lake.unreadable_tables import UnreadableTable, next_step
from steam_assets.query.engine import Engine
from steam_assets.query.errors import QueryError
from steam_assets_tests.nightly import rest_nightly
from steam_assets_tests.prepared_lakes import Prepared

TABLE = "things"


@pytest.fixture
def filled(prepared: Prepared) -> Lake:
    return prepared(two_weeks)


def two_weeks(lake: Lake) -> None:
    clean(lake, {1: "a", 2: "b"})
    clean(lake, {3: "c"}, key=LATER)


def whole(lake: Lake) -> object:
    return CleanReader(lake.settings).arrow(TABLE)


def listed(lake: Lake) -> object:
    return CleanReader(lake.settings).partition_keys(TABLE)


def one_partition(lake: Lake) -> object:
    return files_of(lake).read([KEY])


def streamed(lake: Lake) -> object:
    return files_of(lake).stream(KEY).read_all()


def queried(lake: Lake) -> object:
    return Engine(lake, keep=False).ask(f"select max(label) from {TABLE}").rows


def files_of(lake: Lake) -> PartitionFiles:
    found = PartitionFiles.of(CleanReader(lake.settings).table(TABLE))
    assert found is not None
    return found


def stored(lake: Lake, what: str) -> Path:
    """A data file of the older partition, the oldest manifest, or the list of manifests."""
    table = CleanReader(lake.settings).table(TABLE)
    snapshot = table.current_snapshot() if table else None
    assert table is not None and snapshot is not None
    if what == "data":
        (path,) = Path(table.location(), "data", f"partition_key={KEY}").iterdir()
        return path
    return Path(snapshot.manifest_list if what == "list" else snapshot.manifests(table.io)[-1].manifest_path)


@pytest.mark.parametrize("read", [whole, one_partition, streamed, queried])
@pytest.mark.parametrize("how", rest_nightly(["cut", "missing", "empty", "a page"], kept=2))
@pytest.mark.parametrize("what", ["data", "manifest", "list"])
def test_the_file_and_the_next_step_are_named(
    filled: Lake, read: Callable[[Lake], object], what: str, how: str
) -> None:
    path = stored(filled, what)
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes({"cut": path.read_bytes()[:200], "empty": b"", "a page": b"<html>503</html>"}[how])
    with pytest.raises((UnreadableTable, QueryError), match=r"^table things cannot be read") as raised:
        read(filled)
    assert str(path) in str(raised.value)
    assert "`steam-assets restore --overwrite`" in str(raised.value)


def test_partitions_are_listed_although_a_data_file_is_lost(filled: Lake) -> None:
    stored(filled, "data").unlink()
    assert listed(filled) == [KEY, LATER]
    stored(filled, "manifest").unlink()
    with pytest.raises(UnreadableTable, match=r"^table things cannot be read.* is missing"):
        listed(filled)


def test_a_mistake_of_the_reader_is_no_damage(filled: Lake) -> None:
    with pytest.raises(ValueError, match="nowhere"):
        CleanReader(filled.settings).arrow(TABLE, columns=("nowhere",))
    with pytest.raises(QueryError, match=r"(?i)could not parse"):
        Engine(filled).ask(f"select strptime(label, '%Y') from {TABLE}")


@pytest.mark.parametrize(
    ("table", "step"),
    [
        (lambda lake: lake.raw(SOURCE), "`steam-assets restore --overwrite`"),
        (lambda lake: lake.clean_twins(SOURCE, THINGS).backup, "from another copy"),
        (lambda lake: lake.quarantine(THINGS), "clean its partitions again"),
        (lambda lake: insight_table(lake, INSIGHTS[0]), "`steam-assets refresh --all`"),
    ],
)
def test_the_next_step_depends_on_what_the_table_is(
    filled: Lake, table: Callable[[Lake], IcebergTable], step: str
) -> None:
    assert step in next_step(table(filled).create())
