"""Freshness: which periods of each source exist, and why others do not.

Belongs here: deriving a period's state from the ledger. Does not belong here: reading data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from steam_assets.insights.insight import Input, Insight
from steam_assets.ledger.freshness import gap
from steam_assets.ledger.partition_status import PartitionStatus, SourceLedger
from steam_assets.ledger.records import CleanRecord, Ledger
from steam_assets.sources import SOURCES
from steam_assets.sources.cadence import Cadence, Window
from steam_assets.sources.source import Column, Source

PERIODS = {Cadence.DAILY: 366, Cadence.WEEKLY: 105, Cadence.MONTHLY: 36}
"""Maximum number of past periods."""

Row = dict[str, object]


def freshness_rows(lake: Ledger, sources: Sequence[Source], now: datetime) -> list[Row]:
    """One row per source and period, oldest first; ``now`` is aware. Reads only the ledger."""
    return [row for source in sources for row in _rows_of(lake, source, now)]


def _rows_of(lake: Ledger, source: Source, now: datetime) -> Iterator[Row]:
    newest_due = source.newest_due(now)
    ledger = SourceLedger.of(lake, source)
    present = {*ledger.raw, *ledger.clean[source.tables[0].name]}
    last = source.cadence.window(max({*present, newest_due.key}))
    first = source.cadence.window(min(present, default=newest_due.key))
    for window in list(source.cadence.between(first.key, last.key))[-PERIODS[source.cadence] :]:
        if source.is_open(window, now):
            continue
        yield _judged(source, window, newest_due, ledger.status(window.key), now)


def _judged(source: Source, window: Window, newest_due: Window, status: PartitionStatus, now: datetime) -> Row:
    records = [table.record for table in status.tables if table.record]
    whole = len(records) == len(status.tables)
    state, why = _state(source, window, newest_due, status, now)
    since = max(r.committed_at for r in records) if whole and state == "ok" else window.end + source.due_after
    return _row(source, window, state, since, why, records)


def _row(
    source: Source, window: Window, state: str, since: datetime, why: str | None, records: Sequence[CleanRecord]
) -> Row:
    return {
        "source": source.name,
        "title": source.title,
        "cadence": source.cadence.value,
        "period": date.fromisoformat(window.key),
        "state": state,
        "since": since,
        "why": why,
        "rows": sum(r.clean for r in records),
        "quarantined": sum(r.quarantined for r in records),
    }


def _state(
    source: Source, window: Window, newest_due: Window, status: PartitionStatus, now: datetime
) -> tuple[str, str | None]:
    behind = [t.table for t in status.tables if t.record is None or (status.raw is not None and not t.current)]
    if not behind:
        return "ok", None
    run = f"steam-assets run {source.name} --from {window.key} --to {window.key}"
    if status.raw is not None or len(behind) < len(status.tables):
        return "failed", f"raw exists, but {', '.join(behind)} was not made from it; type {run} --stage clean"
    if source.history.refusal(window, now):
        # The same words for each period, so that consecutive ones can become one line.
        return "missing", f"no longer available: {gap(source, window, now).why}"
    return ("late" if window == newest_due else "missing"), f"not collected yet; type {run}"


INSIGHT = Insight(
    name="freshness",
    title="Freshness and gaps",
    cadence=None,
    inputs=tuple(Input(table.name) for source in SOURCES for table in source.tables),
    columns=(
        Column("source", "string", "Name of the source.", nullable=False),
        Column("title", "string", "Display name of the source.", nullable=False),
        Column("cadence", "string", "daily, weekly or monthly.", nullable=False),
        Column("period", "date", "First day (UTC) of the period.", nullable=False),
        Column(
            "state",
            "string",
            "ok: clean rows are in place; failed: incomplete; late: the newest period, due and not collected yet; "
            "missing: a period that was not collected and is older, or no longer available.",
            nullable=False,
        ),
        Column("since", "timestamp", "When it was cleaned (ok), or since when it is due (UTC).", nullable=False),
        Column("why", "string", "What is wrong, and whether it can still be collected; null if ok."),
        Column("rows", "bigint", "Clean rows over the source's tables.", "rows", nullable=False),
        Column("quarantined", "bigint", "Items in quarantine.", "items", nullable=False),
    ),
    key=("source", "period"),
    method=(
        "Each source's periods from its first collected one to the newest that is due, at most 366 days, 105 weeks "
        "and 36 months, from the ledger; no data is read. A period is due after the delay that its source declares. A "
        "day in which samples are still taken has no row yet."
    ),
    limitations="Shows what was collected, not whether the source itself was right.",
    order=("state = 'ok'", "period desc"),
)
