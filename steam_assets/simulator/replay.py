"""Responses from recordings, and the list of what can be replayed.

Belongs here: selecting and cutting recorded responses. Does not belong here: reading the files (recorded_files.py),
HTTP. Nothing is invented: for what was not recorded, the response is that of a service without data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from steam_assets.simulator.backend import EMPTY, encode
from steam_assets.simulator.cursor import read_cursor, write_cursor
from steam_assets.simulator.market import HOME, midnight_of, utc
from steam_assets.simulator.recorded_files import Recordings, read_recordings
from steam_assets.simulator.request_parameters import NewsParameters, ReviewParameters, TopSellersParameters
from steam_assets.simulator.review_pages import Page, reviews_body
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
    """A partition of a source that can be replayed, and the number of items of its apps, most first.

    ``moment`` is when to fetch it (UTC); None: any time after the partition's end.
    """

    source: str
    key: str
    moment: datetime | None = None
    apps: Mapping[int, int] = field(default_factory=dict)

    @property
    def items(self) -> int:
        return sum(self.apps.values())


@dataclass(frozen=True)
class Recording:
    """What can be replayed from a folder, and what is left out."""

    partitions: tuple[RecordedPartition, ...]
    left_out: tuple[LeftOut, ...] = ()


def catalogue(folder: Path) -> Recording:
    """What can be replayed from ``folder``. Raises FileNotFoundError if it does not exist."""
    recordings = read_recordings(folder)
    return Recording(
        tuple(_partitions(recordings)),
        tuple(LeftOut(len(names), "file", reason, names) for reason, names in recordings.left_out.items()),
    )


def _partitions(recordings: Recordings) -> Iterator[RecordedPartition]:
    for capture in recordings.most_played:
        yield RecordedPartition("most_played", f"{utc(capture.moment):%Y-%m-%d}", utc(capture.moment))
    for capture in recordings.top_sellers:
        yield RecordedPartition("top_sellers", _week_key(capture.moment))
    news = ((app, item.date) for app, items in recordings.news.items() for item in items)
    reviews = ((app, item.timestamp_created) for app, items in recordings.reviews.items() for item in items)
    for source, items in (("news", news), ("reviews", reviews)):
        for week, apps in sorted(_by_week(items).items()):
            yield RecordedPartition(source, week, apps=dict(apps.most_common()))
    months: dict[str, datetime] = {}
    for capture in recordings.site:
        for month in capture.visits:
            months.setdefault(month, utc(capture.moment))
    for month, moment in sorted(months.items()):
        yield RecordedPartition("monthly_visits", month, moment)


def _by_week(items: Iterable[tuple[int, int]]) -> dict[str, Counter[int]]:
    counts: dict[str, Counter[int]] = {}
    for app_id, moment in items:
        counts.setdefault(_week_key(moment), Counter())[app_id] += 1
    return counts


def _week_key(moment: int) -> str:
    return utc(start_of(week_of(moment))).strftime("%Y-%m-%d")


class ReplayBackend:
    """Serves recorded responses; those from after ``now`` do not exist yet."""

    market = None

    def __init__(self, folder: Path) -> None:
        self._recordings: Recordings = read_recordings(folder)

    def most_played_now(self, now: int, *, with_items: bool = True) -> bytes:
        for capture in self._recordings.most_played:
            if midnight_of(now) <= capture.moment <= now:
                return capture.body
        return EMPTY

    def top_sellers(self, parameters: TopSellersParameters, now: int) -> bytes:
        # Only charts of the US are read from recordings.
        charts = self._recordings.top_sellers if parameters.country_code == HOME else ()
        for capture in charts:
            wanted = capture.moment == parameters.start_date and parameters.page_start == 0
            if wanted and capture.moment + PUBLISHED_AFTER <= now:
                return capture.body
        return encode({"response": {"start_date": parameters.start_date}})

    def news(self, parameters: NewsParameters, now: int) -> bytes:
        known = [item for item in self._recordings.news.get(parameters.appid, ()) if item.date <= now]
        asked = [item.model_dump() for item in known if item.date < parameters.enddate][: parameters.count]
        return encode({"appnews": {"appid": parameters.appid, "newsitems": asked, "count": len(known)}})

    def reviews(self, parameters: ReviewParameters, now: int) -> bytes:
        recorded = self._recordings.reviews.get(parameters.appid)
        if recorded is None:
            return EMPTY
        wanted = parameters.filter_at(now)
        found = [each for each in recorded if wanted.since <= each.timestamp_created < wanted.until]
        position = read_cursor(parameters.cursor)
        start = 0 if parameters.cursor == "*" else position[2] if position else len(found)
        shown = [each.body() for each in found[start : start + parameters.num_per_page]]
        cursor = write_cursor((0, 0, start + len(shown))) if shown else parameters.cursor
        positive = sum(each.voted_up for each in found)
        return reviews_body(parameters, Page(shown, cursor), positive, len(found) - positive)

    def site_traffic(self, domain: str, now: int) -> bytes | None:
        taken = [capture.body for capture in self._recordings.site if capture.moment <= now and domain == DOMAIN]
        return taken[-1] if taken else None

    def site_visits(self, domain: str, now: int) -> dict[str, float] | None:
        visits: dict[str, float] = {}
        for capture in self._recordings.site:
            if capture.moment <= now and domain == DOMAIN:
                visits |= {month[:7]: count for month, count in capture.visits.items()}
        return dict(sorted(visits.items())) or None
