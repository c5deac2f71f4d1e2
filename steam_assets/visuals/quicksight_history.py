"""The history of requests to QuickSight: ingestions by data set, stored in the clean root.

Belongs here: the records, the quota they use, which data sets are due. Does not belong here: API calls (quicksight.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter

from steam_assets.lake.files import Files
from steam_assets.lake.roots import open_root
from steam_assets.settings import Settings

DAY = timedelta(hours=24)
QUOTA: Mapping[str, int] = {"enterprise": 32, "standard": 8}
"""Refreshes that an edition allows in 24 hours. AWS does not say whether per data set or per account; the stricter
reading, per account, is applied."""


@dataclass(frozen=True)
class Version:
    """The current version of a table, and the data set that imports it."""

    table: str
    dataset_id: str
    snapshot_id: int


class Asked(BaseModel):
    """A requested ingestion. ``rows`` is the row count of the version, which the data set must have afterwards.

    ``asked``: not known to have finished. ``refused``: QuickSight did not accept it; it does not count towards the
    quota. ``completed`` and ``failed`` are final. It is not requested again before ``not_before``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: str
    dataset_id: str
    ingestion_id: str
    snapshot_id: int
    attempt: int
    rows: int
    asked_at: AwareDatetime
    status: Literal["asked", "refused", "completed", "failed"] = "asked"
    told: str = ""
    not_before: AwareDatetime | None = None


_ALL = TypeAdapter(list[Asked])


class History:
    """The records of one deployment, in its clean root. Only one process at a time may write them."""

    def __init__(self, settings: Settings) -> None:
        # Mark the root while it is empty: with a file but no marker, it would be rejected as foreign.
        open_root(settings, "clean")
        self._files = Files(settings)
        self._address = f"{settings.root('clean')}/{_NAME}"

    def all(self) -> list[Asked]:
        """The records of the last 24 hours and the newest of each data set, oldest first."""
        return _ALL.validate_json(self._files.read(self._address)) if self._files.exists(self._address) else []

    def newest(self, dataset_id: str) -> Asked | None:
        return next((one for one in reversed(self.all()) if one.dataset_id == dataset_id), None)

    def keep(self, asked: Asked, now: datetime) -> None:
        """Add a record, or replace the one of the same ingestion."""
        others = [one for one in self.all() if _id(one) != _id(asked)]
        kept = sorted([*others, asked], key=lambda one: one.asked_at)
        newest = {one.dataset_id: one for one in kept}
        needed = [one for one in kept if one.asked_at > now - DAY or newest[one.dataset_id] is one]
        self._files.write(self._address, _ALL.dump_json(needed, indent=1))

    def left(self, quota: int, now: datetime) -> int:
        """How many refreshes are left in the 24 hours before ``now``."""
        return quota - len(self._counted(now))

    def next_free(self, now: datetime) -> datetime:
        """When the next refresh becomes available; ``now`` if none is counted."""
        return min((one.asked_at + DAY for one in self._counted(now)), default=now)

    def due(self, versions: Sequence[Version], now: datetime) -> list[Version]:
        """The versions that are not in their data set: never requested, refused, or requested with unknown outcome.

        Data sets with the oldest refresh come first.
        """
        newest = {one.dataset_id: one for one in self.all()}
        found = [version for version in versions if _is_due(version, newest.get(version.dataset_id), now)]
        never = now - timedelta(days=36500)
        return sorted(found, key=lambda v: newest[v.dataset_id].asked_at if v.dataset_id in newest else never)

    def digest(self, versions: Sequence[Version]) -> str:
        """A digest of these versions and their state: unchanged as long as nothing was requested or finished."""
        newest = {one.dataset_id: one for one in self.all()}
        lines = []
        for version in versions:
            record = newest.get(version.dataset_id)
            lines.append(f"{version} {record.model_dump_json() if record else ''}")
        return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]

    def _counted(self, now: datetime) -> list[Asked]:
        return [one for one in self.all() if one.status != "refused" and one.asked_at > now - DAY]


def _id(asked: Asked) -> tuple[str, str]:
    return asked.dataset_id, asked.ingestion_id


def _is_due(version: Version, newest: Asked | None, now: datetime) -> bool:
    if newest is None or newest.snapshot_id != version.snapshot_id:
        return True
    waits = newest.not_before is not None and newest.not_before > now
    return newest.status in ("asked", "refused") and not waits


_NAME = "quicksight/asked.json"
