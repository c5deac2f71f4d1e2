"""A damaged backup costs the partition it damages, names it, and keeps no other from coming back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from clean_partitions import NOW, put_in_place
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from raw_landing import SOURCE as NEWS
from raw_landing import land

from steam_assets.lake import raw_backup
from steam_assets.lake.clean_tables import clean_table
from steam_assets.lake.lake import Lake
from steam_assets.lake.restore import Restorer, WouldOverwrite, drill
from steam_assets.lake.spark_session import CLEAN_BACKUP
from steam_assets.settings import Settings
from steam_assets.sources import source_named
from steam_assets.sources.source import Column, Table
from steam_assets_tests.deployment import session_for

pytestmark = pytest.mark.spark

THINGS = Table(
    name="things",
    description="Things.",
    columns=(Column("id", "bigint", "Its id.", nullable=False),),
    key=("id",),
    items=lambda raw: raw.limit(0),
)
SOURCE = replace(source_named(NEWS), tables=(THINGS,))


def _raw_file(home: Path, key: str) -> Path:
    return max((home / "raw-backup" / NEWS / key).glob("*.gz"))


def _rotten_file(home: Path, key: str) -> None:
    _raw_file(home, key).write_bytes(b"rotten")


def _missing_file(home: Path, key: str) -> None:
    _raw_file(home, key).unlink()


def _damaged_manifest(home: Path, key: str) -> None:
    for path in (f"{key}/manifest.json", f"_manifests/{key}.json"):
        (home / "raw-backup" / NEWS / path).write_bytes(b"rotten")


def _missing_rows(home: Path, key: str) -> None:
    for path in (home / "clean-backup" / "warehouse").rglob(f"partition_key={key}/*.parquet"):
        path.unlink()


def _damaged_record(home: Path, key: str) -> None:
    (home / "clean-backup" / "ledger" / "things" / f"{key}.json").write_bytes(b"{")


FIRST, LAST = "2026-01-06", "2026-02-24"
DAMAGES: dict[str, tuple[Callable[[Path, str], None], str, int, dict[str, int]]] = {
    "2026-01-13": (_rotten_file, "original is damaged", 0, {"things": 2}),
    "2026-01-20": (_missing_file, "does not exist", 0, {"things": 2}),
    "2026-01-27": (_damaged_manifest, "no copy of the manifest can be trusted", 0, {"things": 2}),
    "2026-02-03": (_missing_rows, "things 2026-02-03: the backup cannot be read", 2, {}),
    "2026-02-10": (_damaged_record, "the record of its backup is damaged", 2, {}),
}
"""Each damaged partition: the damage, what is said of it, and what comes back of it nevertheless."""
KEYS = (FIRST, *DAMAGES, LAST)


def rows(session: SparkSession, ids: tuple[int, ...] = (1, 2)) -> DataFrame:
    pairs = session.createDataFrame([(i, key) for i in ids for key in KEYS], "id bigint, partition_key string")
    return pairs.withColumns(
        {
            "fetched_at": F.lit(NOW),
            "source_sha256": F.lit("0" * 64),
            "changes": F.array().cast("array<string>"),
        }
    )


@pytest.fixture(scope="module")
def kept(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, SparkSession]:
    """A lake with all partitions raw and clean, and the backups of them, which are then damaged."""
    settings = Settings(home=tmp_path_factory.mktemp("kept"))
    lake, session = Lake(settings), session_for(spark, settings)
    for key in KEYS:
        land(lake.raw, key=key)
        raw_backup.back_up(lake.raw, lake.raw_backup, NEWS, key)
    put_in_place(lake, session, THINGS, rows(session), dict.fromkeys(KEYS, 2))
    for key, (damage, *_) in DAMAGES.items():
        damage(settings.home, key)
    return lake, session


def test_a_drill_names_every_damage_and_restores_all_else(kept: tuple[Lake, SparkSession], tmp_path: Path) -> None:
    lake, session = kept
    found = {r.partition_key: r for r in drill(lake, session, (SOURCE,), tmp_path / "drill")}
    assert list(found) == list(KEYS)
    for key in (FIRST, LAST):
        assert (found[key].files, found[key].rows, found[key].problems) == (2, {"things": 2}, ())
    for key, (_, said, files, restored) in DAMAGES.items():
        (problem,) = found[key].problems
        assert said in problem
        assert (found[key].files, found[key].rows) == (files, restored)


def test_raw_that_differs_is_refused_before_anything_is_copied(kept: tuple[Lake, SparkSession]) -> None:
    lake, session = kept
    manifest = lake.raw.manifest(NEWS, FIRST)
    assert manifest is not None
    gone, changed = (file.key for file in manifest.files)
    lake.raw.store.delete(gone)
    lake.raw.store.write(changed, b"mine")
    restorer = Restorer.in_place(lake, session)
    with pytest.raises(WouldOverwrite, match="Nothing was changed"):
        list(restorer.restore(SOURCE, [FIRST]))
    assert lake.raw.store.stat(gone) is None
    (result,) = restorer.restore(SOURCE, [FIRST], overwrite=True)
    assert result.problems == ()


def test_a_backup_that_lost_its_rows_never_replaces_those_of_the_primary(kept: tuple[Lake, SparkSession]) -> None:
    """Overwriting is allowed, and the primary's rows differ: they are better than none."""
    lake, session = kept
    primary, backup = clean_table(session, THINGS), clean_table(session, THINGS, CLEAN_BACKUP)
    primary.overwrite(rows(session, (1, 2, 3)).where(F.col("partition_key") == LAST), [LAST])
    session.sql(f"DELETE FROM {backup.identifier} WHERE partition_key = '{LAST}'")
    restorer = Restorer.in_place(lake, session)
    (result,) = restorer.restore(SOURCE, [LAST], overwrite=True)
    assert "the backup holds 0 rows" in result.problems[0]
    session.sql(f"DROP TABLE {backup.identifier}")
    (result,) = restorer.restore(SOURCE, [LAST], overwrite=True)
    assert result.problems == ("things has no backup table",)
    assert primary.read([LAST]).count() == 3
