"""What an answer covers: the as-of of its tables, and the periods they lack.

Belongs here: both, for the inputs of a table or an insight, from the ledger only. Does not belong here: deciding what
is late (ledger/freshness.py), describing tables (descriptions.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from steam_assets.ledger.freshness import gap
from steam_assets.ledger.partition_status import SourceLedger
from steam_assets.ledger.records import Ledger
from steam_assets.ledger.unrefreshed import behind, in_words
from steam_assets.query.descriptions import Description, source_of
from steam_assets.sources.cadence import Window


@dataclass(frozen=True)
class AsOf:
    """The newest partition of a clean table; None if there is none.

    ``collected_at`` is when the source sent it, None if there is no raw data; ``cleaned_at`` is when its rows were
    committed. Both are UTC.
    """

    table: str
    newest_partition: str | None
    collected_at: datetime | None
    cleaned_at: datetime | None


@dataclass(frozen=True)
class Gap:
    """Periods that a clean table lacks for the same reason: ``periods`` are keys and ranges of keys, oldest first."""

    table: str
    cadence: str
    periods: str
    why: str


@dataclass(frozen=True)
class Coverage:
    """``not_included``: committed partitions that an insight does not include yet; empty if it is up to date."""

    as_of: tuple[AsOf, ...]
    gaps: tuple[Gap, ...]
    not_included: str = ""


def coverage(ledger: Ledger, described: Description, now: datetime, within: Window | None = None) -> Coverage:
    """The coverage of a table or an insight at ``now`` (aware); with ``within``, only gaps that can affect that time.

    Periods count from a source's first partition to its newest one that is due.
    """
    read = [(one, _ledger_of(ledger, one.table)) for one in described.inputs]
    gaps = [
        found
        for one, held in read
        for found in _gaps(held, one.table, now, one.span(within) if within is not None else None)
    ]
    stale = behind(ledger) if described.kind == "insight" else {}
    missing = {one.table: stale[one.table] for one, _ in read if one.table in stale}
    return Coverage(tuple(_as_of(held, one.table) for one, held in read), tuple(gaps), in_words(missing))


def _ledger_of(ledger: Ledger, table: str) -> SourceLedger:
    return SourceLedger.of(ledger, source_of(table))


def _as_of(held: SourceLedger, table: str) -> AsOf:
    cleaned = held.clean[table]
    if not cleaned:
        return AsOf(table, None, None, None)
    newest = max(cleaned)
    raw = held.status(newest).raw
    fetched = [batch.fetched_at for batch in raw.batches if batch.fetched_at] if raw else []
    return AsOf(table, newest, max(fetched, default=None), cleaned[newest].committed_at)


def _gaps(held: SourceLedger, table: str, now: datetime, span: Window | None) -> Iterator[Gap]:
    why: dict[str, list[str]] = {}
    for window in held.expected(now):
        outside = span is not None and not (window.start < span.end and span.start < window.end)
        if window.key not in held.clean[table] and not outside:
            why.setdefault(_why(held, window, now), []).append(window.key)
    cadence = held.source.cadence
    for reason, keys in why.items():
        yield Gap(table, cadence.value, ", ".join(cadence.ranges_in_words(keys)), reason)


def _why(held: SourceLedger, window: Window, now: datetime) -> str:
    if window.key not in held.keys:
        return gap(held.source, window, now).why
    if held.status(window.key).cleared:
        return "cleared by housekeeping; steam-assets restore brings it back"
    return f"collected, but not cleaned; type steam-assets run {held.source.name} --stage clean"


def merged(coverages: Iterable[Coverage]) -> Coverage:
    """The combined coverage of several tables, with each input once."""
    as_of: dict[AsOf, None] = {}
    gaps: dict[Gap, None] = {}
    late: dict[str, None] = {}
    for one in coverages:
        as_of |= dict.fromkeys(one.as_of)
        gaps |= dict.fromkeys(one.gaps)
        late |= dict.fromkeys(filter(None, [one.not_included]))
    return Coverage(tuple(as_of), tuple(gaps), "; ".join(late))
