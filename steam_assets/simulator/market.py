"""The synthetic market: players, sales, updates and site traffic, each a function of the seed and the time.

Belongs here: how apps develop over time. Does not belong here: review and news texts, HTTP, response formats.
All times are Unix seconds (UTC). Only caches are stored, so times can be requested in any order and repeatedly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from math import cos, exp, pi, sin

from steam_assets.simulator.catalogue import DLC, HARDWARE, KNOWN, App, Catalogue
from steam_assets.simulator.chance import Dice
from steam_assets.simulator.charts import ChartHistory, Ranking
from steam_assets.simulator.stores import sale_of
from steam_assets.simulator.weeks import DAY, FIRST_CHART_WEEK, WEEK, start_of, week_of

CHART_SIZE = 100

CANDIDATES = 320
"""Only the largest apps can reach a chart: the rest is too small to ever outgrow the hundredth."""

HOME = "US"
"""The country whose players and buyers the other countries are compared with."""

QUARTER_WEEKS = 13

_WEEKDAYS = (0.94, 0.92, 0.92, 0.94, 1.03, 1.13, 1.11)


@dataclass(frozen=True)
class Players:
    """Players of an app at one time, and the peak of the 24 hours before."""

    current: int
    peak: int


@dataclass(frozen=True)
class Standing:
    """An app's position in a week's top sellers. ``last_week_rank`` is None if it was not ranked."""

    rank: int
    app: App
    last_week_rank: int | None
    consecutive_weeks: int
    first_time: bool


@dataclass(frozen=True)
class ReviewBomb:
    """A burst of off-topic reviews of one app in ``[start, end)``."""

    slot: int
    start: int
    end: int


class Market:
    """The market of one seed and catalogue, with ``chart_size`` apps on each chart.

    ``slots`` are those of the apps that can reach a chart; by default the first ``CANDIDATES``.
    """

    def __init__(
        self, seed: int, catalogue: Catalogue, chart_size: int = CHART_SIZE, slots: Sequence[int] = range(CANDIDATES)
    ) -> None:
        self._chart_size = chart_size
        self.dice = Dice(seed)
        self.catalogue = catalogue
        self._candidates = [catalogue.at(slot) for slot in slots if slot < catalogue.size]
        self.patch_time: Callable[[int, int], int | None] = lru_cache(200_000)(self._patch_time)
        self._traits: Callable[[int], tuple[float, ...]] = lru_cache(20_000)(lambda slot: self.dice.shares("app", slot))
        self._sold: Callable[[int], list[tuple[float, int]]] = lru_cache(2_000)(self._sold_in_week)
        self._taste: Callable[[int, str], float] = lru_cache(20_000)(self._local_taste)
        self._charts: dict[str, ChartHistory] = {}

    def bomb(self, week: int) -> ReviewBomb | None:
        """The review bomb of a week: Friday to Monday, one week in thirteen, on one of the larger apps."""
        quarter, place = divmod(week, QUARTER_WEEKS)
        when, who = self.dice.words("bomb", quarter)[:2]
        if place != when % QUARTER_WEEKS:
            return None
        reviewed = [app for app in self._candidates[: min(20, self._chart_size)] if app.kind != HARDWARE]
        friday = start_of(week) + 3 * DAY
        return ReviewBomb(reviewed[who % len(reviewed)].slot, friday, friday + 3 * DAY) if reviewed else None

    def release_week(self, slot: int) -> int:
        """The release week of an app. New apps keep entering the charts until 2029."""
        when = self._traits(slot)[7]
        if slot < len(KNOWN):
            return 30 + int(when * 400)
        if slot < CANDIDATES:
            return FIRST_CHART_WEEK + int(when * 400)
        return 52 + int(when * 600)

    def surge(self, slot: int, week: float) -> float:
        """An app's factor above its usual size: a surge about once a year that decays within weeks."""
        if slot < 12:
            return 1.0
        age = week - self.release_week(slot)
        if age < 0:
            return 0.0
        size, length, phase = self._traits(slot)[3:6]
        launch = (3.0 + 6.0 * size) * exp(-age / 3.0) if slot >= len(KNOWN) else 0.0
        cycle = 30 + length * 60
        turn = (week + phase * cycle) % cycle
        return 1.0 + launch + 9.0 * size * size * exp(-turn / 2.5)

    def after_patch(self, slot: int, moment: int) -> float:
        """The factor by which the newest update raises players, decaying over two weeks; 1.0 without one."""
        week = week_of(moment)
        for back in (0, 1, 2):
            patched = self.patch_time(slot, week - back)
            if patched is not None and patched <= moment:
                strength = 0.1 + 0.45 * self._traits(slot)[2]
                return 1.0 + strength * exp(-(moment - patched) / (4 * DAY))
        return 1.0

    def on_sale(self, app: App, moment: int) -> float:
        """The factor by which a sale raises players; 1.0 without one."""
        sale = sale_of(self.dice, app, moment)
        return 1.0 if sale is None else 1.0 + 0.6 * sale.percent / 100

    def players(self, app: App, moment: int) -> Players:
        """Players at ``moment``; the peak is the maximum of the full hours of the 24 before and ``moment`` itself."""
        midnight = midnight_of(moment)
        levels = {day: self._day_level(app, day) for day in (midnight - DAY, midnight)}
        current = self._in_game(app, levels[midnight], moment)
        hours = range(moment - moment % 3600, moment - DAY, -3600)
        return Players(current, max(current, *(self._in_game(app, levels[midnight_of(hour)], hour) for hour in hours)))

    def most_played(self, moment: int) -> list[tuple[App, Players]]:
        """The hundred apps with the most players at ``moment``, in descending order."""
        midnight = midnight_of(moment)
        found = [(app, self._in_game(app, self._day_level(app, midnight), moment)) for app in self._played(moment)]
        return [(app, self.players(app, moment)) for app, _ in self._highest(found)]

    def daily_peaks(self, midnight: int) -> list[tuple[App, int]]:
        """The hundred apps with the highest peaks on the day that starts at ``midnight``."""
        moment = midnight + DAY - 1
        return self._highest([(app, self.players(app, moment).peak) for app in self._played(moment)])

    def top_sellers(self, week: int, country: str = HOME) -> list[Standing]:
        """A week's hundred top sellers in a country; empty before the first chart."""
        if country not in self._charts:
            self._charts[country] = ChartHistory(lambda week: self._rank_week(week, country))
        charts = self._charts[country]
        before = {slot: rank for rank, slot in enumerate(charts.ranking(week - 1), 1)}
        return [
            Standing(
                rank,
                self.catalogue.at(slot),
                before.get(slot),
                charts.streak(slot, week),
                charts.first_week(slot) == week,
            )
            for rank, slot in enumerate(charts.ranking(week), 1)
        ]

    def site_visits(self, year: int, month: int) -> float:
        """Visits to the store's site in a month: higher in winter and in sale months."""
        season = 1 + 0.12 * cos(2 * pi * (month - 1) / 12) + (0.06 if month in (6, 7, 11, 12) else 0.0)
        drift = 1 + 0.02 * (year - 2023)
        return 165e6 * season * drift * (0.96 + 0.08 * self.dice.share("visits", year, month))

    def _highest(self, found: list[tuple[App, int]]) -> list[tuple[App, int]]:
        return sorted(found, key=lambda each: each[1], reverse=True)[: self._chart_size]

    def _played(self, moment: int) -> list[App]:
        return [app for app in self._released(moment) if app.played]

    def _released(self, moment: int) -> list[App]:
        week = week_of(moment)
        return [app for app in self._candidates if self.release_week(app.slot) <= week]

    def _patch_time(self, slot: int, week: int) -> int | None:
        phase, period = self.dice.words("patches", slot)[:2]
        every = 2 + period % 4 + (0 if slot < CANDIDATES else 8)
        if (week + phase) % every:
            return None
        day, minute = self.dice.words("patch", slot, week)[:2]
        return start_of(week) + day % 5 * DAY + 17 * 3600 + minute % 90 * 60

    def _day_level(self, app: App, midnight: int) -> float:
        usual, tempo, _, _, _, phase, _, _ = self._traits(app.slot)
        day = midnight // DAY
        base = 1_150_000 * (app.slot + 1) ** -0.92 * exp(0.6 * (usual - 0.5))
        trend = 1 + 0.22 * sin(2 * pi * (day / (250 + 400 * tempo) + phase))
        noise = 0.96 + 0.08 * self.dice.share("day", app.slot, day)
        weekday = _WEEKDAYS[(day + 3) % 7]
        return base * trend * noise * weekday * self.surge(app.slot, (midnight - start_of(0)) / WEEK)

    def _in_game(self, app: App, level: float, moment: int) -> int:
        busiest = 9 + 11 * self._traits(app.slot)[6]
        hour = moment % DAY / 3600
        curve = 1 + 0.2 * cos(2 * pi * (hour - busiest) / 24)
        return int(level * curve * self.after_patch(app.slot, moment) * self.on_sale(app, moment))

    def _sold_to(self, app: App, week: int) -> float:
        usual, _, _, _, _, _, taste, _ = self._traits(app.slot)
        base = (app.slot + 1) ** -0.7 * exp(2.2 * (usual - 0.5)) * (0.7 if app.free else 1.0)
        if app.kind == HARDWARE:
            base = 0.45
        if app.kind == DLC:
            base *= 2.0
        moment = start_of(week) + WEEK - 1
        noise = 0.8 + 0.4 * self.dice.share("sold", app.slot, week)
        return (
            base * noise * (0.75 + 0.5 * taste) * self.surge(app.slot, week + 0.5) * self.after_patch(app.slot, moment)
        )

    def _sold_in_week(self, week: int) -> list[tuple[float, int]]:
        return [(self._sold_to(app, week), -app.slot) for app in self._released(start_of(week))]

    def _local_taste(self, slot: int, country: str) -> float:
        """How much better an app sells in a country than at home.

        One app in sixteen is a hit there, and one does not sell.
        """
        if country == HOME:
            return 1.0
        taste = self.dice.share("taste", slot, country)
        return 8.0 if taste < 1 / 16 else 0.05 if taste > 15 / 16 else 0.6 + 0.8 * taste

    def _rank_week(self, week: int, country: str) -> Ranking:
        sold = [(sold * self._taste(-slot, country), slot) for sold, slot in self._sold(week)]
        sold.sort(reverse=True)
        return tuple(-slot for _, slot in sold[: self._chart_size])


def midnight_of(moment: int) -> int:
    """00:00 UTC of the day that holds ``moment``."""
    return moment - moment % DAY


def unix(moment: datetime) -> int:
    """Whole Unix seconds of an aware datetime."""
    return int(moment.timestamp())


def utc(moment: int) -> datetime:
    """The UTC datetime of Unix seconds."""
    return datetime.fromtimestamp(moment, UTC)
