"""Housekeeping of the whole lake: raw and clean primaries, under one lease, with one report.

Belongs here: the order, the lease and the common report. Does not belong here: how a partition of either kind is
cleared (raw_housekeeping.py, clean_housekeeping.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pyspark.sql import SparkSession

from steam_assets.lake import clean_housekeeping, raw_housekeeping
from steam_assets.lake.lake import Lake
from steam_assets.lake.lease import CLOCK_SKEW, TTL, lease
from steam_assets.sources.source import Source, Table


@dataclass(frozen=True)
class Line:
    """One line of the plan or of what was done. ``amount`` is bytes for raw and rows for clean."""

    what: str
    partition_key: str
    clear: bool
    amount: int
    unit: str
    reason: str


@dataclass(frozen=True)
class Housekeeping:
    """Looks at every primary partition of ``sources`` that began before ``older_than`` (aware, UTC).

    ``ttl`` is how long a lease lasts if the process dies, ``skew`` by how much clocks may differ.
    """

    lake: Lake
    sources: Sequence[Source]
    older_than: datetime
    ttl: timedelta = TTL
    skew: timedelta = CLOCK_SKEW

    def plan(self) -> list[Line]:
        """What ``apply`` would try to clear and what it would keep, each with its reason. Changes nothing."""
        names = [source.name for source in self.sources]
        raw = raw_housekeeping.plan(self.lake.raw, self.lake.raw_backup, names, self.older_than)
        clean = clean_housekeeping.plan(self.lake, self.sources, self.older_than)
        return [Line(f"{c.source}/raw", c.partition_key, c.clear, c.size, "bytes", c.reason) for c in raw] + [
            Line(f"{c.source.name}/{c.table.name}", c.partition_key, c.clear, c.rows, "rows", c.reason) for c in clean
        ]

    def apply(self, spark: Callable[[], SparkSession]) -> list[Line]:
        """Clear what the plan says, each partition only if its backup verifies now; then sweep Iceberg's leftovers.

        LeaseHeld if another housekeeping is at it. ``spark`` is called only if there are clean tables.
        """
        names = [source.name for source in self.sources]
        planned = raw_housekeeping.plan(self.lake.raw, self.lake.raw_backup, names, self.older_than)
        raw = raw_housekeeping.apply(self.lake.raw, self.lake.raw_backup, planned, ttl=self.ttl, skew=self.skew)
        done = [Line(f"{o.source}/raw", o.partition_key, o.cleared, o.size, "bytes", o.reason) for o in raw]
        with lease(self.lake.raw.store, "clean-housekeeping", ttl=self.ttl, skew=self.skew) as held:
            candidates = clean_housekeeping.plan(self.lake, self.sources, self.older_than)
            if any(c.clear for c in candidates):
                outcomes = clean_housekeeping.apply(spark(), self.lake, candidates, held)
                done += [
                    Line(f"{o.source}/{o.table}", o.partition_key, o.cleared, o.rows, "rows", o.reason)
                    for o in outcomes
                ]
            for table in self._swept():
                held.renew()
                clean_housekeeping.sweep(spark(), table, self.older_than)
        return done

    def _swept(self) -> list[Table]:
        """Tables that were ever backed up: one whose partitions are all cleared still has their snapshots' files."""
        tables = [table for source in self.sources for table in source.tables]
        ledgers = (self.lake.ledger, self.lake.backup_ledger)
        return [t for t in tables if any(next(iter(ledger.partitions(t.name)), None) for ledger in ledgers)]
