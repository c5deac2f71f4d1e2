"""The data that the page reads from each table.

Belongs here: columns and periods by table. Does not belong here: reading (load.py), using the data.
"""

from __future__ import annotations

from dataclasses import dataclass

from steam_assets.visuals.dashboard.panel_queries import PANEL_QUERIES


@dataclass(frozen=True)
class TableRead:
    """The columns to read from a table, for only the newest partition or for the last year."""

    table: str
    columns: tuple[str, ...] = ("*",)
    newest_only: bool = False


STORE_COLUMNS = (
    *("name", "item_type", "is_free", "is_early_access", "final_price_cents", "discount_percent"),
    *("developers", "publishers", "franchises"),
)

NARROWED = (
    TableRead("most_played", ("partition_key", "day", "rank", "app_id", "players_now", "players_peak", *STORE_COLUMNS)),
    TableRead("top_sellers", ("partition_key", "week_start", "app_id", *STORE_COLUMNS)),
    *(TableRead(f"insight_{name}", newest_only=True) for name in ("player_trend", "player_hours", "player_days")),
    *(TableRead(f"insight_{name}", newest_only=True) for name in ("market_share", "launches")),
    *(TableRead(f"insight_{name}", newest_only=True) for name in ("regional_hits", "country_similarity")),
    *(TableRead(table, newest_only=True) for table in ("store_facts", "store_tags", "country_sellers")),
    TableRead(
        "store_prices",
        ("partition_key", "day", "app_id", "country", "currency", "is_best", "final_price", "discount_percent"),
    ),
    # A year of reviews may not fit in memory; of older weeks, only the unusual ones are read.
    TableRead(
        "reviews",
        (
            *("partition_key", "app_id", "language", "text", "created_at", "voted_up", "votes_up"),
            "playtime_at_review_minutes",
        ),
        newest_only=True,
    ),
)

TABLE_READS = (
    {query.table: TableRead(query.table) for query in PANEL_QUERIES}
    | {"insight_freshness": TableRead("insight_freshness")}
    | {read.table: read for read in NARROWED}
)
"""By table."""
