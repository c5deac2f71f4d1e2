"""Restore a deployment's partitions (raw, set-aside and clean data), in place or elsewhere, and the restore drill.

Belongs here: what belongs to a partition, and where it is restored to. Does not belong here: restoring one table's rows
(backup.py), printing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote

from steam_assets.lake.backup import backups_of, restore_partitions
from steam_assets.lake.commit_groups import groups
from steam_assets.lake.lake import Lake, Twins
from steam_assets.lake.roots import UnsafeRoot, is_in_use, on_s3, refuse_beside
from steam_assets.ledger.records import PartitionRecord
from steam_assets.settings import Settings
from steam_assets.sources.source import Source
from steam_assets.writable_folders import unwritable


@dataclass(frozen=True)
class Restored:
    """A restored partition: the primary's ``rows`` by table, and one line per problem."""

    source: str
    partition_key: str
    rows: dict[str, int]
    problems: tuple[str, ...]


def backed_up_partitions(lake: Lake, source: Source) -> list[str]:
    """Keys of the partitions that have a backup, raw or clean, oldest first."""
    return sorted({key for twins in lake.twins(source) for key in backups_of(twins)})


@dataclass(frozen=True)
class Restorer:
    """Restores partitions from ``lake``'s backups into the primaries of ``target``, which may be another lake."""

    lake: Lake
    target: Lake

    @classmethod
    def in_place(cls, lake: Lake) -> Restorer:
        return cls(lake, lake)

    @classmethod
    def elsewhere(cls, lake: Lake, place: str) -> Restorer:
        """Restore to a folder or ``s3://bucket/prefix``, as ``place/raw`` and ``place/clean`` with their own catalogs.

        Raises UnsafeRoot if the place is, contains or is inside one of the lake's roots, holds other data, or cannot be
        written (on S3: read).
        """
        refuse_beside(place, lake.settings)
        place = place.rstrip("/") if on_s3(place) else str(Path(place).absolute())
        by_file = {
            "iceberg_catalog": "sqlite",
            "iceberg_catalog_uri": "",
            "iceberg_catalog_properties": dict[str, str](),
        }
        roots = {"raw_root": f"{place}/raw", "clean_root": f"{place}/clean"}
        settings: Settings = lake.settings.model_copy(update=roots | by_file)
        if fault := _unusable(place, settings):
            raise UnsafeRoot(f"{fault}; give another location")
        return cls(lake, Lake(settings))

    @property
    def usable_as(self) -> str:
        """The settings that make a deployment use the restored data as its primaries."""
        settings = self.target.settings
        return (
            f"STEAM_RAW_ROOT={quote(settings.root('raw'))} STEAM_CLEAN_ROOT={quote(settings.root('clean'))} "
            f"STEAM_ICEBERG_CATALOG={settings.iceberg_catalog}"
        )

    def restore(self, source: Source, keys: Sequence[str], *, overwrite: bool = False) -> Iterator[Restored]:
        """Restore partitions, each read back; those of a group together in one commit of each table.

        Raises WouldOverwrite, with nothing of that group changed in the table, if a partition differs from its backup,
        unless ``overwrite``. A damaged backup is reported for its table and partition, as is a batch that is damaged
        and in no backup; the others are still restored.
        """
        copies = backups_of(self.lake.raw_twins(source))
        for group in groups(keys, {key: copy.of for key, copy in copies.items()}):
            rows: dict[str, dict[str, int]] = {key: {} for key in group}
            problems: dict[str, list[str]] = {key: [] for key in group}
            for twins in self._twins(source):
                done = restore_partitions(twins, group, overwrite=overwrite)
                there = twins.primary.records(twins.model)
                for key in done.rows.keys() & there.keys() - done.beyond.keys():
                    rows[key][twins.label.partition("/")[2]] = there[key].content.rows
                for key, problem in (done.problems | done.beyond).items():
                    problems[key].append(f"{twins.label} {key}: {problem}")
            for key in group:
                yield Restored(source.name, key, rows[key], tuple(problems[key]))

    def _twins(self, source: Source) -> list[Twins[PartitionRecord]]:
        """The source's tables: the target's primary with the lake's backup."""
        here, there = self.lake, self.target
        primaries = [there.raw(source), there.set_aside(source), *(there.clean(table) for table in source.tables)]
        return [replace(twins, primary=primary) for twins, primary in zip(here.twins(source), primaries, strict=True)]


def _unusable(place: str, settings: Settings) -> str | None:
    """Why nothing can be restored to a place; None if no problem was found."""
    if not on_s3(place):
        return unwritable(Path(place))
    try:
        is_in_use(settings, "raw")
    except OSError as error:
        return f"{place} cannot be read ({error})"
    return None


def drill(lake: Lake, sources: Sequence[Source], folder: Path) -> Iterator[Restored]:
    """Restore every backup into the empty ``folder`` and compare. Raises ValueError if it is not empty."""
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty; give an empty folder for the drill")
    restorer = Restorer.elsewhere(lake, str(folder))
    for source in sources:
        yield from restorer.restore(source, backed_up_partitions(lake, source))
