"""The drill of losses: in a copy of a lake, lose one part after the other and recover it.

Belongs here: what is lost of the copy and how it is recovered. Does not belong here: making the copy (restore.py), the
reviewers' key (spark/reviewer_key.py), Kafka and Dagster's storage (commands/lost_services.py).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeAlias

from steam_assets.lake.backup import back_up, backup_of, verify_twins
from steam_assets.lake.catalog_rebuild import rebuild_catalog
from steam_assets.lake.catalogs import sqlite_file
from steam_assets.lake.lake import Lake
from steam_assets.lake.restore import Restorer, backed_up_partitions
from steam_assets.lake.roots import ROOT_NAMES
from steam_assets.settings import RootName, Settings
from steam_assets.sources.source import Source

Turn: TypeAlias = tuple[Callable[[], None], Callable[[], None]]
"""How to lose a part, and how to recover it; the latter may raise NotRecovered."""


class NotRecovered(Exception):
    """A part of the copy could not be recovered; the message states why."""


@dataclass(frozen=True)
class Recovered:
    """A part that was lost and recovered, and one line for each thing that is not as in the lake's own backups."""

    lost: str
    problems: tuple[str, ...]


def lose_by_turns(
    lake: Lake, sources: Sequence[Source], folder: Path, now: datetime, more: Mapping[str, Turn] | None = None
) -> Iterator[Recovered]:
    """Lose each part of the copy that a drill restored into ``folder``, recover it, and compare everything.

    ``now`` (aware) is the time of the copy's backups. ``more`` has further parts. The lake itself is only read.
    """
    drill = _LossDrill(lake, sources, all_in(lake.settings, folder), now)
    drill.back_up()
    for lost, (lose, recover) in {**drill.turns(), **(more or {})}.items():
        failed = list[str]()
        try:
            lose()
            recover()
        except NotRecovered as error:
            failed = [f"{lost}: {error}"]
        yield Recovered(lost, (*failed, *drill.problems()))


def all_in(settings: Settings, folder: Path) -> Settings:
    """Settings with all four roots in a folder, where ``Restorer.elsewhere`` has put the primaries."""
    roots = {f"{name.replace('-', '_')}_root": f"{folder.absolute()}/{name}" for name in ROOT_NAMES}
    by_file = {"iceberg_catalog": "sqlite", "iceberg_catalog_uri": "", "iceberg_catalog_properties": dict[str, str]()}
    return settings.model_copy(update=roots | by_file)


@dataclass(frozen=True)
class _LossDrill:
    lake: Lake
    sources: Sequence[Source]
    settings: Settings
    now: datetime

    def turns(self) -> dict[str, Turn]:
        """How to lose and how to recover each part; the names are those of docs/how-to/recover.md."""
        return {
            "the catalog of a root": (self._lose_catalogs, self._rebuild),
            "the raw root": (partial(self._lose, "raw"), self._restore),
            "the clean root": (partial(self._lose, "clean"), self._restore),
            "the backup of raw": (partial(self._lose, "raw-backup"), self.back_up),
            "the backup of clean data": (partial(self._lose, "clean-backup"), self.back_up),
        }

    @property
    def _copy(self) -> Lake:
        """The copy as it is on the disk now."""
        return Lake(self.settings)

    def back_up(self) -> None:
        for source in self.sources:
            for twins in self._copy.twins(source):
                back_up(twins, [*twins.primary.records(twins.model)], self.now)

    def problems(self) -> Iterator[str]:
        """What differs in the copy or its backups from the lake's backups, read back."""
        for source in self.sources:
            keys = backed_up_partitions(self.lake, source)
            for own, twins in zip(self.lake.twins(source), self._copy.twins(source), strict=True):
                own, twins = replace(own, backup=own.backup.pinned()), twins.planned(keys)
                for key in keys:
                    yield from verify_twins(twins, key)
                    expected, found = backup_of(own, key), backup_of(twins, key)
                    if expected is not None and (found is None or found.of.content != expected.of.content):
                        yield f"{twins.label} {key}: the recovered copy is not the original"

    def _lose(self, name: RootName) -> None:
        shutil.rmtree(self.settings.root(name))

    def _lose_catalogs(self) -> None:
        for name in ROOT_NAMES:
            sqlite_file(self.settings, name).unlink()

    def _rebuild(self) -> None:
        for name in ROOT_NAMES:
            rebuild_catalog(self.settings, name)

    def _restore(self) -> None:
        copy = self._copy
        for source in self.sources:
            for _ in Restorer.in_place(copy).restore(source, backed_up_partitions(copy, source)):
                pass
