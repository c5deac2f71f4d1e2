"""What the page shows without JavaScript: the top of three tables.

Belongs here: their queries and formatted numbers. Does not belong here: HTML (page.html.j2), panels' data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from steam_assets.visuals.dashboard.data import DashboardData
from steam_assets.visuals.dashboard.page_tables import PageTables

ROWS = 20


def _whole(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value * 100:.1f} %"


def _change(value: float | None) -> str:
    if value is None:
        return "–"
    percent = round(value * 100, 1)
    return f"{'+' if percent > 0 else '−' if percent < 0 else '±'}{abs(percent):.1f} %"


@dataclass(frozen=True)
class PlainTable:
    """A table: its caption, its headers, and rows of texts."""

    caption: str
    headers: tuple[str, ...]
    rows: list[tuple[str, ...]]


@dataclass(frozen=True)
class _Top:
    """The first rows of a table's newest period. The query's first column is the period's first day."""

    table: str
    sql: str
    caption: str
    columns: dict[str, Callable[..., str]]


TOPS = (
    _Top(
        "insight_player_trend",
        "select day, rank, name_of(name, app_id) as name, players_peak, peak_change_7d, peak_change_28d from given "
        "where day = (select max(day) from given) and rank is not null order by rank limit $rows",
        "Most played, {}, by players at the count; changes of the 7-day mean",
        {"Rank": str, "Game": str, "24-hour peak": _whole, "7-day change": _change, "28-day change": _change},
    ),
    _Top(
        "insight_top_seller_moves",
        "select week_start, rank, name_of(name, app_id) as name, previous_rank, streak_weeks from given "
        "where week_start = (select max(week_start) from given) and rank is not null order by rank limit $rows",
        "Top sellers in the US, week of {} (Tuesday)",
        {"Rank": str, "Item": str, "Rank, week before": _whole, "Weeks in a row": _whole},
    ),
    _Top(
        "insight_review_scores",
        "select week_start, name_of(name, app_id) as name, adjusted_score, positive_share, total_reviews from given "
        "where week_start = (select max(week_start) from given) and not off_topic_included "
        "order by adjusted_score desc nulls last, app_id limit $rows",
        "Best reviewed of the top sellers, to the end of the week of {} (Tuesday)",
        {"Game": str, "Adjusted score": _share, "Positive": _share, "Reviews": _whole},
    ),
)


def plain_tables(data: DashboardData) -> Iterator[PlainTable]:
    """The tables that have rows."""
    tables = PageTables(data, {"rows": ROWS})
    for top in TOPS:
        if top.table not in data.tables:
            continue
        rows = [tuple(row.values()) for row in tables.rows(top.table, top.sql).to_pylist()]
        if rows:
            period: date = rows[0][0]
            written = [
                tuple(write(value) for write, value in zip(top.columns.values(), row[1:], strict=True)) for row in rows
            ]
            yield PlainTable(top.caption.format(period), tuple(top.columns), written)
