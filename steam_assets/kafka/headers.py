"""The key and headers of the Kafka record that carries an envelope.

Belongs here: the names and formats of the headers, for both producer and consumer.
Does not belong here: sending and reading (producer.py, consumer.py).

Other producers that publish to our topics must also set source, partition_key, batch_id, sequence and total; a record
without one of them is poison. sha256 and items are optional for them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeGuard

from steam_assets.kafka.envelope import MOST_ITEMS, SCHEMA_VERSION, Envelope
from steam_assets.sources.json_body import is_object

_SOURCE = re.compile(rb"[a-z][a-z0-9_]{0,60}")
_PARTITION_KEY = re.compile(rb"\d{4}-\d{2}-\d{2}")
_BATCH_ID = re.compile(rb"[0-9a-f]{32}")
_NUMBER = re.compile(rb"\d{1,9}")


class BadHeaders(Exception):
    """A record's headers are not those of an envelope; the message names the header."""


class RecordHeaders(NamedTuple):
    """A record's headers. ``sha256`` (hex) is that of its value; ``items`` are the envelope's, empty if not counts.

    ``sha256`` and ``items`` are None if another producer did not set them.
    """

    source: str
    partition_key: str
    batch_id: str
    total: int
    sequence: int
    sha256: str | None
    items: Mapping[str, int] | None


def key_of(envelope: Envelope) -> bytes:
    """The record key: the app id as text, or the partition key if the response is not about a single app."""
    return (envelope.partition_key if envelope.app_id is None else str(envelope.app_id)).encode()


class HeaderWriter:
    """Writes the headers of one batch's records; the headers they share are encoded once."""

    def __init__(self, *, source: str, partition_key: str, batch_id: str, total: int) -> None:
        self.total = total
        self._identity = (source, partition_key, batch_id)
        self._common: list[tuple[str, bytes | None]] = [
            ("source", source.encode()),
            ("partition_key", partition_key.encode()),
            ("batch_id", batch_id.encode()),
            ("total", str(total).encode()),
            ("schema_version", str(SCHEMA_VERSION).encode()),
        ]
        self._items: dict[tuple[tuple[str, int], ...], bytes] = {}

    def __str__(self) -> str:
        return " ".join(self._identity)

    def announces(self, envelope: Envelope, sequence: int) -> bool:
        """Whether an envelope is this batch's envelope with that sequence number."""
        identity = (envelope.source, envelope.partition_key, envelope.batch_id)
        return identity == self._identity and envelope.sequence == sequence < self.total

    def headers(self, envelope: Envelope, sha256: str) -> list[tuple[str, bytes | None]]:
        """An envelope's headers; ``sha256`` (hex) is that of its value."""
        items = tuple(envelope.items.items())
        if items not in self._items:
            self._items = {items: json.dumps(envelope.items).encode()}
        return [
            *self._common,
            ("sequence", str(envelope.sequence).encode()),
            ("sha256", sha256.encode()),
            ("items", self._items[items]),
        ]


def read_headers(headers: Sequence[tuple[str, bytes | None]]) -> RecordHeaders:
    """Read and check a record's headers. Raises BadHeaders."""
    found = dict(headers)
    sequence = found.get("sequence") or b""
    # The headers that a batch's records share are parsed once.
    common = _common(*(found.get(name) for name in _COMMON))
    if not (sequence.isdigit() and len(sequence) <= 9):
        raise BadHeaders(f"header sequence is {sequence[:80]!r}")
    sha256, items = found.get("sha256"), found.get("items")
    return RecordHeaders(
        *common,
        int(sequence),
        sha256.decode("ascii", "replace") if sha256 else None,
        _items(items) if items is not None else None,
    )


_COMMON = ("source", "partition_key", "batch_id", "total")


@lru_cache(maxsize=256)
def _common(
    source: bytes | None, partition_key: bytes | None, batch_id: bytes | None, total: bytes | None
) -> tuple[str, str, str, int]:
    return (
        _matching("source", source, _SOURCE),
        _matching("partition_key", partition_key, _PARTITION_KEY),
        _matching("batch_id", batch_id, _BATCH_ID),
        int(_matching("total", total, _NUMBER)),
    )


def _matching(name: str, value: bytes | None, form: re.Pattern[bytes]) -> str:
    if not value:
        raise BadHeaders(f"header {name} is missing")
    if not form.fullmatch(value):
        raise BadHeaders(f"header {name} is {value[:80]!r}")
    return value.decode("ascii")


@lru_cache(maxsize=256)
def _items(value: bytes) -> Mapping[str, int]:
    try:
        items = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    return items if _are_counts(items) else {}


def _are_counts(items: object) -> TypeGuard[dict[str, int]]:
    return is_object(items) and all(type(count) is int and 0 <= count <= MOST_ITEMS for count in items.values())
