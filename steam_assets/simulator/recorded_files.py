"""Reading recorded responses from disk.

Belongs here: the layout of a folder of recordings, and the shapes of their items.
Does not belong here: serving them (replay.py). Files are only read. What a folder lacks is empty; files that are not
served are reported with the reason.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, model_validator

from steam_assets.simulator.market import midnight_of
from steam_assets.simulator.request_parameters import Json
from steam_assets.simulator.site import DOMAIN
from steam_assets.simulator.weeks import week_of

_APP_IN_ADDRESS = re.compile(r"/appreviews/(\d+)")
_APP_IN_NAME = re.compile(r"(?:app|review|appreviews)_(\d+)")
_COUNTRY_IN_NAME = re.compile(r"_([a-z]{2})_\d{4}-")
_DAY_IN_NAME = re.compile(r"\d{4}-\d{2}-\d{2}")

LAYOUT = (
    "mostplayed/GetGamesByConcurrentPlayers*.json, topsellers/GetWeeklyTopSellers*.json, news/**/*.json, "
    "reviews/**/app_APPID*.json, similarweb/*.json"
)
"""The layout of a folder of recordings, for messages."""

PROVENANCE = "PROVENANCE.tsv"

Text = Annotated[str, BeforeValidator(str)]


class NewsItem(BaseModel, frozen=True, extra="allow"):
    """An item of ``GetNewsForApp``; ``date`` in Unix seconds."""

    gid: Text
    date: int


class Author(BaseModel, frozen=True):
    """The reviewer, reduced to what ``GetAppReviews`` sends; times in minutes, ``last_played`` in Unix seconds."""

    steamid: str | None = None
    num_reviews: int | None = None
    playtime_forever: int | None = None
    playtime_last_two_weeks: int | None = None
    playtime_at_review: int | None = None
    deck_playtime_at_review: int | None = None
    last_played: int | None = None


class Review(BaseModel, frozen=True):
    """A review as ``GetAppReviews`` sends it, read from the old ``appreviews``; an author's flat fields are nested."""

    recommendationid: Text
    author: Author
    language: str | None = None
    review: str | None = None
    timestamp_created: int
    timestamp_updated: int
    voted_up: bool = False
    votes_up: int | None = None
    votes_funny: int | None = None
    weighted_vote_score: float | None = None
    comment_count: int | None = None
    steam_purchase: bool | None = None
    received_for_free: bool | None = None
    written_during_early_access: bool | None = None
    developer_response: str | None = None
    timestamp_dev_responded: int | None = None
    primarily_steam_deck: bool | None = None
    refunded: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _nested(cls, old: Json) -> Json:
        return old if "author" in old else old | {"author": old}

    def body(self) -> Json:
        return self.model_dump(exclude_none=True)


Item = TypeVar("Item", NewsItem, Review)


@dataclass(frozen=True)
class Capture:
    """A recorded body; ``moment`` is the time in it, in Unix seconds (for site traffic: when it was recorded).

    ``visits`` has the site's visits by the first day of the month.
    """

    moment: int
    body: bytes
    visits: Mapping[str, float]


@dataclass(frozen=True)
class Recordings:
    """The content of a folder: captures from the oldest, news and reviews by app from the newest.

    ``left_out`` lists the files that are not served, relative to the folder, by reason.
    """

    most_played: tuple[Capture, ...]
    top_sellers: tuple[Capture, ...]
    site: tuple[Capture, ...]
    news: Mapping[int, tuple[NewsItem, ...]]
    reviews: Mapping[int, tuple[Review, ...]]
    left_out: Mapping[str, tuple[str, ...]]


class _Folder:
    """A folder of recordings, and its files that are not served, by reason."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: set[Path] = set()
        self._left: dict[str, list[Path]] = {}

    def files(self, *patterns: str) -> Iterator[Path]:
        for path in [path for pattern in patterns for path in sorted(self.path.glob(pattern)) if path.is_file()]:
            self._seen.add(path)
            yield path

    def leave(self, path: Path, reason: str) -> None:
        self._left.setdefault(reason, []).append(path)

    def left_out(self) -> dict[str, tuple[str, ...]]:
        for path in sorted(self.path.rglob("*")):
            if path.is_file() and path not in self._seen and path != self.path / PROVENANCE:
                self.leave(path, "path and name are not those of a recording")
        return {
            reason: tuple(path.relative_to(self.path).as_posix() for path in paths)
            for reason, paths in self._left.items()
        }


def read_recordings(folder: Path) -> Recordings:
    """All recordings below ``folder``. Raises FileNotFoundError without a folder, ValueError for a broken file."""
    if not folder.is_dir():
        raise FileNotFoundError(f"the folder {folder} does not exist; name a folder of recorded responses")
    files = _Folder(folder)
    return Recordings(
        most_played=_charts(files, "mostplayed/GetGamesByConcurrentPlayers*.json", "last_update", midnight_of),
        top_sellers=_charts(files, "topsellers/GetWeeklyTopSellers*.json", "start_date", week_of),
        site=_site(files),
        news=_news(files),
        reviews=_reviews(files),
        left_out=files.left_out(),
    )


def _load(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is not JSON; remove it or record it again") from error


def _member(value: object, name: str) -> object:
    """A member of a JSON object; None if there is none."""
    return value.get(name) if isinstance(value, dict) else None


def _charts(folder: _Folder, pattern: str, field: str, period: Callable[[int], int]) -> tuple[Capture, ...]:
    """The newest chart of the US in each period."""
    found: list[tuple[int, Path]] = []
    for path in folder.files(pattern):
        moment = _member(_member(_load(path), "response"), field)
        country = _COUNTRY_IN_NAME.search(path.name)
        if not isinstance(moment, int):
            folder.leave(path, f"not a response of that service: response.{field} is missing")
        elif country and country[1] != "us":
            folder.leave(path, "not a chart of the US")
        else:
            found.append((moment, path))
    newest = {period(moment): (moment, path) for moment, path in sorted(found)}
    for moment, path in found:
        if newest[period(moment)] != (moment, path):
            folder.leave(path, "another chart of the same period is replayed")
    return tuple(Capture(moment, path.read_bytes(), {}) for moment, path in newest.values())


def _site(folder: _Folder) -> tuple[Capture, ...]:
    found: list[Capture] = []
    # Folders named official_… contain responses of another service, including error pages.
    for path in folder.files("similarweb/*.json", "similarweb/seed/*.json"):
        content = _load(path)
        visits = _member(content, "EstimatedMonthlyVisits")
        if not isinstance(visits, dict) or not visits:
            folder.leave(path, "it contains no monthly visits")
        elif _member(content, "SiteName") != DOMAIN:
            folder.leave(path, f"not of the site {DOMAIN}")
        else:
            found.append(Capture(_taken(path, max(visits)), path.read_bytes(), visits))
    return tuple(sorted(found, key=lambda capture: capture.moment))


def _taken(path: Path, newest_month: str) -> int:
    named = _DAY_IN_NAME.search(path.name)
    if named:
        return int(datetime.strptime(named[0], "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    # Without a known date, assume that a body was recorded after its newest month was published: mid next month.
    year, month = (int(part) for part in newest_month.split("-")[:2])
    return int(datetime(year + month // 12, month % 12 + 1, 15, tzinfo=UTC).timestamp())


def _news(folder: _Folder) -> dict[int, tuple[NewsItem, ...]]:
    merged: dict[int, dict[str, NewsItem]] = {}
    for path in folder.files("news/**/*.json"):
        appnews = _member(_load(path), "appnews")
        app_id = _member(appnews, "appid")
        if isinstance(app_id, int):
            items = _items(NewsItem, _member(appnews, "newsitems"), path)
            merged.setdefault(app_id, {}).update((item.gid, item) for item in items)
        else:
            folder.leave(path, "it does not name the app of its news")
    return {app_id: _newest_first(items, lambda item: (item.date, item.gid)) for app_id, items in merged.items()}


def _reviews(folder: _Folder) -> dict[int, tuple[Review, ...]]:
    addresses = _addresses(folder.path / PROVENANCE)
    merged: dict[int, dict[str, Review]] = {}
    for path in folder.files("reviews/**/*.json", "reviews_large/**/*.json"):
        address = addresses.get(path.relative_to(folder.path).as_posix(), "")
        found = _APP_IN_NAME.search(path.name) or _APP_IN_ADDRESS.search(address)
        if found is None:
            folder.leave(path, f"neither its name nor {PROVENANCE} names the app of its reviews")
            continue
        loaded = _load(path)
        reviews = merged.setdefault(int(found[1]), {})
        for new in _items(Review, _member(loaded, "reviews") if isinstance(loaded, dict) else loaded, path):
            known = reviews.get(new.recommendationid)
            if known is None or known.timestamp_updated <= new.timestamp_updated:
                reviews[new.recommendationid] = new
    return {
        app_id: _newest_first(reviews, lambda each: (each.timestamp_created, each.recommendationid))
        for app_id, reviews in merged.items()
    }


def _newest_first(items: Mapping[str, Item], key: Callable[[Item], tuple[int, str]]) -> tuple[Item, ...]:
    return tuple(sorted(items.values(), key=key, reverse=True))


def _items(shape: type[Item], listed: object, path: Path) -> list[Item]:
    """The items of a JSON array, or of an object by id."""
    values = list(listed.values()) if isinstance(listed, dict) else listed if isinstance(listed, list) else []
    try:
        return [shape.model_validate(value) for value in values]
    except ValueError as error:
        raise ValueError(f"{path} contains an item that cannot be replayed; remove the file: {error}") from error


def _addresses(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as rows:
        return {row["file"]: row["url"] for row in csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE)}
