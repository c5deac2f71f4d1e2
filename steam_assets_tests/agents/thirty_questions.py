"""Thirty questions for the server, with answers computed from the rows in the lake.

Belongs here: questions, numbers computed in plain Python, missing periods. Does not belong here: calling the server
(test_agents.py).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import fmean, median
from typing import Any

from steam_assets.sources import SOURCES
from steam_assets_tests.query.made_up_market import GAPS, UNCLEANED, Row, Rows

SOURCE_OF = {table.name: source.name for source in SOURCES for table in source.tables}
ALL_TIME = (date.min, date.max)


@dataclass(frozen=True)
class Asked:
    """A question, the tool call that answers it, and the correct number.

    ``number`` is in the first row, in the column ``column``, by default the first. ``reads`` are the clean tables it is
    derived from, each with the first and last day for which gaps must be reported.
    """

    text: str
    tool: str
    arguments: dict[str, Any]
    number: Callable[[Rows], float]
    reads: dict[str, tuple[date, date]]
    column: str | None = None

    @property
    def missing(self) -> set[tuple[str, date]]:
        """The clean tables the answer is derived from, each with the first days of its missing periods."""
        return {
            (table, day)
            for table, (first, last) in self.reads.items()
            for day in missing_of(table)
            if first <= day <= last
        }


def missing_of(table: str) -> set[date]:
    source = SOURCE_OF[table]
    return GAPS.get(source, set()) | UNCLEANED.get(source, set())


def sql(text: str, statement: str, number: Callable[[Rows], float], *tables: str) -> Asked:
    return Asked(text, "query", {"sql": statement}, number, dict.fromkeys(tables, ALL_TIME))


def insight(
    text: str,
    name: str,
    column: str,
    number: Callable[[Rows], float],
    reads: dict[str, tuple[date, date]],
    **arguments: Any,
) -> Asked:
    return Asked(text, "read_insight", {"name": name} | arguments, number, reads, column)


def newest(rows: Sequence[Row]) -> list[Row]:
    last = max(row["partition_key"] for row in rows)
    return [row for row in rows if row["partition_key"] == last]


def of(rows: Sequence[Row], **values: Any) -> list[Row]:
    return [row for row in rows if all(row.get(name) == value for name, value in values.items())]


def by(rows: Sequence[Row], column: str) -> dict[Any, list[Row]]:
    found: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[column]].append(row)
    return found


def total(rows: Sequence[Row], column: str) -> float:
    return sum(row[column] for row in rows)


WEEK = (date(2026, 11, 10), date(2026, 11, 16))
OCTOBER = (date(2026, 10, 1), date(2026, 10, 31))
ALL = [
    sql("How many rows has the chart?", "select count(*) from most_played",
        lambda r: len(r["most_played"]), "most_played"),
    sql("What is the highest peak ever?", "select max(players_peak) from most_played",
        lambda r: max(row["players_peak"] for row in r["most_played"]), "most_played"),
    sql("How many days were collected?", "select count(distinct day) from most_played",
        lambda r: len({row["day"] for row in r["most_played"]}), "most_played"),
    sql("What is the mean peak of game 50?", "select avg(players_peak) from most_played where app_id = 50",
        lambda r: fmean(row["players_peak"] for row in of(r["most_played"], app_id=50)), "most_played"),
    sql("How many players had the three largest games on the newest day?",
        "select sum(players_now) from most_played where day = (select max(day) from most_played) and rank <= 3",
        lambda r: sum(row["players_now"] for row in newest(r["most_played"]) if row["rank"] <= 3), "most_played"),
    sql("How many games were first at least once?",
        "select count(distinct app_id) from most_played where rank = 1",
        lambda r: len({row["app_id"] for row in of(r["most_played"], rank=1)}), "most_played"),
    sql("How often was game 20 among the ten best sellers?",
        "select count(*) from top_sellers where app_id = 20 and rank <= 10",
        lambda r: sum(row["rank"] <= 10 for row in of(r["top_sellers"], app_id=20)), "top_sellers"),
    sql("What does a paid top seller cost on average, in cents?",
        "select avg(final_price_cents) from top_sellers where not is_free",
        lambda r: fmean(row["final_price_cents"] for row in of(r["top_sellers"], is_free=False)), "top_sellers"),
    sql("What is the best rank that game 70 ever sold at?",
        "select min(rank) from top_sellers where app_id = 70",
        lambda r: min(row["rank"] for row in of(r["top_sellers"], app_id=70)), "top_sellers"),
    sql("How many articles are patch notes?",
        "select count(*) from news where list_contains(tags, 'patchnotes')",
        lambda r: sum("patchnotes" in row["tags"] for row in r["news"]), "news"),
    sql("Which app has most articles?",
        "select app_id from news group by app_id order by count(*) desc, app_id limit 1",
        lambda r: min(Counter(row["app_id"] for row in r["news"]).items(), key=lambda one: (-one[1], one[0]))[0],
        "news"),
    sql("How many reviews are in Russian?", "select count(*) from reviews where language = 'russian'",
        lambda r: len(of(r["reviews"], language="russian")), "reviews"),
    sql("What share of reviews recommends the game?", "select avg(voted_up::int) from reviews",
        lambda r: fmean(row["voted_up"] for row in r["reviews"]), "reviews"),
    sql("What is the median playtime at review, in minutes?",
        "select median(playtime_at_review_minutes) from reviews",
        lambda r: median(row["playtime_at_review_minutes"] for row in r["reviews"]), "reviews"),
    sql("How many helpful votes has the most helpful review?", "select max(votes_up) from reviews",
        lambda r: max(row["votes_up"] for row in r["reviews"]), "reviews"),
    sql("How long is the longest review, in characters?", "select max(length(text)) from reviews",
        lambda r: max(len(row["text"]) for row in r["reviews"]), "reviews"),
    sql("How many reviews did players write about game 10 in all weeks, by Steam's count?",
        "select sum(total_reviews) from review_summary where app_id = 10 and scope = 'week'",
        lambda r: total(of(r["review_summary"], app_id=10, scope="week"), "total_reviews"), "review_summary"),
    sql("What was the largest share of a traffic source?", "select max(share) from traffic_sources",
        lambda r: max(row["share"] for row in r["traffic_sources"]), "traffic_sources"),
    sql("How many visits were there in all months?", "select sum(visits) from visits",
        lambda r: total(r["visits"], "visits"), "visits"),
    sql("How long was a visit on average, in seconds?", "select avg(seconds_on_site) from engagement",
        lambda r: fmean(row["seconds_on_site"] for row in r["engagement"]), "engagement"),
    sql("What was the share of the US in the newest month?",
        "select share from top_countries where country_code = 'US' order by month desc limit 1",
        lambda r: of(newest(r["top_countries"]), country_code="US")[0]["share"], "top_countries"),
    sql("In how many weeks was a best seller also first in players on the week's first day?",
        "select count(*) from top_sellers t join most_played m on m.app_id = t.app_id and m.day = t.week_start "
        "where t.rank = 1 and m.rank = 1",
        lambda r: sum(
            bool(of(r["most_played"], day=row["week_start"], app_id=row["app_id"], rank=1))
            for row in of(r["top_sellers"], rank=1)
        ), "top_sellers", "most_played"),
    sql("How many more reviews than articles are there?",
        "select (select count(*) from reviews) - (select count(*) from news)",
        lambda r: len(r["reviews"]) - len(r["news"]), "reviews", "news"),
    insight("How many players had the chart together on the newest day?", "market_day", "players_peak_sum",
            lambda r: total(newest(r["most_played"]), "players_peak"), {"most_played": ALL_TIME}),
    insight("What was game 40's rank on 2 October?", "player_trend", "rank",
            lambda r: of(r["most_played"], day=date(2026, 10, 2), app_id=40)[0]["rank"],
            {"most_played": (date.min, date(2026, 10, 2))}, first="2026-10-02", app_id=40),
    insight("How many negative reviews had game 60 in the newest week?", "insight_sentiment", "negative",
            lambda r: of(newest(r["review_summary"]), app_id=60, scope="week")[0]["total_negative"],
            {"review_summary": (date(2026, 11, 3), WEEK[1]), "top_sellers": WEEK, "most_played": WEEK}, app_id=60),
    insight("How many reviews has game 80 in total?", "review_scores", "total_reviews",
            lambda r: of(newest(r["review_summary"]), app_id=80, scope="lifetime")[0]["total_reviews"],
            {"review_summary": WEEK, "top_sellers": WEEK, "most_played": WEEK}, app_id=80),
    insight("What did game 20 cost in the newest week, in cents?", "top_seller_moves", "price_cents",
            lambda r: of(newest(r["top_sellers"]), app_id=20)[0]["final_price_cents"],
            {"top_sellers": ALL_TIME}, app_id=20),
    insight("How many visits came to one player in October?", "traffic_vs_players", "visits_per_player",
            lambda r: of(r["visits"], month=date(2026, 10, 1))[0]["visits"] / fmean(
                total(rows, "players_peak") for day, rows in by(r["most_played"], "day").items()
                if OCTOBER[0] <= day <= OCTOBER[1]
            ), {"visits": OCTOBER, "most_played": OCTOBER}, first="2026-10-01"),
    Asked("How many periods of most played are missing?", "query",
          {"sql": "select count(*) from insight_freshness where source = 'most_played' and state = 'missing'"},
          lambda r: len(GAPS["most_played"]), dict.fromkeys(SOURCE_OF, ALL_TIME)),
]  # fmt: skip
