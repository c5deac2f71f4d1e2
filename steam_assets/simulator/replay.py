"""Responses from recordings, and the list of what can be replayed.

Belongs here: selecting and cutting recorded responses. Does not belong here: reading the files (recorded_files.py),
HTTP. Nothing is invented: for what was not recorded, the response is that of a service without data.
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
    ChartParameters,
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
    """Recordings that are not replayed: how many of what, why, and some names."""

    count: int
    what: str
    reason: str
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        some = ", ".join(self.names[:3]) + (", …" if len(self.names) > 3 else "")
        what = self.what if self.count == 1 else f"{self.what}s"
        return f"{self.count} {what}{f' ({some})' if some else ''}: {self.reason}"


@dataclass(frozen=True)
class RecordedPartition:
    """A partition of a source that can be replayed, with its apps and their number of items.

    ``moment`` is when to fetch it (UTC); None: any time after the partition's end.
    """

    source: str
    key: str
    moment: datetime | None = None
    apps: tuple[int, ...] = ()
    items: int = 0


@dataclass(frozen=True)
class Recording:
    """What can be replayed from a folder. Keys are partition keys (the first day of the window).

    ``most_played`` has the times (UTC) of the snapshots: set the clock to that time or later on the same day. ``news``
    and ``reviews`` have the number of items of each app by week; ``months`` the time from which a month is available.
    """

    most_played: tuple[datetime, ...]
    top_sellers_weeks: tuple[str, ...]
    news: Mapping[str, Mapping[int, int]]
    reviews: Mapping[str, Mapping[int, int]]
    months: Mapping[str, datetime]
    left_out: tuple[LeftOut, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not any(self.partitions())

    def partitions(self) -> Iterator[RecordedPartition]:
        """All partitions that can be replayed, by source."""
        for moment in self.most_played:
            yield RecordedPartition("most_played", f"{moment:%Y-%m-%d}", moment)
        for week in self.top_sellers_weeks:
            yield RecordedPartition("top_sellers", week)
        for source, weeks in (("news", self.news), ("reviews", self.reviews)):
            for week, apps in weeks.items():
                yield RecordedPartition(source, week, apps=tuple(apps), items=sum(apps.values()))
        for month, moment in self.months.items():
            yield RecordedPartition("monthly_visits", month, moment)


def catalogue(folder: Path, country: str = "US") -> Recording:
    """What can be replayed from ``folder``, with the charts of ``country``, and what is left out.

    Raises FileNotFoundError if the folder does not exist.
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
    """The country's captures, the newest of each period, oldest first, and the number of others."""
    own = [capture for capture in captures if capture.country == country]
    newest = {period(capture.moment): capture for capture in own}
    return list(newest.values()), len(own) - len(newest)


def _abroad(what: str, captures: Iterable[Capture], country: str) -> Iterator[LeftOut]:
    others = [capture.country for capture in captures if capture.country != country]
    yield from _some(len(others), what, f"not of the country {country}", tuple(sorted({*others})))


def _elsewhere(captures: Iterable[Capture]) -> Iterator[LeftOut]:
    others = [str(site) for capture in captures if (site := capture.content.get("SiteName")) != DOMAIN]
    yield from _some(len(others), "Similarweb answer", f"not of the site {DOMAIN}", tuple(sorted({*others})))


def _some(count: int, what: str, reason: str, names: tuple[str, ...] = ()) -> Iterator[LeftOut]:
    if count:
        yield LeftOut(count, what, reason, names)


class ReplayBackend:
    """Serves recorded responses; those from after ``now`` do not exist yet."""

    market = None

    def __init__(self, folder: Path) -> None:
        self._recordings: Recordings = read_recordings(folder)

    def most_played_now(self, parameters: ChartParameters, now: int) -> bytes:
        today = [
            capture
            for capture in self._recordings.most_played
            if capture.moment <= now and midnight_of(capture.moment) == midnight_of(now)
        ]
        chosen = _of_country(today, parameters.country)
        return chosen.body if chosen else EMPTY

    def top_sellers(self, parameters: TopSellersParameters, now: int) -> bytes:
        out = [each for each in self._recordings.top_sellers if each.moment + PUBLISHED_AFTER <= now]
        if parameters.start_date is not None:
            out = [each for each in out if each.moment == parameters.start_date]
        chosen = _of_country(out, parameters.country or parameters.context_country)
        if chosen is None or not parameters.with_items or parameters.page_start:
            return encode({"response": {"start_date": parameters.start_date} if parameters.start_date else {}})
        return chosen.body

    def news(self, parameters: NewsParameters, now: int) -> bytes:
        known = [item for item in self._recordings.news.get(parameters.app_id, ()) if item["date"] <= now]
        asked = [item for item in known if parameters.end is None or item["date"] < parameters.end][: parameters.count]
        return encode({"appnews": {"appid": parameters.app_id, "newsitems": asked, "count": len(known)}})

    def reviews(self, parameters: ReviewParameters, now: int) -> bytes:
        recorded = self._recordings.reviews.get(parameters.app_id)
        if recorded is None:
            return EMPTY
        found = [each for each in recorded if _matches(each, parameters.filter)]
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


def _week_key(moment: int) -> str:
    return utc(start_of(week_of(moment))).strftime("%Y-%m-%d")


def _by_week(items: Mapping[int, Iterable[Json]], moment: str) -> dict[str, dict[int, int]]:
    counts: dict[str, Counter[int]] = {}
    for app_id, listed in items.items():
        for item in listed:
            counts.setdefault(_week_key(item[moment]), Counter())[app_id] += 1
    return {week: dict(counts[week].most_common()) for week in sorted(counts)}
