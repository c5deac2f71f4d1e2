"""A made-up year of clean and insight tables for tests of pages and exports, with hostile texts in every field.

Belongs here: news, reviews, traffic and periods about the charts of chart_year.py. Does not belong here: tests.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pyarrow as pa
from chart_year import AS_OF, HOSTILE, WORDS, empty_tables, row, schemas
from store_year import StoreYear

from steam_assets.sources import SOURCES
from steam_assets.visuals.dashboard import DashboardData, Period

__all__ = ["AS_OF", "HOSTILE", "MarketYear", "empty_tables", "row", "schemas"]


BOMB_WEEK = 47
"""The week in which the sixth game has far more negative reviews than before."""


class MarketYear(StoreYear):
    """The whole year."""

    def data(self) -> DashboardData:
        tables = {
            name: pa.Table.from_pylist(list(rows()), schema=schemas()[name]) for name, rows in self._makers().items()
        }
        as_of = {table.name: AS_OF for source in SOURCES for table in source.tables}
        return DashboardData(tables, as_of, tuple(self._periods()))

    def _makers(self) -> dict[str, Callable[[], Iterator[dict[str, Any]]]]:
        return {
            "most_played": self._most_played,
            "top_sellers": self._top_sellers,
            "reviews": self._reviews,
            "visits": self._visits,
            "engagement": self._engagement,
            "traffic_sources": self._traffic_sources,
            "top_countries": self._countries,
            "insight_player_trend": self._trend,
            "insight_market_day": self._market,
            "insight_top_seller_moves": self._moves,
            "insight_price_split": self._split,
            "insight_review_scores": self._scores,
            "insight_sentiment": self._sentiment,
            "insight_review_bombs": self._bombs,
            "insight_review_languages": self._languages,
            "insight_news_markers": self._news,
            "insight_update_effect": self._effects,
            "insight_traffic_vs_players": self._ratio,
            "insight_regional_hits": self._hits,
            "insight_country_similarity": self._similar,
            "insight_price_history": self._prices,
            "insight_sale_effect": self._sales,
            "insight_market_share": self._shares,
            "insight_launches": self._launches,
            "insight_player_hours": self._hours,
            "insight_player_days": self._player_days,
            "insight_update_hours": self._update_hours,
        }

    def _split(self) -> Iterator[dict[str, Any]]:
        for week in self.weeks:
            for chart in ("top_sellers", "most_played"):
                for price, share in (("free", 0.31), ("paid", 0.66), ("unknown", 0.03)):
                    players = {"players": 4e6 * share, "players_share": share} if chart == "most_played" else {}
                    yield row(
                        week_start=week,
                        chart=chart,
                        price=price,
                        charts=1,
                        items=100 * share,
                        items_share=share,
                        partition_key=week.isoformat(),
                        **players,
                    )

    def _votes(self, n: int, app: int) -> tuple[int, int]:
        volume = 200 + (app * 7919) % 4000
        share = 0.6 + 0.35 * math.sin(app) ** 2 + 0.03 * math.sin(n / 4)
        if app == self.ids[5] and n == BOMB_WEEK:
            return int(volume * 0.4), volume * 6
        return int(volume * share), int(volume * (1 - share)) + 1

    def _sentiment(self) -> Iterator[dict[str, Any]]:
        for n, week in enumerate(self.weeks):
            for app in self._sold(n):
                positive, negative = self._votes(n, app)
                total = positive + negative
                yield row(
                    week_start=week,
                    app_id=app,
                    name=self._name_of(app),
                    positive=positive,
                    negative=negative,
                    reviews=total,
                    positive_share=positive / total,
                    share_change=0.01,
                    sample_complete=True,
                    partition_key=week.isoformat(),
                )

    def _scores(self) -> Iterator[dict[str, Any]]:
        for n, week in enumerate(self.weeks):
            for app in self._sold(n):
                positive, negative = self._votes(n, app)
                total, share = 40 * (positive + negative), positive / (positive + negative)
                for off in (False, True):
                    yield row(
                        week_start=week,
                        app_id=app,
                        name=self._name_of(app),
                        off_topic_included=off,
                        total_positive=40 * positive,
                        total_negative=40 * negative,
                        total_reviews=total,
                        positive_share=share,
                        adjusted_score=share - (share - 0.5) * 2 ** (-math.log10(total + 1)),
                        wilson_lower=share - 0.01,
                        review_score_desc="Very Positive",
                        partition_key=week.isoformat(),
                    )

    def _bombs(self) -> Iterator[dict[str, Any]]:
        for n, week in enumerate(self.weeks):
            for app in self._sold(n):
                positive, negative = self._votes(n, app)
                flagged = app == self.ids[5] and n == BOMB_WEEK
                yield row(
                    week_start=week,
                    app_id=app,
                    name=self._name_of(app),
                    negative=negative,
                    reviews=positive + negative,
                    negative_share=negative / (positive + negative),
                    baseline_weeks=min(n, 12),
                    baseline_negative=300.0,
                    baseline_share=0.2,
                    volume_score=31.4 if flagged else 0.4,
                    share_score=12.1 if flagged else -0.2,
                    flagged=flagged if n >= 4 else None,
                    excluded_by_steam=900 if flagged else 0,
                    off_topic_excluded_by_steam=flagged,
                    agreement="both" if flagged else "neither",
                    partition_key=week.isoformat(),
                )

    def _languages(self) -> Iterator[dict[str, Any]]:
        pairs = [(self.weeks[-1], app) for app in self._sold(len(self.weeks) - 1)]
        if len(self.weeks) > BOMB_WEEK:
            pairs.append((self.weeks[BOMB_WEEK], self.ids[5]))
        for week, app in pairs:
            for place, language in enumerate(("english", "schinese", "russian", "brazilian", "german", "japanese")):
                yield row(
                    week_start=week,
                    app_id=app,
                    name=self._name_of(app),
                    language=language,
                    reviews=300 // (place + 1),
                    sample_share=0.4 / (place + 1),
                    positive_share=0.8,
                    median_playtime_at_review_hours=31.5,
                    sample_complete=app % 3 > 0,
                    partition_key=week.isoformat(),
                )

    def _reviews(self) -> Iterator[dict[str, Any]]:
        yield from self._unusual_reviews()
        week = self.weeks[-1]
        for app in self._sold(len(self.weeks) - 1):
            for n in range(5):
                text = HOSTILE[(app + n) % len(HOSTILE)] + " " + " ".join(self.chance.choices(WORDS, k=12))
                yield row(
                    week_start=week,
                    app_id=app,
                    recommendation_id=f"{app}{n}",
                    language="english",
                    text=text,
                    created_at=datetime.combine(week, time(9, n), UTC),
                    voted_up=n % 3 > 0,
                    votes_up=900 - n,
                    playtime_at_review_minutes=600 * n,
                    partition_key=week.isoformat(),
                )

    def _unusual_reviews(self) -> Iterator[dict[str, Any]]:
        """The week of the review bomb: three of four negative reviews ask for a refund, no positive one does."""
        if len(self.weeks) <= BOMB_WEEK:
            return
        week = self.weeks[BOMB_WEEK]
        for n in range(160):
            chinese, up, asks = n % 4 == 0, n // 4 % 2 == 0, n // 8 % 4 > 0
            common, refund = ("游戏", "，退款") if chinese else ("[b]game[/b]", " REFUND https://refunds.example/all")
            yield row(
                week_start=week,
                app_id=self.ids[5],
                recommendation_id=f"bomb{n}",
                language="schinese" if chinese else "english",
                text=f"{common}{'' if up or not asks else refund} {HOSTILE[n % len(HOSTILE)]}",
                created_at=datetime.combine(week, time(10, n % 60), UTC),
                voted_up=up,
                votes_up=500 - n,
                playtime_at_review_minutes=(30, 300, 3000, 90_000)[n % 4] if n else None,
                partition_key=week.isoformat(),
            )

    def _news(self) -> Iterator[dict[str, Any]]:
        for n, week in enumerate(self.weeks):
            for app in self._sold(n):
                for item in range(2):
                    at = datetime.combine(week + timedelta(days=(app // 10 + item * 3) % 7), time(17, 30), UTC)
                    kind = (app // 10 + n + item) % 3
                    title = (
                        f"{self._name_of(app)}: update {n}.{item}, with fixes and {HOSTILE[(n + app) % len(HOSTILE)]}"
                    )
                    address = (
                        "javascript:window.pwned=4" if (n + app) % 20 == 0 else f"https://news.example/a/{app}/{n}"
                    )
                    yield row(
                        week_start=week,
                        app_id=app,
                        name=self._name_of(app),
                        gid=f"{n}{app}{item}",
                        day=at.date(),
                        published_at=at,
                        title=title,
                        url=address,
                        feed="<b>Feed</b>",
                        is_update=kind < 2,
                        is_patch_notes=kind == 0,
                        partition_key=week.isoformat(),
                    )

    def _effects(self) -> Iterator[dict[str, Any]]:
        for n, week in enumerate(self.weeks):
            for app in self._sold(n)[::2]:
                change = self.chance.gauss(0.02, 0.1)
                few = n > len(self.weeks) - 2
                yield row(
                    week_start=week,
                    app_id=app,
                    name=self._name_of(app),
                    day=week + timedelta(days=2),
                    title=f"Patch {n}: {HOSTILE[n % len(HOSTILE)]}",
                    updates=2,
                    has_patch_notes=n % 2 == 0,
                    peak_before=100000.0,
                    peak_after=100000.0 * (1 + change),
                    change=None if few else change,
                    market_change=None if few else 0.01,
                    net_effect=None if few else (1 + change) / 1.01 - 1,
                    days_before=7,
                    days_after=2 if few else 7,
                    too_few_days=few,
                    partition_key=week.isoformat(),
                )

    def _visits(self) -> Iterator[dict[str, Any]]:
        for n, month in enumerate(self.months):
            visits = int(165e6 + 12e6 * math.sin(n))
            yield {"month": month, "visits": visits, "kind": "estimate", "partition_key": month.isoformat()}

    def _engagement(self) -> Iterator[dict[str, Any]]:
        for month in self.months:
            yield row(
                month=month,
                visits=165000000,
                bounce_rate=0.41,
                pages_per_visit=4.2,
                seconds_on_site=312.0,
                partition_key=month.isoformat(),
            )

    def _traffic_sources(self) -> Iterator[dict[str, Any]]:
        ways = (
            ("Direct", 0.52),
            ("Search", 0.27),
            ("Social", 0.09),
            ("Referrals", 0.1),
            ("Mail", 0.01),
            ("Paid Referrals", 0.01),
        )
        for n, month in enumerate(self.months):
            for way, share in ways:
                yield {
                    "month": month,
                    "traffic_source": way,
                    "share": share + 0.001 * n,
                    "partition_key": month.isoformat(),
                }

    def _countries(self) -> Iterator[dict[str, Any]]:
        for month in self.months:
            for country, code, share in (
                (840, "US", 0.2),
                (156, "CN", 0.12),
                (643, "RU", 0.08),
                (276, "DE", 0.05),
                (76, None, 0.04),
            ):
                yield row(
                    month=month,
                    country=country,
                    country_code=code,
                    share=share,
                    partition_key=month.isoformat(),
                )

    def _ratio(self) -> Iterator[dict[str, Any]]:
        for n, month in enumerate(self.months):
            yield row(
                month=month,
                visits=165000000 + n * 10**6,
                visits_kind="estimate",
                mean_daily_players=5100000.0,
                visits_per_player=32.4 + n,
                days_collected=28,
                days_in_month=30,
                partition_key=month.isoformat(),
            )

    def _periods(self) -> Iterator[Period]:
        for n in range((self.days[-1] - self.days[0]).days + 1):
            day = self.days[0] + timedelta(days=n)
            known = day in self.charts
            yield Period(
                "most_played", day, "ok" if known else "missing", None if known else "Only the present can be asked."
            )
        for source in ("top_sellers", "news", "reviews"):
            yield from (Period(source, week, "ok", None, 100, 1 if source == "news" else 0) for week in self.weeks)
        late = self.months[-1]
        yield from (
            Period("monthly_visits", m, "late" if m == late else "ok", "Due." if m == late else None)
            for m in self.months
        )
