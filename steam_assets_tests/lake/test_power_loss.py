"""After a power loss right after any commit, everything the catalogs refer to is on disk, complete and under its name.

The tests observe Python's system calls: what was synced, and when SQLite committed. A power loss may take folders and
files that were not synced by then.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sqlalchemy import Connection, Engine, event

from steam_assets.lake.catalogs import CATALOG_FILE, open_catalog
from steam_assets.lake.lake import Lake
from steam_assets.spark.clean_tables import overwrite, read_table
from steam_assets_tests.deployment import session_for
from steam_assets_tests.lake.clean_partitions import THINGS, clean
from steam_assets_tests.lake.raw_landing import KEY, LATER
from steam_assets_tests.lake.stages import STAGES

FULL = 2
"""The value of `PRAGMA synchronous` with which SQLite returns from a commit once it is on disk."""


class Disk:
    """What was synced: the size of each file and the entries of each folder at that time."""

    def __init__(self) -> None:
        self._sizes: dict[int, int] = {}
        self._names: dict[int, set[str]] = {}
        self._fsync = os.fsync

    def fsync(self, descriptor: int) -> None:
        self._fsync(descriptor)
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            self._names[found.st_ino] = set(os.listdir(descriptor))
        else:
            self._sizes[found.st_ino] = found.st_size

    def lost(self, folder: Path) -> list[Path]:
        """What a power loss may take now, except SQLite's own files."""
        return [path for path in sorted(folder.rglob("*")) if CATALOG_FILE not in path.name and self._may_lose(path)]

    def _may_lose(self, path: Path) -> bool:
        found, above = path.stat(), path.parent.stat()
        unnamed = path.name not in self._names.get(above.st_ino, ())
        return unnamed or (path.is_file() and self._sizes.get(found.st_ino) != found.st_size)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    observed = Disk()
    monkeypatch.setattr(os, "fsync", observed.fsync)
    return observed


@pytest.fixture
def commits(disk: Disk, lake: Lake) -> Iterator[list[list[Path]]]:
    """For each commit of an SQLite catalog, what a power loss may take when it begins."""
    seen: list[list[Path]] = []

    def committing(_: Connection) -> None:
        seen.append(disk.lost(lake.settings.home))

    event.listen(Engine, "commit", committing)
    yield seen
    event.remove(Engine, "commit", committing)


def test_all_files_are_synced_before_a_commit_names_them(lake: Lake, commits: list[list[Path]]) -> None:
    """Covers landing, setting aside, cleaning in Python, backups, housekeeping and restoring."""
    for name, stage in STAGES.items():
        before = len(commits)
        stage(lake, [])
        assert len(commits) > before, name
        assert not any(commits[before:]), name


def test_catalog_commits_are_synced_when_they_return(lake: Lake) -> None:
    catalog = open_catalog(lake.settings, "raw")
    assert isinstance(catalog, SqlCatalog)
    with catalog.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == FULL
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"


@pytest.mark.spark
def test_files_written_by_spark_are_synced_before_readers_see_them(
    lake: Lake, disk: Disk, commits: list[list[Path]], spark: SparkSession
) -> None:
    """Covers all files of the published snapshot. The branch before it cannot be covered: Spark commits it itself."""
    session, table = session_for(spark, lake.settings), lake.clean(THINGS)
    clean(lake, {1: "one"}, key=LATER)

    def write() -> DataFrame:
        return read_table(session, table, [LATER]).withColumn("partition_key", F.lit(KEY))

    overwrite(session, table, write, [KEY], lambda _: {})
    loaded = table.load()
    assert loaded is not None
    lost = set(commits[-1])
    snapshot = loaded.current_snapshot()
    assert snapshot is not None
    needed = [
        loaded.metadata_location,
        snapshot.manifest_list,
        *(m.manifest_path for m in snapshot.manifests(loaded.io)),
    ]
    needed += [task.file.file_path for task in loaded.scan().plan_files()]
    assert not [place for path in map(Path, needed) for place in (path, *path.parents) if place in lost]
