"""Answers from recorded responses, and the list of what can be asked of them.

Belongs here: choosing and cutting recorded answers. Does not belong here: reading the files (recorded_files.py), HTTP.
Nothing is made up: what was not recorded is answered as a service answers what it does not have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from steam_assets.simulator.backend import EMPTY, encode
from steam_assets.simulator.cursor import read_cursor, write_cursor
from steam_assets.simulator.items import missing_item
from steam_assets.simulator.market import midnight_of, utc
from steam_assets.simulator.recorded_files import Capture, Recordings, read_recordings
from steam_assets.simulator.request_parameters import (
    HELPFUL,
    RECENT,
    UPDATED,
    ChartQuestion,
    Json,
    NewsParameters,
    ReviewFilter,
    ReviewParameters,
    TopSellersParameters,
)
from steam_assets.simulator.scores import review_summary
from steam_assets.simulator.site import DOMAIN
from steam_assets.simulator.weeks import PUBLISHED_AFTER, start_of, week_of


@dataclass(frozen=True)
class LeftOut:
    """So many of something that were recorded and are not replayed, why, and the names of some."""

    count: int
    what: str
    reason: str
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        some = ", ".join(self.names[:3]) + (", …" if len(self.names) > 3 else "")
        what = self.what if self.count == 1 else f"{self.what}s"
        return f"{self.count} {what}{f' ({some})' if some else ''}: {self.reason}"


@dataclass(frozen=True)
class Recording:
    """What a folder of recordings can be asked about. Keys are partition keys (the first day of the window).

    ``most_played`` are the moments (UTC) of the snapshots: set the clock to the same day, not before.
    ``news`` and ``reviews`` give the items of each app by week; ``months`` the moment from which a month is carried.
    """

    most_played: tuple[datetime, ...]
    top_sellers_weeks: tuple[str, ...]
    news: Mapping[str, Mapping[int, int]]
    reviews: Mapping[str, Mapping[int, int]]
    months: Mapping[str, datetime]
    left_out: tuple[LeftOut, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.most_played or self.top_sellers_weeks or self.news or self.reviews or self.months)


def catalogue(folder: Path, country: str = "US") -> Recording:
    """What can be asked of the recordings in ``folder``, of the charts those of ``country``, and what is left out.

    FileNotFoundError if there is no such folder.
    """
    recordings = read_recordings(folder)
    most_played, doubled_days = _newest_of(recordings.most_played, country, midnight_of)
    top_sellers, doubled_weeks = _newest_of(recordings.top_sellers, country, week_of)
    months: dict[str, datetime] = {}
    for capture in recordings.site:
        if capture.content.get("SiteName") == DOMAIN:
            for month in capture.content["EstimatedMonthlyVisits"]:
                months.setdefault(month, utc(capture.moment))
    return Recording(
        most_played=tuple(utc(capture.moment) for capture in most_played),
        top_sellers_weeks=tuple(_week_key(capture.moment) for capture in top_sellers),
        news=_by_week(recordings.news, "date"),
        reviews=_by_week(recordings.reviews, "timestamp_created"),
        months=dict(sorted(months.items())),
        left_out=(
            *_abroad("most played chart", recordings.most_played, country),
            *_some(doubled_days, "most played chart", "a later one of the same day is replayed"),
            *_abroad("top sellers chart", recordings.top_sellers, country),
            *_some(doubled_weeks, "top sellers chart", "another one of the same week is replayed"),
            *_elsewhere(recordings.site),
            *(LeftOut(len(names), "file", reason, names) for reason, names in recordings.left_out.items()),
        ),
    )


def _newest_of(captures: Iterable[Capture], country: str, period: Callable[[int], int]) -> tuple[list[Capture], int]:
    """The country's captures, the newest one of each period, oldest first; and how many others they have."""
    own = [capture for capture in captures if capture.country == country]
    newest = {period(capture.moment): capture for capture in own}
    return list(newest.values()), len(own) - len(newest)


def _abroad(what: str, captures: Iterable[Capture], country: str) -> Iterator[LeftOut]:
    others = [capture.country for capture in captures if capture.country != country]
    yield from _some(len(others), what, f"of another country than {country}", tuple(sorted({*others})))


def _elsewhere(captures: Iterable[Capture]) -> Iterator[LeftOut]:
    others = [str(site) for capture in captures if (site := capture.content.get("SiteName")) != DOMAIN]
    yield from _some(len(others), "Similarweb answer", f"of another site than {DOMAIN}", tuple(sorted({*others})))


def _some(count: int, what: str, reason: str, names: tuple[str, ...] = ()) -> Iterator[LeftOut]:
    if count:
        yield LeftOut(count, what, reason, names)


class ReplayBackend:
    """Recorded answers; the clock decides which of them exist already."""

    def __init__(self, folder: Path) -> None:
        self._recordings: Recordings = read_recordings(folder)

    def most_played_now(self, parameters: ChartQuestion, now: int) -> bytes:
        today = [
            capture
            for capture in self._recordings.most_played
            if capture.moment <= now and midnight_of(capture.moment) == midnight_of(now)
        ]
        chosen = _of_country(today, parameters.country)
        return chosen.body if chosen else EMPTY

    def most_played_day(self, parameters: ChartQuestion, now: int) -> bytes:
        return EMPTY

    def top_sellers(self, parameters: TopSellersParameters, now: int) -> bytes:
        out = [each for each in self._recordings.top_sellers if each.moment + PUBLISHED_AFTER <= now]
        if parameters.start_date is not None:
            out = [each for each in out if each.moment == parameters.start_date]
        chosen = _of_country(out, parameters.country or parameters.context_country)
        if chosen is None or not parameters.with_items or parameters.page_start:
            return encode({"response": {"start_date": parameters.start_date} if parameters.start_date else {}})
        return chosen.body

    def news(self, parameters: NewsParameters, now: int) -> bytes:
        known = [
            item
            for item in self._recordings.news.get(parameters.app_id, ())
            if item["date"] <= now and parameters.wants(item["feedname"], frozenset(item.get("tags", ())))
        ]
        asked = [item for item in known if parameters.end is None or item["date"] < parameters.end][: parameters.count]
        if parameters.maxlength:
            asked = [item | {"contents": _cut(item["contents"], parameters.maxlength)} for item in asked]
        return encode({"appnews": {"appid": parameters.app_id, "newsitems": asked, "count": len(known)}})

    def reviews(self, parameters: ReviewParameters, now: int) -> bytes:
        recorded = self._recordings.reviews.get(parameters.app_id)
        if recorded is None:
            return EMPTY
        found = _in_order([each for each in recorded if _matches(each, parameters.filter)], parameters.order)
        position = read_cursor(parameters.cursor)
        start = 0 if parameters.cursor == "*" else position[2] if position else len(found)
        page = found[start : start + parameters.per_page]
        summary: Json = {"num_reviews": len(page)}
        if parameters.cursor == "*" and parameters.filter.kind == 0:
            positive = sum(each["voted_up"] for each in found)
            summary |= review_summary(positive, len(found) - positive)
        response: Json = {"query_summary": summary}
        if page:
            response["reviews"] = page
        response["cursor"] = write_cursor((0, 0, start + len(page))) if page else parameters.cursor
        response["total_matching"] = len(found)
        if parameters.order == HELPFUL:
            response["day_range_used"] = parameters.day_range
        return encode({"response": response})

    def items(self, app_ids: Sequence[int], country: str) -> bytes:
        items = [self._recordings.items.get(app_id) or missing_item(app_id) for app_id in app_ids]
        return encode({"response": {"store_items": items}})

    def site_traffic(self, domain: str, now: int) -> bytes | None:
        taken = [each for each in self._recordings.site if each.moment <= now and each.content["SiteName"] == domain]
        return taken[-1].body if taken else None

    def site_visits(self, domain: str, now: int) -> dict[str, float] | None:
        visits: dict[str, float] = {}
        for capture in self._recordings.site:
            if capture.moment <= now and capture.content["SiteName"] == domain:
                visits |= {month[:7]: count for month, count in capture.content["EstimatedMonthlyVisits"].items()}
        return dict(sorted(visits.items())) or None


def _of_country(captures: Sequence[Capture], country: str) -> Capture | None:
    own = [capture for capture in captures if capture.country == country]
    return own[-1] if own else None


def _matches(review: Json, wanted: ReviewFilter) -> bool:
    if not wanted.since <= review["timestamp_created"] < wanted.until:
        return False
    if wanted.languages is not None and review["language"] not in wanted.languages:
        return False
    if wanted.kind in (1, 2) and review["voted_up"] is (wanted.kind == 2):
        return False
    return wanted.purchase == 1 or review.get("steam_purchase", False) is (wanted.purchase == 0)


def _in_order(reviews: list[Json], order: int) -> list[Json]:
    if order == RECENT:
        return reviews
    field = "timestamp_updated" if order == UPDATED else "votes_up"
    return sorted(reviews, key=lambda review: review[field], reverse=True)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length] + "..."


def _week_key(moment: int) -> str:
    return utc(start_of(week_of(moment))).strftime("%Y-%m-%d")


def _by_week(items: Mapping[int, Iterable[Json]], moment: str) -> dict[str, dict[int, int]]:
    counts: dict[str, Counter[int]] = {}
    for app_id, listed in items.items():
        for item in listed:
            counts.setdefault(_week_key(item[moment]), Counter())[app_id] += 1
    return {week: dict(counts[week].most_common()) for week in sorted(counts)}
