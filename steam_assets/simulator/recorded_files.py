"""Reading recorded responses from disk.

Belongs here: the layout of a folder of recordings, and the conversion of the old review format to the new one.
Does not belong here: serving them (replay.py). Files are only read. What a folder lacks is empty; files that are not
served are reported with the reason.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from steam_assets.simulator.request_parameters import Json

_APP_IN_ADDRESS = re.compile(r"/appreviews/(\d+)")
_APP_IN_NAME = re.compile(r"(?:app|review|appreviews)_(\d+)")
_COUNTRY_IN_NAME = re.compile(r"_([a-z]{2})_\d{4}-")
_DAY_IN_NAME = re.compile(r"\d{4}-\d{2}-\d{2}")

_AUTHOR = (
    "steamid",
    "num_reviews",
    "playtime_forever",
    "playtime_last_two_weeks",
    "playtime_at_review",
    "deck_playtime_at_review",
    "last_played",
)
_REVIEW = (
    "recommendationid",
    "language",
    "review",
    "timestamp_created",
    "timestamp_updated",
    "voted_up",
    "votes_up",
    "votes_funny",
    "weighted_vote_score",
    "comment_count",
    "steam_purchase",
    "received_for_free",
    "written_during_early_access",
    "developer_response",
    "timestamp_dev_responded",
    "primarily_steam_deck",
    "refunded",
)


@dataclass(frozen=True)
class Capture:
    """A recorded body; ``moment`` is the time in the body, in Unix seconds (for site traffic: when it was recorded)."""

    moment: int
    country: str
    body: bytes
    content: Json


LAYOUT = (
    "mostplayed/GetGamesByConcurrentPlayers*.json, topsellers/GetWeeklyTopSellers*.json, news/**/*.json, "
    "reviews/**/app_APPID*.json, similarweb/*.json"
)
"""The layout of a folder of recordings, for messages."""

PROVENANCE = "PROVENANCE.tsv"


@dataclass(frozen=True)
class Recordings:
    """The content of a folder. News and reviews are by app, newest first.

    ``left_out`` lists the files that are not served, relative to the folder, by reason.
    """

    most_played: tuple[Capture, ...]
    top_sellers: tuple[Capture, ...]
    site: tuple[Capture, ...]
    news: Mapping[int, tuple[Json, ...]]
    reviews: Mapping[int, tuple[Json, ...]]
    items: Mapping[int, Json]
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
    """All recordings below ``folder``. Raises FileNotFoundError if the folder does not exist."""
    if not folder.is_dir():
        raise FileNotFoundError(f"the folder {folder} does not exist; name a folder of recorded responses")
    files = _Folder(folder)
    most_played = _captures(files, "mostplayed/GetGamesByConcurrentPlayers*.json", "last_update")
    top_sellers = _captures(files, "topsellers/GetWeeklyTopSellers*.json", "start_date")
    return Recordings(
        most_played=most_played,
        top_sellers=top_sellers,
        site=_site(files),
        news=_news(files),
        reviews=_reviews(files),
        items=_items(files, (*most_played, *top_sellers)),
        left_out=files.left_out(),
    )


def derive_review(old: Mapping[str, Any]) -> Json:
    """Convert a review of the old ``appreviews`` to the format of ``GetAppReviews``; flat author fields are nested."""
    author: Mapping[str, Any] = old.get("author") or old
    new: Json = {"author": {name: author[name] for name in _AUTHOR if author.get(name) is not None}}
    new |= {name: old[name] for name in _REVIEW if old.get(name) is not None}
    new["recommendationid"] = str(new["recommendationid"])
    if "weighted_vote_score" in new:
        new["weighted_vote_score"] = float(new["weighted_vote_score"])
    return new


def _load(path: Path) -> object:
    if not path.is_file():
        raise ValueError(f"{path} is not a regular file; remove it from the recordings")
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is not JSON; remove it or record it again") from error


def _object(path: Path) -> Json:
    loaded = _load(path)
    return cast(Json, loaded) if isinstance(loaded, dict) else {}


def _captures(folder: _Folder, pattern: str, moment: str) -> tuple[Capture, ...]:
    found: list[Capture] = []
    for path in folder.files(pattern):
        content: Json = _object(path).get("response") or {}
        if moment in content:
            named = _COUNTRY_IN_NAME.search(path.name)
            country = named[1].upper() if named else "US"
            found.append(Capture(int(content[moment]), country, path.read_bytes(), content))
        else:
            folder.leave(path, f"not a response of that service: response.{moment} is missing")
    return tuple(sorted(found, key=lambda capture: capture.moment))


def _site(folder: _Folder) -> tuple[Capture, ...]:
    found: list[Capture] = []
    # Folders named official_… contain responses of another service, including error pages.
    for path in folder.files("similarweb/*.json", "similarweb/seed/*.json"):
        content = _object(path)
        if content.get("EstimatedMonthlyVisits"):
            found.append(Capture(_taken(path, content), "", path.read_bytes(), content))
        else:
            folder.leave(path, "it contains no monthly visits")
    return tuple(sorted(found, key=lambda capture: capture.moment))


def _taken(path: Path, content: Json) -> int:
    named = _DAY_IN_NAME.search(path.name)
    if named:
        return int(datetime.strptime(named[0], "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    # Without a known date, assume that a body was recorded after its newest month was published: mid next month.
    year, month = (int(part) for part in max(content["EstimatedMonthlyVisits"]).split("-")[:2])
    return int(datetime(year + month // 12, month % 12 + 1, 15, tzinfo=UTC).timestamp())


def _news(folder: _Folder) -> dict[int, tuple[Json, ...]]:
    merged: dict[int, dict[str, Json]] = {}
    for path in folder.files("news/**/*.json"):
        appnews: Json = _object(path).get("appnews") or {}
        if "appid" in appnews:
            items = merged.setdefault(int(appnews["appid"]), {})
            items.update((str(item["gid"]), item) for item in appnews.get("newsitems", ()))
        else:
            folder.leave(path, "it does not name the app of its news")
    return {
        app_id: tuple(sorted(items.values(), key=lambda item: (item["date"], item["gid"]), reverse=True))
        for app_id, items in merged.items()
    }


def _reviews(folder: _Folder) -> dict[int, tuple[Json, ...]]:
    addresses = _addresses(folder.path / PROVENANCE)
    merged: dict[int, dict[str, Json]] = {}
    for path in folder.files("reviews/**/*.json", "reviews_large/**/*.json"):
        address = addresses.get(path.relative_to(folder.path).as_posix(), "")
        found = _APP_IN_NAME.search(path.name) or _APP_IN_ADDRESS.search(address)
        if found is None:
            folder.leave(path, f"neither its name nor {PROVENANCE} names the app of its reviews")
            continue
        for old in _old_reviews(_load(path)):
            new = derive_review(old)
            reviews = merged.setdefault(int(found[1]), {})
            known = reviews.get(new["recommendationid"])
            if known is None or known["timestamp_updated"] <= new["timestamp_updated"]:
                reviews[new["recommendationid"]] = new
    return {
        app_id: tuple(
            sorted(
                reviews.values(), key=lambda each: (each["timestamp_created"], each["recommendationid"]), reverse=True
            )
        )
        for app_id, reviews in merged.items()
    }


def _old_reviews(loaded: object) -> Iterator[Mapping[str, Any]]:
    listed = cast(Json, loaded).get("reviews", ()) if isinstance(loaded, dict) else loaded
    if isinstance(listed, dict):
        yield from cast(dict[str, Json], listed).values()
    elif isinstance(listed, list):
        yield from cast(list[Json], listed)


def _addresses(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as rows:
        return {row["file"]: row["url"] for row in csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE)}


def _items(folder: _Folder, captures: tuple[Capture, ...]) -> dict[int, Json]:
    items: dict[int, Json] = {}
    for path in folder.files("names/IStoreBrowseService_GetItems*.json"):
        items.update((item["id"], item) for item in _object(path)["response"]["store_items"])
    for capture in captures:
        items.update((rank["appid"], rank["item"]) for rank in capture.content.get("ranks", ()) if "item" in rank)
    return items
