"""The clean rows of store facts, tags, prices and samples of players in the last days of the synthetic year.

Belongs here: those tables. Does not belong here: the other tables (clean_year.py), the simulated store (simulator/).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from steam_assets.simulator.catalogue import App
from steam_assets.simulator.endpoints.steam_store_items import TAGS, full_item
from steam_assets.simulator.market import Market, unix
from steam_assets.sources.cadence import Window

Row: TypeAlias = dict[str, object]

STORE_DAYS = 35
"""Days of the store's tables."""

SAMPLED_DAYS = 14
"""Days of samples: an update's hours are compared with those of the week before."""

HOURS_BETWEEN = 2


def store_rows(market: Market, days: Sequence[Window], apps: Sequence[App]) -> Mapping[str, list[Row]]:
    """The rows of ``store_facts``, ``store_tags``, ``store_prices`` and ``player_samples``, without their origin."""
    found: dict[str, list[Row]] = {"store_facts": [], "store_tags": [], "store_prices": []}
    for window in days[-STORE_DAYS:]:
        for app in apps:
            item = full_item(market, app.app_id, unix(window.start + timedelta(hours=21)))
            of_app: Row = {"partition_key": window.key, "day": window.start.date(), "app_id": app.app_id}
            found["store_facts"].append(of_app | _fact(app, item))
            found["store_tags"] += [of_app | tag for tag in _tags(item)]
            found["store_prices"] += [of_app | price for price in _prices(item)]
    return found | {"player_samples": list(_samples(market, days[-SAMPLED_DAYS:]))}


def _fact(app: App, item: Mapping[str, object]) -> Row:
    about = _object(item.get("basic_info"))
    released = _object(item.get("release")).get("steam_release_date")
    return {
        "name": app.name,
        "in_store": item["success"] == 1,
        **{kind: [one["name"] for one in _objects(about.get(kind))] for kind in ("developers", "publishers")},
        "released_at": datetime.fromtimestamp(int(str(released)), UTC) if released else None,
    }


def _tags(item: Mapping[str, object]) -> Iterator[Row]:
    for tag in _objects(item.get("tags")):
        number = int(str(tag["tagid"]))
        yield {"tag_id": number, "tag": TAGS.get(number), "weight": tag["weight"]}


def _prices(item: Mapping[str, object]) -> Iterator[Row]:
    best = _object(item.get("best_purchase_option"))
    for offer in _objects(item.get("purchase_options")) or ([best] if best else []):
        ends = [int(str(one["discount_end_date"])) for one in _objects(offer.get("active_discounts"))]
        full = offer.get("original_price_in_cents")
        yield {
            "country": "US",
            "currency": "USD",
            "offer_kind": "bundle" if "bundleid" in offer else "package",
            "offer_id": offer.get("bundleid", offer.get("packageid")),
            "is_best": offer == best,
            "final_price": int(str(offer["final_price_in_cents"])),
            "original_price": int(str(full)) if full else None,
            "discount_percent": offer.get("discount_pct"),
            "discount_ends_at": datetime.fromtimestamp(min(ends), UTC) if ends else None,
        }


def _samples(market: Market, days: Sequence[Window]) -> Iterator[Row]:
    for window in days:
        for hour in range(0, 24, HOURS_BETWEEN):
            at = window.start + timedelta(hours=hour, minutes=5)
            for rank, (app, players) in enumerate(market.most_played(unix(at)), 1):
                yield {
                    "partition_key": window.key,
                    "day": window.start.date(),
                    "sampled_at": at,
                    "app_id": app.app_id,
                    "rank": rank,
                    "players_now": players.current,
                    "players_peak": players.peak,
                }


def _object(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[dict[str, object]]:
    return [_object(one) for one in value] if isinstance(value, list) else []
