"""What a lake holds and lacks, as a release states it: as-of, gaps with reasons, and quarantined items.

Belongs here: reading the ledger, and whether the data are made up. Does not belong here: the text (card.py), rows
(release.py).

Everything is derived from commits and nothing from the current time, so the same lake gives the same state.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from steam_assets.lake.roots import is_synthetic
from steam_assets.ledger.freshness import gap
from steam_assets.ledger.partition_status import SourceLedger
from steam_assets.ledger.records import Ledger
from steam_assets.ledger.unrefreshed import behind
from steam_assets.sources.source import Source


@dataclass(frozen=True)
class SourceState:
    """A source's periods: the first and last collected (None if none was), and ranges of missing ones by reason.

    ``quarantined`` counts items by table that could not become rows.
    """

    source: Source
    first: str | None
    last: str | None
    gaps: Mapping[str, Sequence[str]]
    quarantined: Mapping[str, int]


@dataclass(frozen=True)
class LakeState:
    """``as_of``: when the newest clean partition was committed (UTC). ``behind``: partitions not yet in insights.

    ``synthetic``: the data are made up, which the card and the contracts state.
    """

    as_of: datetime
    sources: tuple[SourceState, ...]
    behind: Mapping[str, Sequence[str]]
    synthetic: bool


def lake_state(lake: Ledger, sources: Sequence[Source]) -> LakeState | None:
    """The state of a lake; None if nothing has been cleaned yet."""
    ledgers = [SourceLedger.of(lake, source) for source in sources]
    committed = [r.committed_at for one in ledgers for records in one.clean.values() for r in records.values()]
    if not committed:
        return None
    as_of = max(committed)
    states = tuple(_state(ledger, as_of) for ledger in ledgers)
    return LakeState(as_of, states, behind(lake, sources), is_synthetic(lake.settings))


def _state(ledger: SourceLedger, as_of: datetime) -> SourceState:
    source, keys = ledger.source, ledger.keys
    missing: dict[str, list[str]] = {}
    for key, reason in _missing(ledger, as_of):
        missing.setdefault(reason, []).append(key)
    return SourceState(
        source,
        keys[0] if keys else None,
        keys[-1] if keys else None,
        {reason: source.cadence.ranges_in_words(group) for reason, group in missing.items()},
        {name: sum(record.quarantined for record in records.values()) for name, records in ledger.clean.items()},
    )


def _missing(ledger: SourceLedger, as_of: datetime) -> Iterator[tuple[str, str]]:
    """Each period since the first collected one for which a table has no rows, with the reason."""
    source, keys = ledger.source, ledger.keys
    for window in ledger.expected(as_of):
        status = ledger.status(window.key)
        lacking = [table.table for table in status.tables if table.record is None]
        if not lacking:
            continue
        if window.key not in keys:
            yield window.key, f"not collected: {gap(source, window, as_of).why}"
        elif status.cleared:
            yield window.key, "cleared from this lake; its backup has it"
        else:
            yield window.key, f"collected, but not cleaned: {', '.join(lacking)}"
