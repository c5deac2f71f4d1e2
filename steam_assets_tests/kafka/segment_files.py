"""A broker's log segment files: where each record batch is, and how to damage one of its bytes.

Belongs here: the on-disk layout of Kafka's record batches (format 2). Does not belong here: assertions.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

HEADER = struct.Struct(">qiibIhi")
"""Base offset, length of the rest, leader epoch, magic, CRC, attributes, last offset delta."""
BEFORE_LENGTH = 12
CONTROL = 0x20

PLACES: Mapping[str, tuple[int, int]] = {
    "offset below": (0, 0xFF),
    "offset far ahead": (2, 0xFF),
    "offset ahead": (7, 0x7F),
    "size beyond the file": (8, 0x7F),
    "size below zero": (8, 0xFF),
    "size of the next": (10, 0xFF),
    "format": (16, 0x03),
    "checksum": (17, 0xFF),
    "attributes": (21, 0xFF),
    "last offset": (26, 0xFF),
    "records": (70, 0xFF),
}
"""The byte offset of each part within a batch, and the bits to flip there."""


class StoredBatch(NamedTuple):
    """A record batch in a segment file: its position, and the offsets ``[start, end)`` of its records."""

    place: int
    size: int
    start: int
    end: int


def segment(folder: Path, topic: str, partition: int = 0) -> Path:
    """The first segment file of a topic partition in a broker's folder."""
    (found,) = folder.glob(f"**/{topic}-{partition}/{0:020d}.log")
    return found


def stored_batches(path: Path) -> Iterator[StoredBatch]:
    """The record batches in a segment, without transaction markers."""
    content, place = path.read_bytes(), 0
    while place + HEADER.size <= len(content):
        base, length, _, _, _, attributes, last = HEADER.unpack_from(content, place)
        if length <= 0:
            return
        if not attributes & CONTROL:
            yield StoredBatch(place, BEFORE_LENGTH + length, base, base + last + 1)
        place += BEFORE_LENGTH + length


def damage(path: Path, place: int, flipped: int) -> None:
    """Flip bits of one byte, as a failing disk might."""
    with path.open("r+b") as file:
        file.seek(place)
        (byte,) = file.read(1)
        file.seek(place)
        file.write(bytes([byte ^ flipped]))
