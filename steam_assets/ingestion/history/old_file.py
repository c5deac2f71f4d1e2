"""The result of reading one old file: pieces for raw partitions, and counts of what is left out.

Belongs here: the types shared by layouts and the import, reading CSV. Does not belong here: any particular layout.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from steam_assets.sources.cadence import Cadence

BROKEN = "rows with another number of columns"


class Unreadable(Exception):
    """A file is named like one of the old pipeline's, but its content does not match."""


@dataclass(frozen=True)
class OldFile:
    """A file of the folder: ``path`` is relative to it, with slashes; ``day`` is the date in its name."""

    path: str
    data: bytes
    day: date

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def midnight(self) -> datetime:
        """The first moment (UTC) of the day in the name."""
        return datetime.combine(self.day, time(), UTC)

    def text(self) -> str:
        """The file decoded as UTF-8. Raises Unreadable if it is not UTF-8."""
        try:
            return self.data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Unreadable(f"it is not UTF-8 (byte {error.start})") from error

    def as_json(self) -> dict[str, str]:
        """The file as stored in a body built from it: every byte can be recovered."""
        return {"path": self.path, "sha256": self.sha256, "text": self.text()}


@dataclass(frozen=True)
class Piece:
    """A future envelope: a body in the service's format, and how many ``items`` of each table it holds.

    ``fetched_at`` is the earliest time (UTC) at which the piece can have been collected: old files have no hour. The
    import gives all pieces of a file that it keeps the latest of theirs.
    ``unusable`` counts, by reason, the rows that cleaning will quarantine.
    """

    partition_key: str
    request: str
    body: bytes
    items: Mapping[str, int]
    fetched_at: datetime
    app_id: int | None = None
    unusable: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(self.items.values())


@dataclass(frozen=True)
class SetAside:
    """Rows that cannot be part of a body: how many, why, and their bytes."""

    rows: int
    reason: str
    data: bytes


@dataclass(frozen=True)
class Reading:
    """The content of an old file. ``notes`` state what the old collector altered or left out; clean rows have them."""

    pieces: Sequence[Piece]
    notes: Sequence[str]
    set_aside: Sequence[SetAside] = ()


@dataclass(frozen=True)
class Csv:
    """Rows of a CSV by column name, and the ``broken`` ones, with another number of columns, each as a line of CSV."""

    rows: Sequence[Mapping[str, str]]
    broken: Sequence[str]

    @property
    def set_aside(self) -> Sequence[SetAside]:
        """The broken rows, for a file whose other rows do not depend on them."""
        return [SetAside(len(self.broken), BROKEN, "".join(self.broken).encode())] if self.broken else []


def read_csv(file: OldFile, *layouts: Sequence[str]) -> Csv:
    """Read the rows of a CSV. Raises Unreadable if its header is not one of ``layouts``."""
    text = file.text().removeprefix("\ufeff")
    try:
        header, *lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    except ValueError:
        raise Unreadable("it is empty") from None
    except csv.Error as error:
        raise Unreadable(f"it is not valid CSV ({error})") from error
    if header not in [list(layout) for layout in layouts]:
        raise Unreadable(f"its columns are {', '.join(header)[:120]!r}, expected {', '.join(layouts[0])}")
    whole = [dict(zip(header, line, strict=True)) for line in lines if len(line) == len(header)]
    broken = [_csv(line) for line in lines if len(line) != len(header) and line]
    if not whole:
        raise Unreadable("it has no rows")
    return Csv(whole, broken)


def _csv(line: Sequence[str]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(line)
    return written.getvalue()


def number(text: str) -> int | str:
    """A whole number, with or without thousands separators; anything else stays text for cleaning to classify."""
    digits = text.strip().replace(",", "")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else text


def flag(text: str, yes: str, no: str) -> bool | str:
    """A boolean from a two-valued column of the old files; anything else stays text for cleaning to classify."""
    return {yes: True, no: False}.get(text.strip(), text)


def outside(cadence: Cadence, key: str, now: datetime) -> str | None:
    """Why a partition cannot exist: it is before the first one, or has not begun. None if it can."""
    if key < cadence.first:
        return f"{key} is before the first partition, {cadence.first}"
    return f"{key} is in the future" if cadence.window(key).start > now else None
