"""Recorded responses on disk, read into what they hold.

Belongs here: the layout of a folder of recordings, and the mapping of the old review shape to the new one.
Does not belong here: answering (replay.py). Files are only read; what a folder lacks is empty here.
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

from steam_assets.embedded.simulator.questions import Json

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
    """A whole recorded body; ``moment`` is its own time in Unix seconds (of a site's: when it was taken)."""

    moment: int
    country: str
    body: bytes
    content: Json


@dataclass(frozen=True)
class Recordings:
    """Everything a folder holds. News and reviews are by app, newest first."""

    most_played: tuple[Capture, ...]
    top_sellers: tuple[Capture, ...]
    site: tuple[Capture, ...]
    news: Mapping[int, tuple[Json, ...]]
    reviews: Mapping[int, tuple[Json, ...]]
    items: Mapping[int, Json]


def read_recordings(folder: Path) -> Recordings:
    """All recordings below ``folder``. FileNotFoundError if there is no such folder."""
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder of recorded responses at {folder}; give one that exists")
    most_played = _captures(folder / "mostplayed", "GetGamesByConcurrentPlayers*.json", "last_update")
    top_sellers = _captures(folder / "topsellers", "GetWeeklyTopSellers*.json", "start_date")
    return Recordings(
        most_played=most_played,
        top_sellers=top_sellers,
        site=_site(folder / "similarweb"),
        news=_news(folder / "news"),
        reviews=_reviews(folder),
        items=_items(folder / "names", (*most_played, *top_sellers)),
    )


def derive_review(old: Mapping[str, Any]) -> Json:
    """A review of the old ``appreviews`` in the shape of ``GetAppReviews``; flat author fields are nested again."""
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
        raise ValueError(f"{path} is not JSON; remove it from the recordings or record it again") from error


def _object(path: Path) -> Json:
    loaded = _load(path)
    return cast(Json, loaded) if isinstance(loaded, dict) else {}


def _captures(folder: Path, pattern: str, moment: str) -> tuple[Capture, ...]:
    found: list[Capture] = []
    for path in sorted(folder.glob(pattern)):
        content: Json = _object(path).get("response") or {}
        if moment in content:
            named = _COUNTRY_IN_NAME.search(path.name)
            country = named[1].upper() if named else "US"
            found.append(Capture(int(content[moment]), country, path.read_bytes(), content))
    return tuple(sorted(found, key=lambda capture: capture.moment))


def _site(folder: Path) -> tuple[Capture, ...]:
    found: list[Capture] = []
    # The folders official_… hold answers of another service, error pages among them.
    for path in sorted((*folder.glob("*.json"), *folder.glob("seed/*.json"))):
        content = _object(path)
        if "EstimatedMonthlyVisits" in content:
            found.append(Capture(_taken(path, content), "", path.read_bytes(), content))
    return tuple(sorted(found, key=lambda capture: capture.moment))


def _taken(path: Path, content: Json) -> int:
    named = _DAY_IN_NAME.search(path.name)
    if named:
        return int(datetime.strptime(named[0], "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    # A body whose day is not known was taken after its newest month was out: the middle of the next.
    year, month = (int(part) for part in max(content["EstimatedMonthlyVisits"]).split("-")[:2])
    return int(datetime(year + month // 12, month % 12 + 1, 15, tzinfo=UTC).timestamp())


def _news(folder: Path) -> dict[int, tuple[Json, ...]]:
    merged: dict[int, dict[str, Json]] = {}
    for path in sorted(folder.rglob("*.json")):
        appnews: Json = _object(path).get("appnews") or {}
        if "appid" in appnews:
            items = merged.setdefault(int(appnews["appid"]), {})
            items.update((str(item["gid"]), item) for item in appnews.get("newsitems", ()))
    return {
        app_id: tuple(sorted(items.values(), key=lambda item: (item["date"], item["gid"]), reverse=True))
        for app_id, items in merged.items()
    }


def _reviews(folder: Path) -> dict[int, tuple[Json, ...]]:
    addresses = _addresses(folder / "PROVENANCE.tsv")
    merged: dict[int, dict[str, Json]] = {}
    for path in (*sorted((folder / "reviews").rglob("*.json")), *sorted((folder / "reviews_large").rglob("*.json"))):
        found = _APP_IN_NAME.search(path.name) or _APP_IN_ADDRESS.search(
            addresses.get(path.relative_to(folder).as_posix(), "")
        )
        for old in _old_reviews(_load(path)) if found else ():
            new = derive_review(old)
            reviews = merged.setdefault(int(cast(re.Match[str], found)[1]), {})
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


def _items(folder: Path, captures: tuple[Capture, ...]) -> dict[int, Json]:
    items: dict[int, Json] = {}
    for path in sorted(folder.glob("IStoreBrowseService_GetItems*.json")):
        items.update((item["id"], item) for item in _object(path)["response"]["store_items"])
    for capture in captures:
        items.update((rank["appid"], rank["item"]) for rank in capture.content.get("ranks", ()) if "item" in rank)
    return items
