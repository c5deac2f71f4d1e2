"""The days of a year stored compactly: each app's peaks and ranks, and the days with news about it.

Belongs here: encodings of one value per app and day. Does not belong here: queries of panels (panel_queries.py).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TypedDict

from steam_assets.visuals.dashboard.page_tables import PageTables


class Players(TypedDict):
    """Peak and rank of each app from its first to its last day on the chart; 0 on days off the chart.

    ``first`` is the first day, ``days`` how many there are, ``start`` each app's first day as an offset from ``first``.
    """

    first: int
    days: int
    app: list[int]
    start: list[int]
    peak: list[list[int]]
    rank: list[list[int]]


class Markers(TypedDict):
    """For each app, the days with articles as differences from the day before, and a digit of kinds for each.

    A digit is a sum: 1 patch notes, 2 another update, 4 other news. Covers the whole year, regardless of how many
    headlines fit on the page.
    """

    app: list[int]
    days: list[list[int]]
    kinds: list[str]


PEAKS = (
    "select app_id as app, epoch_day(day) as day, max(players_peak) as peak, min(rank) as rank from given "
    "group by all order by app_id, day"
)

MARKED_DAYS = (
    "select app_id as app, epoch_day(day) as day, "
    "bit_or(case when is_patch_notes then 1 when is_update then 2 else 4 end) as kinds "
    "from given group by all order by app_id, day"
)


def daily_players(tables: PageTables) -> Players:
    """The players of all apps on the daily chart; no app if it is empty."""
    made = Players(first=0, days=0, app=[], start=[], peak=[], rank=[])
    if tables.data.why_empty("most_played"):
        return made
    rows = tables.rows("most_played", PEAKS).to_pydict()
    made["first"] = min(rows["day"])
    made["days"] = max(rows["day"]) - made["first"] + 1
    found: dict[int, list[tuple[int, int, int]]] = {}
    for app, day, peak, rank in zip(*rows.values(), strict=True):
        found.setdefault(app, []).append((day, peak, rank))
    for app, spots in found.items():
        start, length = spots[0][0], spots[-1][0] - spots[0][0] + 1
        peaks, ranks = [0] * length, [0] * length
        for day, peak, rank in spots:
            peaks[day - start], ranks[day - start] = peak, rank
        made["app"].append(app)
        made["start"].append(start - made["first"])
        made["peak"].append(peaks)
        made["rank"].append(ranks)
    return made


def marked_days(tables: PageTables) -> Markers:
    """The days with articles, of all apps."""
    made = Markers(app=[], days=[], kinds=[])
    if "insight_news_markers" not in tables.data.tables:
        return made
    days: dict[int, list[tuple[int, int]]] = {}
    rows = tables.rows("insight_news_markers", MARKED_DAYS).to_pydict()
    for app, day, kinds in zip(*rows.values(), strict=True):
        days.setdefault(app, []).append((day, kinds))
    for app, marked in days.items():
        made["app"].append(app)
        made["days"].append([day - before for before, day in pairwise([0, *(day for day, _ in marked)])])
        made["kinds"].append("".join(str(kinds) for _, kinds in marked))
    return made
