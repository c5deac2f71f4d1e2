"""Steam's store items by app, with tags, offers and other facts, and the names of the tags."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from steam_assets.simulator.backend import EMPTY, Backend, encode
from steam_assets.simulator.catalogue import App
from steam_assets.simulator.delivery import Reply
from steam_assets.simulator.endpoint import OK, Endpoint, Params
from steam_assets.simulator.items import missing_item, store_item
from steam_assets.simulator.market import HOME, Market
from steam_assets.simulator.request_parameters import Json, StoreParameters
from steam_assets.simulator.stores import STORES
from steam_assets.simulator.weeks import start_of

TAGS = dict(
    enumerate(
        (
            *("Indie", "Action", "Adventure", "Casual", "Simulation", "Strategy", "RPG", "Free to Play", "Sports"),
            *("Singleplayer", "Multiplayer", "Co-op", "Shooter", "FPS", "Survival", "Open World", "Horror", "Puzzle"),
            *("Story Rich", "Roguelike", "Pixel Graphics", "Anime", "Racing", "Souls-like", "Sandbox", "Crafting"),
        ),
        start=19,
    )
)
UNLISTED = 9_999
"""A tag of some apps that is missing from the list of names."""
TAGS_OF_APP = 6


class _App(BaseModel, frozen=True):
    appid: int


class _ItemsParameters(StoreParameters, frozen=True):
    ids: Annotated[list[_App], Field(min_length=1, max_length=50)]


def items(backend: Backend, params: Params, now: int) -> Reply:
    """The items of up to fifty apps, the last one first."""
    asked = _ItemsParameters.read(params)
    if backend.market is None:
        return Reply(EMPTY, headers=OK)
    found = [full_item(backend.market, one.appid, now) for one in reversed(asked.ids)]
    return Reply(encode({"response": {"store_items": found}}), headers=OK)


def tag_names(backend: Backend, params: Params, now: int) -> Reply:
    if backend.market is None:
        return Reply(EMPTY, headers=OK)
    tags = [{"tagid": number, "name": name} for number, name in TAGS.items()]
    return Reply(encode({"response": {"version_hash": "1", "tags": tags}}), headers=OK)


def full_item(market: Market, app_id: int, now: int) -> Json:
    """The item of an app in the home store, with all requested parts."""
    app = market.catalogue.find(app_id)
    if app is None:
        return missing_item(app_id)
    item = store_item(market.dice, app, STORES[HOME], now)
    return item | _more(market, app, item) if item["success"] == 1 else item


def _more(market: Market, app: App, item: Json) -> Json:
    """The parts of an item that charts omit.

    Some apps have a bundle besides their package, and a tag without a name.
    """
    words = market.dice.words("facts", app.slot)
    numbers = list(dict.fromkeys(19 + word % len(TAGS) for word in words[:TAGS_OF_APP]))
    numbers += [UNLISTED] * (app.slot % 10 == 3)
    languages = [{"elanguage": n, "supported": True, "subtitles": True} for n in range(1 + app.slot % 12)]
    reviews = {"review_count": 500_000 // (app.slot + 1), "percent_positive": 60 + words[6] % 40}
    made: Json = {
        "tags": [{"tagid": number, "weight": 900 - 100 * place} for place, number in enumerate(numbers)],
        "release": {"steam_release_date": start_of(market.release_week(app.slot))},
        "platforms": {"windows": True, "mac": app.slot % 3 == 0, "steam_deck_compat_category": words[7] % 4},
        "reviews": {"summary_filtered": reviews | {"review_score_label": "Positive"}},
        "supported_languages": languages,
    }
    best = item.get("best_purchase_option")
    if isinstance(best, dict) and app.slot % 5 == 1:
        price = int(str(best["final_price_in_cents"])) * 3 // 2
        bundle = {"bundleid": 5_000 + app.slot, "purchase_option_name": f"{app.name} Bundle"}
        sold = {"final_price_in_cents": str(price), "formatted_final_price": STORES[HOME].text(price)}
        made["purchase_options"] = [best, bundle | sold]
    return made


ENDPOINTS = (
    Endpoint("/IStoreBrowseService/GetItems/v1", items),
    Endpoint("/IStoreService/GetTagList/v1", tag_names),
)
