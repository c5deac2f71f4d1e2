"""Bringing partitions back from their backups, raw and clean together, here or to another place; and the drill.

Belongs here: what a restored partition is made of. Does not belong here: copying itself (raw_backup.py,
clean_backup.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from pyspark.sql import SparkSession

from steam_assets.crash_points import reached
from steam_assets.lake import clean_backup, raw_backup
from steam_assets.lake.clean_backup import BackupDiffers, Content
from steam_assets.lake.clean_tables import clean_table
from steam_assets.lake.lake import Lake
from steam_assets.lake.open_store import on_s3, refuse_beside
from steam_assets.lake.raw_backup import DamagedBackup, TargetDiffers
from steam_assets.lake.raw_store import DamagedManifest
from steam_assets.lake.spark_session import CLEAN, iceberg_catalog, s3a_config
from steam_assets.settings import Settings
from steam_assets.sources.source import Source, Table


class WouldOverwrite(Exception):
    """The target holds other data than the backup, and overwriting was not allowed; that data was not changed."""


@dataclass(frozen=True)
class Restored:
    """What came back of one partition: raw files, rows of each table, and every problem (none: all is verified)."""

    source: str
    partition_key: str
    files: int
    rows: dict[str, int]
    problems: tuple[str, ...]


def backed_up_partitions(lake: Lake, source: Source) -> list[str]:
    """Keys of the partitions that have a backup, raw or clean, oldest first."""
    keys = set(lake.raw_backup.partitions(source.name))
    for table in source.tables:
        keys |= set(lake.backup_ledger.partitions(table.name))
    return sorted(keys)


@dataclass(frozen=True)
class Restorer:
    """Restores from the backups of ``lake`` to ``target`` (the same lake, or ``elsewhere``)."""

    lake: Lake
    spark: SparkSession
    target: Lake
    catalog: str = CLEAN

    @classmethod
    def in_place(cls, lake: Lake, spark: SparkSession) -> Restorer:
        return cls(lake, spark, lake)

    @classmethod
    def elsewhere(cls, lake: Lake, spark: SparkSession, place: str) -> Restorer:
        """To ``place/raw`` and ``place/clean`` (folder or ``s3://…``); ``usable_as`` says how to use it.

        The tables there are known by their own folder, so that a catalog which others use learns nothing of them.
        UnsafeRoot if the place is, holds or lies in a root of ``lake``.
        """
        refuse_beside(place, lake.settings)
        place = place.rstrip("/") if on_s3(place) else str(Path(place).absolute())
        by_folder = {"iceberg_catalog": "hadoop", "iceberg_catalog_uri": "", "iceberg_catalog_properties": {}}
        roots = {"raw_root": f"{place}/raw", "clean_root": f"{place}/clean"}
        settings: Settings = lake.settings.model_copy(update=roots | by_folder)
        # A session keeps a catalog where it first was: each place needs a name of its own.
        catalog = f"restored_{hashlib.sha256(place.encode()).hexdigest()[:12]}"
        config = iceberg_catalog(settings, catalog, settings.root("clean"))
        for key, value in (config | (s3a_config(settings) if on_s3(place) else {})).items():
            spark.conf.set(key, value)
        return cls(lake, spark, Lake(settings), catalog)

    @property
    def usable_as(self) -> str:
        """The settings that make what was restored the primaries of a deployment."""
        settings = self.target.settings
        return (
            f"STEAM_RAW_ROOT={settings.root('raw')} STEAM_CLEAN_ROOT={settings.root('clean')} "
            f"STEAM_ICEBERG_CATALOG={settings.iceberg_catalog}"
        )

    def restore(self, source: Source, keys: Sequence[str], *, overwrite: bool = False) -> Iterator[Restored]:
        """Restore partitions, one after the other, each read back.

        WouldOverwrite at the first that holds other data than its backup, unless ``overwrite``. A damaged backup is a
        problem of its partition, and the others are restored all the same.
        """
        for key in keys:
            files, problems = self._raw(source, key, overwrite)
            rows: dict[str, int] = {}
            for table in source.tables:
                try:
                    rows |= self._clean(table, key, overwrite)
                except BackupDiffers as error:
                    problems.append(str(error))
            yield Restored(source.name, key, files, rows, tuple(problems))

    def _raw(self, source: Source, key: str, overwrite: bool) -> tuple[int, list[str]]:
        try:
            if self.lake.raw_backup.manifest(source.name, key) is None:
                return 0, []
            report = raw_backup.restore(self.lake.raw_backup, self.target.raw, source.name, key, overwrite=overwrite)
        except TargetDiffers as error:
            raise WouldOverwrite(f"{source.name} {key}: {error}") from error
        except (DamagedBackup, DamagedManifest) as error:
            return 0, [str(error)]
        return report.files, [str(problem) for problem in report.verification.problems]

    def _clean(self, table: Table, key: str, overwrite: bool) -> dict[str, int]:
        try:
            record = self.lake.backup_ledger.backup(table.name, key)
        except ValidationError as error:
            raise BackupDiffers(
                f"{table.name} {key}: the record of its backup is damaged; back it up again if the clean table is whole"
            ) from error
        if record is None:
            return {}
        expected = Content(record.rows, record.content_digest)
        target = clean_table(self.spark, table, self.catalog)
        # Opened first: the root has to be found empty, and marked, before Spark writes into it.
        ledger = self.target.ledger
        if not overwrite and target.exists():
            there = clean_backup.content(target.read([key]), [key])[key]
            known = ledger.clean(table.name, key)
            # No rows, and a record of more: housekeeping died between the two. No rows, and a record of none: data.
            vacant = there == clean_backup.EMPTY and (known is None or known.clean > 0)
            if not vacant and there != expected:
                raise WouldOverwrite(
                    f"{table.name} {key} holds {there.rows} rows that differ from the backup's {expected.rows}; "
                    "look at them, then restore with overwriting allowed. They were not changed"
                )
        clean_backup.restore(self.spark, table, {key: expected}, catalog=self.catalog)
        reached("clean_restore:after_commit")
        ledger.write(record.clean)
        return {table.name: record.rows}


def drill(lake: Lake, spark: SparkSession, sources: Sequence[Source], folder: Path) -> Iterator[Restored]:
    """Restore every backup into the empty ``folder`` and compare; ValueError if it is not empty."""
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty; a drill restores into an empty place")
    restorer = Restorer.elsewhere(lake, spark, str(folder))
    for source in sources:
        yield from restorer.restore(source, backed_up_partitions(lake, source))
