"""A made-up year of the two charts and of the insights computed from them alone, with hostile names.

Belongs here: declared schemas, seeded charts. Does not belong here: news, reviews, traffic (market_year.py), tests.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow as pa

from steam_assets.insights import INSIGHTS
from steam_assets.lake.columns import ORIGIN
from steam_assets.sources import SOURCES
from steam_assets.sources.source import Column

LAST_DAY = date(2026, 11, 18)
AS_OF = datetime(2026, 11, 18, 21, 4, 12, tzinfo=UTC)
GAP_DAYS = (40, 41, 150)
"""Days before the last one on which nothing was collected."""

HOSTILE = (
    "<script>window.pwned = 1</script>",
    "</script><script>window.pwned = 2</script>",
    "<!-- <script> --!>",
    "=cmd|' /C calc'!A0",
    "Line\u2028separator\u2029here",
    "Right \u202eto left",
    "ゲーム 遊戯王 게임",
    "Emoji 🎮👩‍🚀 & more",
    '"><img src=x onerror="window.pwned = 3">',
    "+1+1 @SUM(1;2)",
    "{{ 7 * 7 }} ${7 * 7}",
)
WORDS = (
    "Dust",
    "Storm",
    "Star",
    "Iron",
    "Garden",
    "Signal",
    "Harbor",
    "Winter",
    "Rogue",
    "Ember",
    "Quiet",
    "Deep",
    "Lost",
)
ENDINGS = ("II", "III", "IV", "V", "Online")

TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "int": pa.int32(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
    "array<string>": pa.list_(pa.string()),
    "array<int>": pa.list_(pa.int32()),
}


def schema_of(columns: Sequence[Column]) -> pa.Schema:
    return pa.schema([(column.name, TYPES[column.type]) for column in columns])


def schemas() -> dict[str, pa.Schema]:
    """The declared schema of every clean and insight table."""
    clean = {t.name: schema_of((*t.columns, *ORIGIN)) for source in SOURCES for t in source.tables}
    return clean | {insight.table: schema_of(insight.schema) for insight in INSIGHTS}


def empty_tables() -> dict[str, pa.Table]:
    return {name: schema.empty_table() for name, schema in schemas().items()}


def row(**values: Any) -> dict[str, Any]:
    return values


def weekly(values: Mapping[date, float], day: date, mean: str) -> dict[str, float | None]:
    """The 7-day mean and its changes, as insights/weekly_means.py describes them."""
    week = [day - timedelta(days=n) for n in range(7)]
    made: dict[str, float | None] = {mean: sum(values[one] for one in week) / 7 if set(week) <= {*values} else None}
    for back in (7, 28, 91, 364):
        both = [(one, one - timedelta(back)) for one in week if {one, one - timedelta(back)} <= {*values}]
        pairs = [(values[one], values[before]) for one, before in both]
        now, then_ = (sum(side) for side in zip(*pairs, strict=True)) if len(pairs) > 3 else (None, None)
        made[f"peak_change_{back}d"] = now / then_ - 1 if now is not None and then_ else None
        if back == 7:
            made["players_gained_7d"] = (now - then_) / len(pairs) if now is not None and then_ is not None else None
    return made


class ChartYear:
    """A year that ends on ``LAST_DAY``, with ``games`` on the charts at a time; some swap places with others."""

    def __init__(self, games: int = 100, days: int = 365, weeks: int = 52, months: int = 12, seed: int = 5) -> None:
        self.chance = random.Random(seed)
        self.games, self.ids = games, [400 + 10 * i for i in range(int(games * 1.4))]
        self.names = [*HOSTILE, *(self._name() for _ in range(len(self.ids)))][: len(self.ids)]
        self.days = [LAST_DAY - timedelta(days=i) for i in range(days) if i not in GAP_DAYS][::-1]
        tuesday = LAST_DAY - timedelta(days=(LAST_DAY.weekday() - 1) % 7 + 7)
        self.weeks = [tuesday - timedelta(weeks=i) for i in range(weeks)][::-1]
        self.months = [date(2025 + (10 + i) // 12, (10 + i) % 12 + 1, 1) for i in range(months)][:12]
        self.size = {app: 900_000 / (i + 1) ** 0.8 for i, app in enumerate(self.ids)}
        self.charts = {day: self._chart(n) for n, day in enumerate(self.days)}

    def _name(self) -> str:
        return f"{self.chance.choice(WORDS)} {self.chance.choice(WORDS)} {self.chance.choice(ENDINGS)}"

    def _name_of(self, app: int) -> str:
        return self.names[self.ids.index(app)]

    def _chart(self, n: int) -> list[tuple[int, int]]:
        weekly = 1 + 0.09 * math.sin(2 * math.pi * n / 7)
        peaks = []
        for app in self.ids:
            slow = 1 + 0.3 * math.sin(n / (40 + app % 37) + app)
            self.size[app] *= math.exp(self.chance.gauss(0, 0.012))
            peaks.append((app, int(self.size[app] * weekly * slow * self.chance.uniform(0.97, 1.03)) + 500))
        return sorted(peaks, key=lambda one: -one[1])[: self.games]

    def _store(self, app: int, day: date = LAST_DAY) -> dict[str, Any]:
        """Store data as of a day: some paid games are 20 % off in two of twelve weeks, including the newest."""
        free = app % 30 == 0
        on_sale = app % 40 == 0 and not free and (LAST_DAY - day).days % 84 < 14
        price = 999 + app % 5000
        return {
            "name": self._name_of(app),
            "item_type": "game" if app % 70 else "hardware",
            "is_free": free,
            "is_early_access": app % 50 == 0,
            "final_price_cents": None if free else price * 4 // 5 if on_sale else price,
            "discount_percent": 20 if on_sale else None,
        }

    def _most_played(self) -> Iterator[dict[str, Any]]:
        for day, chart in self.charts.items():
            at = datetime.combine(day, time(21), UTC)
            for rank, (app, peak) in enumerate(chart, 1):
                yield row(
                    day=day,
                    rank=rank,
                    app_id=app,
                    players_now=int(peak * 0.7),
                    players_peak=peak,
                    sampled_at=at,
                    fetched_at=at,
                    partition_key=day.isoformat(),
                    **self._store(app, day),
                )

    def _trend(self) -> Iterator[dict[str, Any]]:
        today, before = self.days[-1], dict(self.charts[self.days[-2]])
        old = {app: rank for rank, app in enumerate(before, 1)}
        peaks = {day: dict(chart) for day, chart in self.charts.items()}
        for rank, (app, peak) in enumerate(self.charts[today], 1):
            change = old[app] - rank if app in old else None
            status = "new" if change is None else "up" if change > 0 else "down" if change < 0 else "same"
            yield row(
                day=today,
                app_id=app,
                name=self._name_of(app),
                rank=rank,
                rank_change_1d=change,
                status="first_seen" if status == "new" and len(self.days) < 29 else status,
                players_now=int(peak * 0.7),
                players_peak=peak,
                best_rank=max(1, rank - 3),
                days_on_chart=300,
                streak_days=40,
                partition_key=today.isoformat(),
                **weekly({day: own[app] for day, own in peaks.items() if app in own}, today, "peak_7d_mean"),
            )

    def _market(self) -> Iterator[dict[str, Any]]:
        sums = {day: sum(peak for _, peak in chart) for day, chart in self.charts.items()}
        for day, chart in self.charts.items():
            total = sums[day]
            yield row(
                day=day,
                games=len(chart),
                players_now=int(total * 0.7),
                players_peak_sum=total,
                top10_share=sum((peak for _, peak in chart[:10])) / total,
                partition_key=day.isoformat(),
                **weekly(sums, day, "peak_sum_7d_mean"),
            )

    def _sold(self, n: int) -> list[int]:
        order = sorted(self.ids, key=lambda app: (app % 97) + 40 * math.sin(n / 6 + app))
        return order[: self.games]

    def _top_sellers(self) -> Iterator[dict[str, Any]]:
        for n, week in enumerate(self.weeks):
            for rank, app in enumerate(self._sold(n), 1):
                yield {
                    "week_start": week,
                    "rank": rank,
                    "app_id": app,
                    "partition_key": week.isoformat(),
                } | self._store(app)

    def _moves(self) -> Iterator[dict[str, Any]]:
        seen: dict[int, int] = {}
        for n, week in enumerate(self.weeks):
            before = {app: rank for rank, app in enumerate(self._sold(n - 1), 1)} if n else {}
            now = self._sold(n)
            for rank, app in enumerate(now, 1):
                seen[app] = seen.get(app, 0) + 1
                moved = before[app] - rank if app in before else None
                status = "up" if (moved or 0) > 0 else "down" if (moved or 0) < 0 else "same"
                status = status if moved is not None else "returned" if seen[app] > 1 else "new"
                yield self._move(week, app, rank, before.get(app), moved, status, seen[app])
            for app in before.keys() - set(now):
                yield self._move(week, app, None, before[app], None, "dropped", seen[app])

    def _move(self, week: date, app: int, rank: int | None, *more: Any) -> dict[str, Any]:
        previous, moved, status, weeks = more
        return row(
            week_start=week,
            app_id=app,
            name=self._name_of(app),
            rank=rank,
            previous_rank=previous,
            movement=moved,
            status=status,
            streak_weeks=weeks if rank else None,
            weeks_on_chart=weeks,
            best_rank=max(1, (rank or 90) - 5),
            price_cents=None if app % 30 == 0 else 1999,
            is_free=app % 30 == 0,
            partition_key=week.isoformat(),
        )
