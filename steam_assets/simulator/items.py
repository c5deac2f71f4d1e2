"""Store items of apps.

Belongs here: the US store's data about an app. Does not belong here: which apps exist (catalogue.py).
"""

from __future__ import annotations

import re

from steam_assets.simulator.catalogue import NOT_IN_US, App
from steam_assets.simulator.request_parameters import Json

_NOT_IN_PATH = re.compile(r"[^A-Za-z0-9]+")


def store_item(app: App) -> Json:
    """The item of an app; if it is not sold in the US, little more than its name."""
    path = f"app/{app.app_id}/{_NOT_IN_PATH.sub('_', app.name).strip('_')}"
    item: Json = {"item_type": 0, "id": app.app_id, "success": 1, "visible": True, "name": app.name}
    item |= {"store_url_path": path, "appid": app.app_id}
    if app.app_id in NOT_IN_US:
        return item | {"success": 15, "visible": False, "unvailable_for_country_restriction": True}
    item["type"] = app.kind
    if app.free:
        item["is_free"] = True
    item["categories"] = {"supported_player_categoryids": [1, 2] if app.slot % 2 else [2]}
    item["basic_info"] = {
        "short_description": f"{app.name}: play it alone or with friends.",
        "publishers": [{"name": f"Publisher {app.slot % 60}", "creator_clan_account_id": 1000 + app.slot % 60}],
        "developers": [{"name": f"Studio {app.slot % 90}"}],
    }
    if not app.free:
        item["best_purchase_option"] = _offer(app)
    return item


def _offer(app: App) -> Json:
    return {
        "packageid": 100_000 + app.slot,
        "purchase_option_name": app.name,
        "final_price_in_cents": str(app.price_cents),
        "formatted_final_price": f"${app.price_cents / 100:.2f}",
        "included_game_count": 1,
    }
