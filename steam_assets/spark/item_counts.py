"""The counts of items: from the ledger, from classified rows, and their comparison.

Belongs here: what must be equal before anything becomes visible. Does not belong here: the counting, which both ways to
commit do while writing (commit_frames.py, commit_rows.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from steam_assets.ledger.content import Stored
from steam_assets.ledger.records import Batch, CleanRecord, RawRecord
from steam_assets.sources.source import Table

STATES = ("clean", "quarantined", "duplicate")

Counts = Mapping[str, Mapping[str, int]]
"""Numbers of items by partition key and state."""


class CountsDiffer(Exception):
    """Items were lost or added between the response and the table; nothing was committed."""


class PartitionsRefused(Exception):
    """Rows that must not become visible: readers still see the previous ones of these partitions.

    ``reasons`` are by partition key; the other partitions of the commit are ``committed``.
    """

    def __init__(self, reasons: Mapping[str, str], committed: Sequence[CleanRecord] = ()) -> None:
        super().__init__("; ".join(reasons.values()))
        self.reasons = dict(reasons)
        self.committed = list(committed)


@dataclass(frozen=True)
class Provenance:
    """A raw partition's digest, and the number of items of one clean table in it, from the ledger.

    For snapshot tables, ``older`` of them are in older snapshots, which that of the batch ``newest`` replaces
    completely, last at ``replaced_at`` (UTC).
    """

    digest: str
    items: int
    older: int = 0
    replaced_at: datetime | None = None
    newest: str | None = None

    @classmethod
    def of(cls, table: Table, record: RawRecord) -> Provenance:
        items = record.items.get(table.name, 0)
        if not table.full_snapshot or not record.included:
            return cls(record.digest, items)
        newest, *older = sorted(record.included, key=partial(_recency, table), reverse=True)
        replaced = max((batch.fetched_at for batch in older if batch.fetched_at), default=None)
        return cls(record.digest, items, items - newest.items.get(table.name, 0), replaced, newest.batch_id)


def _recency(table: Table, batch: Batch) -> tuple[bool, datetime, str]:
    return batch.items.get(table.name, 0) > 0, batch.fetched_at or batch.landed_at, batch.batch_id


@dataclass(frozen=True)
class Commit:
    """What all partitions of one commit of ``table`` share; their ``provenance`` by key.

    ``made_with`` is the fingerprint of the reviewers' key, if the rows have pseudonyms; ``now`` is aware.
    """

    table: Table
    provenance: Mapping[str, Provenance]
    now: datetime
    made_with: str | None = None

    @property
    def keys(self) -> list[str]:
        return sorted(self.provenance)

    def compare(self, counts: Counts, total: int) -> dict[str, str]:
        """Why partitions are refused, by key: other numbers of items than were landed.

        ``total`` counts all partitions' items. Raises CountsDiffer if some belong to no partition of ``counts``.
        """
        refused: dict[str, str] = {}
        if elsewhere := total - sum(sum(states.values()) for states in counts.values()):
            raise CountsDiffer(
                f"{elsewhere} items have another partition's key; the raw files were changed after landing"
            )
        for key, states in counts.items():
            seen = sum(states.values())
            if seen != self.provenance[key].items - self.provenance[key].older:
                counted = ", ".join(f"{state} {number}" for state, number in states.items())
                refused[key] = (
                    f"{self.table.name} {key}: {self.provenance[key].items} items were landed but {seen} were found "
                    f"({counted}); check the raw partition with `steam-assets verify`"
                )
        return refused

    def record(self, key: str, counts: Mapping[str, int], stored: Stored, snapshot: int) -> CleanRecord:
        """The ledger's record of a partition."""
        origin = self.provenance[key]
        return CleanRecord(
            table=self.table.name,
            partition_key=key,
            raw_digest=origin.digest,
            items=origin.items,
            clean=counts["clean"],
            quarantined=counts["quarantined"],
            duplicates=counts["duplicate"] + origin.older,
            content=stored.content,
            sha256s=stored.sha256s,
            snapshot_id=snapshot,
            committed_at=self.now,
            reviewer_key=self.made_with,
        )


def keys_in_quarantine(counts: Counts, there: Iterable[str]) -> list[str]:
    """Partitions whose quarantine must be written: those with such items, and those of ``there`` that had some."""
    filled = {key for key, states in counts.items() if states["quarantined"]}
    return sorted(filled.union(there).intersection(counts))
