"""The front page of Steam's store: what is on offer."""

from __future__ import annotations

from steam_assets.simulator.backend import Backend, encode
from steam_assets.simulator.delivery import Reply
from steam_assets.simulator.endpoint import Endpoint, Params, refusal
from steam_assets.simulator.market import midnight_of

CURRENCIES = {"US": "USD", "GB": "GBP", "JP": "JPY"}


def front_page(backend: Backend, params: Params, now: int) -> Reply:
    """Every third game of the day's chart that costs something is on offer until midnight (UTC)."""
    if backend.market is None:
        return refusal(404, {"success": False})
    today, offers = midnight_of(now), []
    for app, _ in backend.market.daily_peaks(today):
        share = backend.market.dice.share("special", app.app_id, today)
        if app.free or share > 1 / 3:
            continue
        percent = 10 + int(share * 240) // 5 * 5
        offers.append(
            {
                "id": app.app_id,
                "type": 0,
                "name": app.name,
                "discounted": True,
                "discount_percent": percent,
                "original_price": app.price_cents,
                "final_price": app.price_cents * (100 - percent) // 100,
                "currency": CURRENCIES.get(params.get("cc", "US").upper(), "EUR"),
                "discount_expiration": today + 86_400,
            }
        )
    return Reply(encode({"specials": {"id": "cat_specials", "name": "Specials", "items": offers}, "status": 1}))


ENDPOINTS = (Endpoint("/api/featuredcategories", front_page),)
