"""The data of the page, as columns: one query per table of a panel.

Belongs here: which columns of which table a panel needs, how texts are cut, how numbers are encoded. Does not belong
here: HTML (page.py), what the numbers mean (insights/).

Days are integers since 1970-01-01, times are seconds since then, booleans are 0 or 1, an app is its index in ``apps``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

import duckdb
import pyarrow as pa

from steam_assets.insights import INSIGHTS
from steam_assets.sources import SOURCES
from steam_assets.visuals.dashboard.data import DashboardData, insight_of

EPOCH = date(1970, 1, 1)
LONGEST_QUOTE = 280

BULLET = re.compile(r"\[\*\]")
CELL = re.compile(r"\[/?(?:tr|td|th)\]", re.IGNORECASE)
SPOILER = re.compile(r"\[spoiler\].*?(?:\[/spoiler\]|\Z)", re.DOTALL | re.IGNORECASE)
TAG = re.compile(
    r"\[/?(?:h[1-6]|b|i|u|s|strike|list|olist|\*|table|quote|code|noparse|hr|url|p)(?:=[^\]\n]{0,300})?\]",
    re.IGNORECASE,
)
SPACES = re.compile(r"[ \t]{2,}")
EMPTY_LINES = re.compile(r"\s*\n\s*")
LONGEST = {"name": 120, "title": 240, "address": 400, "source": 2000}
"""Maximum lengths in characters; longer texts are cut, longer URLs omitted."""


@dataclass(frozen=True)
class Frame:
    """A table of the page: a query on one table of the lake, which is named ``given`` in it."""

    name: str
    table: str
    sql: str


@dataclass(frozen=True)
class Read:
    """What the page needs of a table: its columns, of only the newest partition or of the last year."""

    table: str
    columns: tuple[str, ...] = ("*",)
    newest_only: bool = False


FRAMES = (
    Frame(
        "trend",
        "insight_player_trend",
        "select app_id as app, epoch_day(day) as day, rank, rank_change_1d as rank_change, status, players_now, "
        "players_peak, peak_7d_mean, peak_change_7d, peak_change_28d, peak_change_91d, peak_change_364d, "
        "players_gained_7d, days_on_chart, streak_days, best_rank from given "
        "where day = (select max(day) from given) order by rank nulls last, app_id",
    ),
    Frame(
        "market",
        "insight_market_day",
        "select epoch_day(day) as day, games, players_now, players_peak_sum, top10_share, peak_sum_7d_mean, "
        "peak_change_7d, peak_change_28d, peak_change_91d, peak_change_364d, players_gained_7d from given order by day",
    ),
    Frame(
        "moves",
        "insight_top_seller_moves",
        "select epoch_day(week_start) as week, app_id as app, rank, previous_rank, movement, status, "
        "streak_weeks as streak, weeks_on_chart, best_rank, price_cents as price, is_free as free from given "
        "order by week_start, rank nulls last, app_id",
    ),
    Frame(
        "split",
        "insight_price_split",
        "select epoch_day(week_start) as week, chart, price, items, items_share, players, players_share from given "
        "order by week_start, chart, price",
    ),
    Frame(
        "scores",
        "insight_review_scores",
        "select epoch_day(week_start) as week, app_id as app, off_topic_included as off_topic, "
        "total_reviews as total, total_positive as positive, positive_share as share, adjusted_score as adjusted, "
        "wilson_lower as wilson, review_score_desc as grade from given "
        "qualify week_start = max(week_start) over (partition by app_id) order by app_id, off_topic_included",
    ),
    Frame(
        "sentiment",
        "insight_sentiment",
        "select epoch_day(week_start) as week, app_id as app, positive, negative, share_change as change from given "
        "order by week_start, app_id",
    ),
    Frame(
        "bombs",
        "insight_review_bombs",
        "select epoch_day(week_start) as week, app_id as app, negative, reviews, negative_share as share, "
        "baseline_weeks, baseline_negative as usual, baseline_share as usual_share, volume_score as volume, "
        "share_score, flagged, excluded_by_steam as excluded, off_topic_excluded_by_steam as by_steam, agreement "
        "from given qualify flagged or off_topic_excluded_by_steam "
        "or week_start > max(week_start) over () - interval 84 days order by week_start, app_id",
    ),
    Frame(
        "languages",
        "insight_review_languages",
        "select epoch_day(week_start) as week, app_id as app, language, reviews, positive_share, "
        "median_playtime_at_review_hours as hours, sample_complete as complete from given "
        "where week_start = (select max(week_start) from given) order by app_id, reviews desc, language",
    ),
    Frame(
        "quotes",
        "reviews",
        "select app_id as app, epoch_day(partition_key) as week, epoch_second(created_at) as created, voted_up as up, "
        "language, votes_up as votes, "
        "playtime_at_review_minutes / 60.0 as hours, left(text, $source) as text from given "
        "qualify row_number() over (partition by app_id order by votes_up desc nulls last, created_at, text) <= 3 "
        "order by app_id, votes_up desc nulls last, created_at, text",
    ),
    Frame(
        "news",
        "insight_news_markers",
        "select app_id as app, epoch_day(day) as day, epoch_second(published_at) as moment, "
        "cut_to(title, $title) as title, if(length(url) <= $address, url, null) as url, "
        "cut_to(feed, 60) as feed, case when is_patch_notes then 'patch' when is_update then 'update' else 'other' end "
        "as kind from given order by published_at desc, app_id, gid limit $articles",
    ),
    Frame(
        "effects",
        "insight_update_effect",
        "select app_id as app, epoch_day(day) as day, if(row_number() over (order by day desc, app_id) <= $effects, "
        "cut_to(title, 120), null) as title, updates, has_patch_notes as patch, "
        "peak_before as before, peak_after as after, change, market_change as market, net_effect as net, "
        "days_before, days_after, too_few_days as few from given order by day desc, app_id",
    ),
    Frame("visits", "visits", "select epoch_day(month) as month, visits, kind from given order by month"),
    Frame(
        "engagement",
        "engagement",
        "select epoch_day(month) as month, visits, bounce_rate as bounce, pages_per_visit as pages, "
        "seconds_on_site as seconds, global_rank from given order by month",
    ),
    Frame(
        "ways",
        "traffic_sources",
        "select epoch_day(month) as month, traffic_source as way, share from given order by month, traffic_source",
    ),
    Frame(
        "countries",
        "top_countries",
        "select epoch_day(month) as month, country, country_code as code, share from given order by month, country",
    ),
    Frame(
        "ratio",
        "insight_traffic_vs_players",
        "select epoch_day(month) as month, visits, mean_daily_players as players, visits_per_player as ratio, "
        "days_collected as collected, days_in_month as days from given order by month",
    ),
)

MARKED_DAYS = (
    "select app_id, epoch_day(day) as day, "
    "bit_or(case when is_patch_notes then 1 when is_update then 2 else 4 end) as kinds "
    "from given group by all order by app_id, day"
)
"""The days with news about an app, as a sum: 1 patch notes, 2 another update, 4 other news."""

APPS = """
select app_id as id, cut_to(arg_max(name, since), $name) as name, arg_max(item_type, since) as type,
  arg_max(is_free, since) as free, arg_max(is_early_access, since) as early,
  arg_max_null(final_price_cents, since) as price, arg_max_null(discount_percent, since) as discount
from ({charts}) where app_id in (select unnest($shown)) group by app_id order by app_id
"""
CHARTS = {
    "most_played": "select app_id, name, item_type, is_free, is_early_access, final_price_cents, discount_percent, "
    "day as since from most_played",
    "top_sellers": "select app_id, name, item_type, is_free, is_early_access, final_price_cents, discount_percent, "
    "week_start as since from top_sellers",
}
"""The tables with an app's facts; the newest chart that has the app counts."""

NARROWED = (
    Read(
        "most_played",
        (
            *("partition_key", "day", "rank", "app_id", "players_now", "players_peak", "name", "item_type"),
            *("is_free", "is_early_access", "final_price_cents", "discount_percent"),
        ),
    ),
    Read(
        "top_sellers",
        (
            *("partition_key", "week_start", "app_id", "name", "item_type", "is_free", "is_early_access"),
            *("final_price_cents", "discount_percent"),
        ),
    ),
    # A year of reviews may not fit in memory.
    Read(
        "reviews",
        (
            *("partition_key", "app_id", "language", "text", "created_at", "voted_up", "votes_up"),
            "playtime_at_review_minutes",
        ),
        newest_only=True,
    ),
)
READS = {frame.table: Read(frame.table) for frame in FRAMES} | {read.table: read for read in NARROWED}
"""What is read of each table, by table."""


class Frames:
    """The frames of ``data``. ``limits`` has the maximum number of articles and effects."""

    def __init__(self, data: DashboardData, limits: Mapping[str, int]) -> None:
        self._data = data
        self._limits = limits
        self._duck = duckdb.connect(config={"threads": 2})
        self._duck.execute("set timezone = 'UTC'")
        self._duck.execute("create macro epoch_day(day) as cast(day as date) - date '1970-01-01'")
        self._duck.execute("create macro epoch_second(moment) as cast(floor(epoch(moment)) as bigint)")
        self._duck.execute(
            "create macro cut_to(words, longest) as if(length(words) > longest, left(words, longest - 1) || '…', words)"
        )

    def payload(self) -> dict[str, Any]:
        """All data of the page, ready for JSON."""
        frames = {frame.name: self._frame(frame) for frame in FRAMES}
        _as_quotes(frames["quotes"]["columns"])
        players, markers = self._players(), self._markers()
        shown = sorted(
            {app for frame in frames.values() for app in frame["columns"].get("app", ())}
            | {*players["app"], *markers["app"]}
        )
        places = {app: place for place, app in enumerate(shown)}
        for columns in (*(frame["columns"] for frame in frames.values()), players, markers):
            if "app" in columns:
                columns["app"] = [places[app] for app in columns["app"]]
        frames["news"]["note"] = self._articles_note(len(frames["news"]["columns"].get("moment", ())))
        return {
            "as_of": seconds(self._data.newest),
            "apps": self._apps(shown),
            "players": players,
            "markers": markers,
            "sources": self._sources(),
            "frames": frames | {"periods": self._periods()},
        }

    def _rows(self, table: str, sql: str) -> pa.Table:
        self._duck.register("given", self._data.tables[table])
        wanted = {name: value for name, value in (LONGEST | dict(self._limits)).items() if f"${name}" in sql}
        return self._duck.sql(sql, params=wanted or None).to_arrow_table()

    def _frame(self, frame: Frame) -> dict[str, Any]:
        why = self._data.why_empty(frame.table)
        columns = {} if why else packed(self._rows(frame.table, frame.sql))
        return self._described(frame.table) | {"columns": columns, "why": why}

    def _described(self, table: str) -> dict[str, object]:
        insight = insight_of(table)
        if insight is None:
            described = {each.name: each.description for source in SOURCES for each in source.tables}
            return {"from": table, "method": described[table], "as_of": seconds(self._data.known_at((table,)))}
        inputs = (each.table for each in insight.inputs)
        method = f"{insight.method} Limitations: {insight.error}"
        return {"from": insight.name, "method": method, "as_of": seconds(self._data.known_at(inputs))}

    def _players(self) -> dict[str, Any]:
        """The peak and rank of each app from its first to its last day on the chart; 0 on days off the chart."""
        why = self._data.why_empty("most_played")
        made: dict[str, Any] = self._described("most_played") | {"why": why, "first": 0, "days": 0}
        found: dict[int, list[tuple[int, int, int]]] = {}
        if not why:
            rows = self._rows(
                "most_played",
                "select app_id, epoch_day(day) as day, max(players_peak) as peak, min(rank) as rank from given "
                "group by all order by app_id, day",
            ).to_pydict()
            for app, day, peak, rank in zip(*rows.values(), strict=True):
                found.setdefault(app, []).append((day, peak, rank))
            made |= {"first": min(rows["day"]), "days": max(rows["day"]) - min(rows["day"]) + 1}
        made |= {"app": list(found), "start": [], "peak": [], "rank": []}
        for spots in found.values():
            start, length = spots[0][0], spots[-1][0] - spots[0][0] + 1
            peaks, ranks = [0] * length, [0] * length
            for day, peak, rank in spots:
                peaks[day - start], ranks[day - start] = peak, rank
            made["start"].append(start - made["first"])
            made["peak"].append(peaks)
            made["rank"].append(ranks)
        return made

    def _markers(self) -> dict[str, list[Any]]:
        """For each app, the days with articles as differences from the day before, and a digit of kinds for each.

        Covers the whole year, regardless of how many headlines fit on the page.
        """
        made: dict[str, list[Any]] = {"app": [], "days": [], "kinds": []}
        if "insight_news_markers" not in self._data.tables:
            return made
        days: dict[int, list[tuple[int, int]]] = {}
        for app, day, kinds in zip(*self._rows("insight_news_markers", MARKED_DAYS).to_pydict().values(), strict=True):
            days.setdefault(app, []).append((day, kinds))
        for app, marked in days.items():
            made["app"].append(app)
            made["days"].append([day - before for before, day in pairwise([0, *(day for day, _ in marked)])])
            made["kinds"].append("".join(str(kinds) for _, kinds in marked))
        return made

    def _apps(self, shown: Sequence[int]) -> dict[str, list[object]]:
        """The newest name and facts of each app shown; null if no chart of the year has the app."""
        columns = ("id", "name", "type", "free", "early", "price", "discount")
        there = [name for name in CHARTS if name in self._data.tables]
        facts: dict[int, tuple[object, ...]] = {}
        if there:
            for name in there:
                self._duck.register(name, self._data.tables[name])
            charts = " union all ".join(CHARTS[name] for name in there)
            rows = self._duck.execute(APPS.format(charts=charts), {"name": LONGEST["name"], "shown": list(shown)})
            facts = {row[0]: row for row in rows.fetchall()}
        names = self._names_elsewhere()
        unknown = [(app, names.get(app), *([None] * 5)) for app in shown]
        picked = [facts.get(app, other) for app, other in zip(shown, unknown, strict=True)]
        return {column: [coded(row[place]) for row in picked] for place, column in enumerate(columns)}

    def _names_elsewhere(self) -> dict[int, str]:
        """Names of apps that left the charts before the year, from the insights that still contain them."""
        found: dict[int, str] = {}
        for insight in INSIGHTS:
            table = self._data.tables.get(insight.table)
            if table is not None and {"app_id", "name"} <= {*table.column_names}:
                named = self._rows(
                    insight.table, "select app_id, cut_to(any_value(name), $name) from given group by app_id"
                )
                found |= {row[0]: row[1] for row in zip(*named.to_pydict().values(), strict=True) if row[1]}
        return found

    def _articles_note(self, shown: int) -> str:
        table = self._data.tables.get("insight_news_markers")
        known = table.num_rows if table is not None else 0
        return f"This page has the newest {shown:,} of the year's {known:,} headlines." if known > shown else ""

    def _sources(self) -> list[dict[str, object]]:
        made = []
        for source in SOURCES:
            states = [period.state for period in self._data.periods if period.source == source.name]
            at = self._data.known_at(table.name for table in source.tables)
            facts = {"name": source.name, "title": source.title, "cadence": source.cadence.value, "as_of": seconds(at)}
            made.append(facts | {"table": source.tables[0].name, "periods": {"state": states}})
        return made

    def _periods(self) -> dict[str, object]:
        """The periods of the last year by source."""
        newest = max((period.start for period in self._data.periods), default=EPOCH)
        kept = [period for period in self._data.periods if (newest - period.start).days <= 366]
        columns = {
            "source": [period.source for period in kept],
            "period": [(period.start - EPOCH).days for period in kept],
            "state": [period.state for period in kept],
            "why": [period.why for period in kept],
            "rows": [period.rows for period in kept],
            "quarantined": [period.quarantined for period in kept],
        }
        why = None if kept else "Nothing was collected yet; for synthetic data, type `steam-assets demo`."
        return self._described("insight_freshness") | {"columns": columns, "why": why}


def _as_quotes(reviews: dict[str, list[Any]]) -> None:
    """Replace reviews, which are BBCode, by quotes: their text without spoilers, cut at ``LONGEST_QUOTE``."""
    if "text" in reviews:
        reviews["text"] = [None if text is None else quote(text) for text in reviews["text"]]


def quote(review: str) -> str:
    """The text of a review on one line, of at most ``LONGEST_QUOTE`` characters."""
    words = TAG.sub("", CELL.sub(" ", SPOILER.sub("(spoiler)", BULLET.sub("• ", review))))
    words = EMPTY_LINES.sub("\n", SPACES.sub(" ", words)).strip()
    return words if len(words) <= LONGEST_QUOTE else f"{words[: LONGEST_QUOTE - 1]}…"


def seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.astimezone(UTC).timestamp())


def packed(rows: pa.Table) -> dict[str, list[object]]:
    """The columns as lists of JSON values, floats rounded to five significant digits."""
    return {name: [coded(value) for value in values] for name, values in rows.to_pydict().items()}


def coded(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        return _short(value)
    return value


def _short(value: float) -> float | int | None:
    if value != value or value in (float("inf"), float("-inf")):
        return None
    rounded = float(f"{value:.5g}")
    return int(rounded) if rounded.is_integer() else rounded
