"""A made-up newest day and week of the insights on countries, prices, makers, launches and samples.

Belongs here: their rows, for the charts of chart_year.py. Does not belong here: the other tables (market_year.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

from chart_year import HOSTILE, ChartYear

Rows = Iterator[dict[str, Any]]


class StoreYear(ChartYear):
    """Tables of the newest day or week."""

    @property
    def shown(self) -> int:
        """Games with rows in each table."""
        return min(30, len(self.ids))

    def _of_day(self, place: int) -> dict[str, Any]:
        day = self.days[-1]
        app = self.ids[place]
        return {"day": day, "app_id": app, "name": self._name_of(app), "partition_key": day.isoformat()}

    def _of_week(self) -> dict[str, Any]:
        week = self.weeks[-1]
        return {"week_start": week, "partition_key": week.isoformat()}

    def _at(self, hour: int) -> datetime:
        return datetime.combine(self.days[-1], time(hour), UTC)

    def _hits(self) -> Rows:
        for place, app in enumerate(self.ids[: self.shown]):
            country = ("KR", "DE", "BR")[place % 3]
            yield self._of_week() | {
                "country": country,
                "app_id": app,
                "name": self._name_of(app),
                "rank": 1 + place,
                "countries_charted": 1 + place % 4,
                "best_elsewhere": None if place % 4 == 0 else 50 + place,
                "is_regional_hit": place < 20,
            }

    def _similar(self) -> Rows:
        for one, other in (("DE", "KR"), ("DE", "US"), ("KR", "US")):
            correlation = None if one == "KR" else 0.5
            shared = {"items_in_common": 40, "share_in_common": 0.25, "rank_correlation": correlation}
            yield self._of_week() | {"country": one, "other_country": other} | shared

    def _prices(self) -> Rows:
        for place in range(self.shown):
            change = ("sale_began", "sale_ended", "raised", "lowered", "same", None)[place % 6]
            discount = 50 if change == "sale_began" else 0
            price = {"price_cents": 1999, "previous_price_cents": 3999, "lowest_cents": 999}
            ends = {"discount_ends_at": self._at(18) if discount else None, "discount_percent": discount}
            yield self._of_day(place) | price | ends | {"change": change}

    def _sales(self) -> Rows:
        for place in range(self.shown):
            few = place % 3 == 0
            players = {"peak_before": 1000.0, "peak_after": 1200.0, "too_few_days": few, "discount_percent": 20}
            effect = dict.fromkeys(("change", "market_change", "net_effect"), None if few else 0.2 - place / 50)
            yield self._of_day(place) | players | effect

    def _shares(self) -> Rows:
        for kind in ("tag", "developer", "publisher"):
            for place, label in enumerate((*HOSTILE, "unknown")):
                share = 0.4 / (1 + place)
                sums = {"games": 9, "players": 1e6 * share, "players_share": share, "places": 5, "places_share": 0.05}
                yield self._of_week() | {"kind": kind, "label": label} | sums

    def _launches(self) -> Rows:
        for place in range(min(5, self.shown)):
            since = {"released_on": self.days[-1] - timedelta(days=place), "days_since_release": place}
            peaks = {"rank": 10 + place, "players_peak": 9000 - place, "best_peak": 9000, "share_of_best": 0.9}
            yield self._of_day(place) | since | peaks

    def _hours(self) -> Rows:
        for place in range(self.shown):
            for hour in range(0, 24, 2):
                yield self._of_day(place) | {"hour": hour, "players": 1000.0 + 10 * hour}

    def _player_days(self) -> Rows:
        for place in range(self.shown):
            peak = {"sampled_peak": 9000 - place, "peak_at": self._at(place % 24), "steam_peak": 9100, "swing": 1.2}
            curve = {"busiest_hour": 23.99, "audience_utc_offset": place - 12} if place < 24 else {}
            yield self._of_day(place) | peak | curve | {"samples": 24, "peak_excess": 12.5}

    def _update_hours(self) -> Rows:
        for place in range(self.shown):
            app, few = self.ids[place], place % 5 == 0
            effect = {"change": 0.1, "market_change": 0.0, "net_effect": 0.1, "hours_known": 24}
            yield (
                self._of_week()
                | effect
                | {
                    "app_id": app,
                    "name": self._name_of(app),
                    "published_at": self._at(17),
                    "title": HOSTILE[place % len(HOSTILE)],
                    "too_few_hours": few,
                }
            )
