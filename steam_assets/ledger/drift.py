"""Drift as recorded in the ledger: an endpoint no longer responds as its source expects.

Belongs here: the record, and whether it still applies. Does not belong here: detecting it (ingestion/drift.py).
"""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict

from steam_assets.ledger.records import Ledger, RawRecord, records
from steam_assets.sources.source import Source

DRIFT = "steam.drift"
"""The property of a raw table with the newest drift of its source."""


class Drift(BaseModel):
    """What a run found at ``at`` (UTC) when it fetched ``partition_key``.

    ``differences`` are those from the last good response, which is from ``good_partition`` and was fetched at
    ``good_at``; empty without one. ``batch_id`` names the batch with the responses, if it was landed nevertheless.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    partition_key: str
    problem: str
    differences: tuple[str, ...]
    good_partition: str | None
    good_at: AwareDatetime | None
    batch_id: str | None
    at: AwareDatetime

    def __str__(self) -> str:
        """One line: what was wrong, and the differences from which response."""
        if self.good_at is None:
            return f"drift in {self.partition_key}: {self.problem}; there is no earlier answer to compare with"
        since = f"the last good answer ({self.good_partition}, {self.good_at:%Y-%m-%d %H:%M} UTC)"
        what = "; ".join(self.differences) or "its fields and types are the same"
        return f"drift in {self.partition_key}: {self.problem}. Compared with {since}: {what}"


def drift_of(ledger: Ledger, source: Source) -> Drift | None:
    """A source's drift if it still applies: no other live batch was landed since."""
    properties = ledger.properties("raw", source.name)
    if DRIFT not in properties:
        return None
    drift = Drift.model_validate_json(properties[DRIFT])
    batches = [batch for record in records(properties, RawRecord).values() for batch in record.batches]
    later = [batch for batch in batches if batch.landed_at > drift.at and batch.batch_id != drift.batch_id]
    return None if any(batch.provenance == "live" for batch in later) else drift
