"""Freshness: which periods of each source are there, and why others are not.

Belongs here: the judgement of a period from manifests and ledgers. Does not belong here: reading data.
"""

from __future__ import annotations

from steam_assets.insights.insight import Input, Insight
from steam_assets.sources.source import Column

INSIGHT = Insight(
    name="freshness",
    title="Freshness and gaps",
    cadence=None,
    inputs=(
        Input("most_played"),
        Input("top_sellers"),
        Input("news"),
        Input("reviews"),
        Input("review_summary"),
        Input("visits"),
    ),
    columns=(
        Column("source", "string", "Name of the source.", nullable=False),
        Column("title", "string", "The source's name as people read it.", nullable=False),
        Column("cadence", "string", "daily, weekly or monthly.", nullable=False),
        Column("period", "date", "First day (UTC) of the period.", nullable=False),
        Column(
            "state",
            "string",
            "ok: clean and verified in place; failed: begun and not whole; late: the newest, due and not there yet; "
            "missing: an older one that is not there.",
            nullable=False,
        ),
        Column("since", "timestamp", "When it was committed (ok), or since when it is due (UTC).", nullable=False),
        Column("why", "string", "What is wrong and whether it can still be had; null if ok."),
        Column("rows", "bigint", "Clean rows over the source's tables.", "rows", nullable=False),
        Column("quarantined", "bigint", "Items in quarantine.", "items", nullable=False),
    ),
    key=("source", "period"),
    method=(
        "Each source's periods from its first collected one to the newest that is due, judged from raw manifests and "
        "ledgers: no data is read. A day is due at its end, a week 36 hours after, a month 21 days after."
    ),
    error="It tells what was collected, not whether the source itself was right on that day.",
)
