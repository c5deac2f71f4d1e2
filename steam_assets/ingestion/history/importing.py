"""Import a folder of the old pipeline: each file becomes raw data of the periods it covers.

Belongs here: walking the folder, envelopes, batches, what is set aside, and the report. Does not belong here: what the
files mean (layouts.py), cleaning.

A batch is one file's part of one partition; its id is derived from the file's path and bytes, so that importing again
changes nothing. The file itself is stored in the first body built from it (a service response is a body already), so
that backups, verification and restores cover it like all raw data.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from steam_assets.ingestion.history.layouts import BESIDE_A_CHART, Layout, layout_of, name_beside
from steam_assets.ingestion.history.old_file import OldFile, Piece, SetAside, Unreadable, outside
from steam_assets.ingestion.landing import envelope_row
from steam_assets.kafka.envelope import Envelope
from steam_assets.lake.lake import Lake
from steam_assets.lake.raw_tables import Aside, commit_batch, put_aside, write_batch
from steam_assets.ledger.records import BackupRecord, Batch, RawRecord
from steam_assets.settings import RootName
from steam_assets.sources import source_named
from steam_assets.sources.cadence import NoWindow
from steam_assets.sources.json_body import NOTES_HEADER
from steam_assets.sources.source import Source

LARGEST_FILE = 64 * 1024 * 1024
NOT_PERMITTED = "this user has no permission to read it"


class NoFolder(Exception):
    """The path to import is not a folder."""


@dataclass(frozen=True)
class ImportLine:
    """A file's part of one partition, or of none.

    ``rows`` = ``usable`` + the numbers in ``left_out`` (reason to rows). Unusable rows of a partition are still raw
    data, and cleaning quarantines them with their reason; rows without a partition are not imported. ``there`` is true
    if an earlier import already brought it in.
    """

    file: str
    source: str | None
    partition_key: str | None
    rows: int
    usable: int
    left_out: dict[str, int]
    there: bool = False


def import_folder(lake: Lake, folder: Path, now: datetime, *, dry_run: bool = False) -> list[ImportLine]:
    """Import every file of the old pipeline below ``folder``; partitions after ``now`` (aware) are rejected.

    ``dry_run`` writes nothing. What this user may not read is reported. Raises NoFolder if it is not a
    folder, OSError if a file cannot be read for another reason.
    """
    if not folder.is_dir():
        raise NoFolder(f"{folder} is not a folder; pass the one with the old pipeline's data")
    return [line for path in files_in(folder) for line in _import_file(lake, folder, path, now, dry_run)]


def files_in(folder: Path) -> list[Path]:
    """All files below a folder, links included, and the folders below it that cannot be listed."""
    unlisted: list[Path] = []

    def note(error: OSError) -> None:
        unlisted.append(Path(error.filename))

    found = [
        Path(parent, name)
        for parent, folders, files in os.walk(folder, onerror=note)
        for name in (*files, *(one for one in folders if os.path.islink(f"{parent}/{one}")))  # noqa: PTH114 - raises not
    ]
    return sorted(found + unlisted)


def _import_file(lake: Lake, folder: Path, path: Path, now: datetime, dry_run: bool) -> list[ImportLine]:
    # A name that is not UTF-8 cannot be stored in raw data or printed in the report.
    relative = os.fsencode(path.relative_to(folder).as_posix()).decode(errors="replace")
    try:
        opened = _opened(path, relative)
    except PermissionError:
        return [_left(relative, None, NOT_PERMITTED)]
    if isinstance(opened, list):
        return opened
    layout, file, beside = opened
    roots: tuple[RootName, ...] = ("raw", "raw-backup")
    looked_at: list[RootName] = [root for root in roots if not dry_run or _exists(lake, root)]
    return _FileImport(lake, layout, file, beside, dry_run, looked_at).run(now)


def _opened(path: Path, relative: str) -> tuple[Layout, OldFile, OldFile | None] | list[ImportLine]:
    """The file, with its layout and the file beside it, or its lines of the report if it is left out.

    Raises PermissionError.
    """
    if path.is_symlink():
        # It may point outside the folder, or form a cycle.
        return [_left(relative, None, "a symbolic link, and links are not followed")]
    if path.is_dir():
        # Only a folder that cannot be listed is among the files.
        raise PermissionError
    if not path.is_file():
        return [_left(relative, None, "not a regular file")]
    found = layout_of(path.name)
    if found is None:
        return _not_ours(path, relative)
    layout, day = found
    if path.stat().st_size > LARGEST_FILE:
        return [_left(relative, layout.source, f"it is larger than {LARGEST_FILE >> 20} MiB")]
    if not os.access(path, os.R_OK):
        return [_left(relative, layout.source, NOT_PERMITTED)]
    file = OldFile(relative, path.read_bytes(), day)
    return layout, file, _beside(layout, path, file)


def _not_ours(path: Path, relative: str) -> list[ImportLine]:
    if BESIDE_A_CHART.search(path.name):
        chart = path.with_name(path.name.replace("_appIds", ""))
        # It is reported with its chart.
        return [] if chart.is_file() else [_left(relative, "top_sellers", "app ids without the chart they belong to")]
    return [_left(relative, None, "its name is not one of the old pipeline's")]


def _left(file: str, source: str | None, why: str) -> ImportLine:
    return ImportLine(file, source, None, 0, 0, {why: 0})


def _beside(layout: Layout, path: Path, file: OldFile) -> OldFile | None:
    name = name_beside(layout, path.name)
    other = path.with_name(name) if name else None
    if other is None or not other.is_file() or other.is_symlink() or other.stat().st_size > LARGEST_FILE:
        return None
    return replace(file, path=f"{file.path.rpartition('/')[0]}/{name}".lstrip("/"), data=other.read_bytes())


def _exists(lake: Lake, name: RootName) -> bool:
    """Whether a root exists: opening it would create it, and a dry run creates nothing."""
    root = lake.settings.root(name)
    return root.startswith("s3://") or Path(root).is_dir()


@dataclass
class _FileImport:
    """One file's import. ``looked_at`` are the roots to check for an earlier import of it."""

    lake: Lake
    layout: Layout
    file: OldFile
    beside: OldFile | None
    dry_run: bool
    looked_at: Sequence[RootName]

    @property
    def source(self) -> Source:
        return source_named(self.layout.source)

    def run(self, now: datetime) -> list[ImportLine]:
        if self.file.midnight > now:
            return [_left(self.file.path, self.source.name, f"{self.file.day} is in the future")]
        try:
            key = self.source.cadence.containing(self.file.midnight).key
        except NoWindow as error:
            return [_left(self.file.path, self.source.name, str(error))]
        try:
            reading = self.layout.read(self.file, self.beside)
        except (Unreadable, NoWindow) as error:
            self._quarantine(key, SetAside(0, str(error), self.file.data), now)
            return [_left(self.file.path, self.source.name, str(error))]
        lines = []
        # What is dated wrongly and not imported must not make the rest newer than any later response.
        possible = [p.fetched_at for p in reading.pieces if not outside(self.source.cadence, p.partition_key, now)]
        collected = min(now, max(possible, default=now))
        for partition_key in sorted({piece.partition_key for piece in reading.pieces}):
            pieces = [piece for piece in reading.pieces if piece.partition_key == partition_key]
            lines.append(self._partition(partition_key, pieces, reading.notes, collected, now))
        for aside in reading.set_aside:
            self._quarantine(key, aside, now)
            lines.append(self._line(None, aside.rows, {aside.reason: aside.rows}))
        return lines

    def _partition(
        self, key: str, found: Sequence[Piece], notes: Sequence[str], collected: datetime, now: datetime
    ) -> ImportLine:
        pieces = [replace(piece, fetched_at=collected) for piece in found]
        rows = sum(piece.rows for piece in pieces)
        impossible = outside(self.source.cadence, key, now)
        if impossible:
            return self._line(None, rows, {impossible: rows})
        unusable: dict[str, int] = {}
        for piece in pieces:
            for reason, count in piece.unusable.items():
                unusable[reason] = unusable.get(reason, 0) + count
        batch_id = self._batch_id(key)
        there = self._is_there(key, batch_id)
        if not there and not self.dry_run:
            self._land(key, batch_id, pieces, notes, now)
        return replace(self._line(key, rows, unusable), there=there)

    def _line(self, key: str | None, rows: int, left_out: dict[str, int]) -> ImportLine:
        return ImportLine(self.file.path, self.source.name, key, rows, rows - sum(left_out.values()), left_out)

    def _batch_id(self, key: str) -> str:
        named = [self.source.name, key, self.file.path, self.file.sha256, self.beside.sha256 if self.beside else ""]
        return hashlib.sha256(json.dumps(named).encode()).hexdigest()[:32]

    def _is_there(self, key: str, batch_id: str) -> bool:
        # If only the backup has it, housekeeping cleared it, and a restore, not an import, brings it back.
        known: set[str] = set()
        if "raw" in self.looked_at:
            record = self.lake.raw(self.source).record(RawRecord, key)
            known |= record.batch_ids if record else set()
        if "raw-backup" in self.looked_at:
            held = self.lake.raw_backup(self.source).record(BackupRecord[RawRecord], key)
            known |= held.of.batch_ids if held else set()
        return batch_id in known

    def _land(self, key: str, batch_id: str, pieces: Sequence[Piece], notes: Sequence[str], now: datetime) -> None:
        envelopes = [self._envelope(key, batch_id, n, piece, notes) for n, piece in enumerate(pieces)]
        raw = self.lake.raw(self.source)
        written = write_batch(raw, batch_id, (envelope_row(one, None, None, None) for one in envelopes))
        items: Counter[str] = Counter()
        for piece in pieces:
            items.update(piece.items)
        newest = max(one.fetched_at for one in envelopes)
        batch = Batch.without_kafka(
            batch_id,
            written.stored,
            items,
            size=written.size,
            fetched_at=newest,
            landed_at=now,
            provenance=self._provenance,
        )
        commit_batch(raw, key, batch, written.files)

    @property
    def _provenance(self) -> str:
        return f"import:{self.file.path}"

    def _envelope(self, key: str, batch_id: str, sequence: int, piece: Piece, notes: Sequence[str]) -> Envelope:
        body = piece.body.decode()
        return Envelope(
            source=self.source.name,
            partition_key=key,
            batch_id=batch_id,
            sequence=sequence,
            request=piece.request,
            app_id=piece.app_id,
            url=self._provenance,
            status=0,
            headers={NOTES_HEADER: "\n".join(notes)},
            fetched_at=piece.fetched_at,
            sha256=hashlib.sha256(piece.body).hexdigest(),
            body=body,
            items=dict(piece.items),
            provenance=self._provenance,
        )

    def _quarantine(self, key: str, aside: SetAside, now: datetime) -> None:
        if self.dry_run or not aside.data:
            return
        details = {"rows": str(aside.rows), "provenance": self._provenance}
        kept = Aside(self._provenance, aside.data, aside.reason, details)
        put_aside(self.lake.set_aside(self.source), self.source.name, key, [kept], now)
