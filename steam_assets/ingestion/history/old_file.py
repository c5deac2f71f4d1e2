"""What reading one old file gives: pieces for raw partitions, and what is left out of them, counted.

Belongs here: the types that layouts and the import share, and the reading of CSV. Does not belong here: any one layout.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from steam_assets.sources.cadence import Cadence


class Unreadable(Exception):
    """A file that is named like one of the old pipeline's, and does not hold what such a file holds."""


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
        """The file as UTF-8. Unreadable if it is something else."""
        try:
            return self.data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Unreadable(f"it is not UTF-8 (byte {error.start})") from error

    def as_json(self) -> dict[str, str]:
        """The file as it stands in a body that was built from it: every byte can be had back."""
        return {"path": self.path, "sha256": self.sha256, "text": self.text()}


@dataclass(frozen=True)
class Piece:
    """One envelope to be: a body in the service's shape and how many ``items`` of each table it holds.

    ``fetched_at`` is the earliest moment (UTC) at which the file can have been collected: old files tell no hour.
    ``unusable`` counts rows, by reason, of which cleaning will have to put into quarantine.
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
    """Rows that cannot be part of any body: how many, why, and their bytes."""

    rows: int
    reason: str
    data: bytes


@dataclass(frozen=True)
class Reading:
    """All that an old file holds. ``notes`` say what its makers altered or left out; clean rows carry them."""

    pieces: Sequence[Piece]
    notes: Sequence[str]
    set_aside: Sequence[SetAside] = ()


@dataclass(frozen=True)
class Csv:
    """Rows of a CSV by column name, and the rows that do not have all the columns, as CSV again."""

    rows: Sequence[Mapping[str, str]]
    broken: Sequence[SetAside]


def read_csv(file: OldFile, *layouts: Sequence[str]) -> Csv:
    """The rows of a CSV whose header is one of ``layouts``. Unreadable if it is another."""
    text = file.text().removeprefix("\ufeff")
    try:
        header, *lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    except ValueError:
        raise Unreadable("it is empty") from None
    except csv.Error as error:
        raise Unreadable(f"it is no valid CSV ({error})") from error
    if header not in [list(layout) for layout in layouts]:
        raise Unreadable(f"its columns are {', '.join(header)[:120]!r}, and such a file has {', '.join(layouts[0])}")
    whole = [dict(zip(header, line, strict=True)) for line in lines if len(line) == len(header)]
    broken = [line for line in lines if len(line) != len(header) and line]
    if not whole:
        raise Unreadable("it has no rows")
    return Csv(whole, [SetAside(len(broken), "rows with another number of columns", _csv(broken))] if broken else [])


def _csv(lines: Sequence[Sequence[str]]) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerows(lines)
    return written.getvalue().encode()


def number(text: str) -> int | str:
    """A whole number, with or without thousands separators; what is none stays text and is judged by cleaning."""
    digits = text.strip().replace(",", "")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else text


def flag(text: str, yes: str, no: str) -> bool | str:
    """The two values a column of the old files has; anything else stays text and is judged by cleaning."""
    return {yes: True, no: False}.get(text.strip(), text)


def outside(cadence: Cadence, key: str, now: datetime) -> str | None:
    """Why a partition cannot be: it lies before the first one, or has not begun. None if it can."""
    if key < cadence.first:
        return f"{key} is before the first partition, {cadence.first}"
    return f"{key} is in the future" if cadence.window(key).start > now else None
