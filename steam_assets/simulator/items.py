"""Store items of apps.

Belongs here: a store's data about an app. Does not belong here: which apps exist (catalogue.py), prices (stores.py).
"""

from __future__ import annotations

import re

from steam_assets.simulator.catalogue import NOT_SOLD_IN, App
from steam_assets.simulator.chance import Dice
from steam_assets.simulator.request_parameters import Json
from steam_assets.simulator.stores import Store, offer

_NOT_IN_PATH = re.compile(r"[^A-Za-z0-9]+")


def missing_item(app_id: int) -> Json:
    """The item of an id that the store does not have, or no longer."""
    gone: Json = {"item_type": 0, "id": app_id, "success": 15, "visible": False, "name": ""}
    return gone | {"store_url_path": "app/0/", "appid": 0}


def store_item(dice: Dice, app: App, store: Store, now: int) -> Json:
    """The item of an app in a store at ``now``; if it is not sold there, little more than its name."""
    path = f"app/{app.app_id}/{_NOT_IN_PATH.sub('_', app.name).strip('_')}"
    item: Json = {"item_type": 0, "id": app.app_id, "success": 1, "visible": True, "name": app.name}
    item |= {"store_url_path": path, "appid": app.app_id}
    if NOT_SOLD_IN.get(app.app_id) == store.country:
        return item | {"success": 15, "visible": False, "unvailable_for_country_restriction": True}
    item["type"] = app.kind
    if app.free:
        item["is_free"] = True
    if app.slot % 4 == 1:
        item["content_descriptorids"] = [2, 5]
    item["categories"] = {"supported_player_categoryids": [1, 2] if app.slot % 2 else [2]}
    item["basic_info"] = {
        "short_description": f"{app.name}: play it alone or with friends.",
        "publishers": [{"name": f"Publisher {app.slot % 60}", "creator_clan_account_id": 1000 + app.slot % 60}],
        "developers": [{"name": f"Studio {app.slot % 90}"}],
        **({"franchises": [{"name": f"Series {app.slot % 12}"}]} if app.slot % 3 == 0 else {}),
    }
    if not app.free:
        item["best_purchase_option"] = offer(dice, app, store, now)
    return item
