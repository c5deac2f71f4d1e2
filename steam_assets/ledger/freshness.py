"""How fresh a source is, and which of its partitions are missing.

Belongs here: comparing the stored partitions with the calendar. Does not belong here: the status of one partition
(partition_status.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from steam_assets.ledger.drift import Drift, drift_of
from steam_assets.ledger.partition_status import PartitionStatus, SourceLedger
from steam_assets.ledger.records import Ledger
from steam_assets.sources.cadence import Cadence, Window
from steam_assets.sources.source import History, Source


@dataclass(frozen=True)
class Gap:
    """A missing partition: its key, why it is missing, and whether it can still be fetched from its source."""

    partition_key: str
    why: str
    recoverable: bool


@dataclass(frozen=True)
class Freshness:
    """A source's partitions, oldest first, and the gaps between its first one and now.

    ``unfinished`` are the keys of those for which something is left to do; a day that still takes samples is not one.
    """

    source: str
    cadence: str
    partitions: tuple[PartitionStatus, ...]
    gaps: tuple[Gap, ...]
    unfinished: tuple[str, ...]
    late: bool
    newest: str | None
    drift: Drift | None = None

    @property
    def summary(self) -> str:
        if self.newest is None:
            return f"no data yet; type steam-assets run {self.source}"
        parts = [f"newest {self.newest}" + (", late" if self.late else "")]
        parts += [f"unfinished: {', '.join(self.unfinished)}"] if self.unfinished else []
        parts += [f"{len(self.gaps)} missing"] if self.gaps else []
        parts += ["drifted"] if self.drift else []
        return "; ".join(parts)

    @property
    def gaps_by_reason(self) -> dict[str, str]:
        """The gaps grouped by reason: keys and ranges of keys, oldest first."""
        keys: dict[str, list[str]] = {}
        for one in self.gaps:
            keys.setdefault(one.why, []).append(one.partition_key)
        cadence = Cadence(self.cadence)
        return {why: ", ".join(cadence.ranges_in_words(group)) for why, group in keys.items()}


def freshness(lake: Ledger, source: Source, now: datetime) -> Freshness:
    """Compare the stored partitions of a source with its calendar up to ``now`` (aware)."""
    ledger = SourceLedger.of(lake, source)
    keys = ledger.keys
    due = source.newest_due(now)
    gaps = [gap(source, w, now) for w in source.cadence.between(keys[0], due.key) if w.key not in keys] if keys else []
    partitions = tuple(ledger.status(key) for key in keys)
    closed = [part for part in partitions if not source.is_open(source.cadence.window(part.partition_key), now)]
    return Freshness(
        source=source.name,
        cadence=source.cadence.value,
        partitions=partitions,
        gaps=tuple(gaps),
        unfinished=tuple(part.partition_key for part in closed if not part.settled),
        late=not keys or keys[-1] < due.key,
        newest=keys[-1] if keys else None,
        drift=drift_of(lake, source),
    )


def gap(source: Source, window: Window, now: datetime) -> Gap:
    """Describe a missing partition at ``now`` (aware)."""
    refusal = source.history.refusal(window, now)
    if refusal is None:
        if source.history is History.CARRIED:
            return Gap(window.key, "the source may no longer provide it", now < window.end + source.carried_for)
        return Gap(window.key, "can be backfilled", True)
    if now < window.end:
        # A schedule may be tried out for any time in the Dagster UI.
        return Gap(window.key, "its period is not over yet", False)
    return Gap(window.key, "missed while it was live; now only Kafka, a backup or an import may have it", False)
