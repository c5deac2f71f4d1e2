"""The stores of the countries: an app's price there, and when it is on sale.

Belongs here: currencies (stores.tsv) and sales. Does not belong here: buyers and players (market.py), items (items.py).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files

from steam_assets.simulator.catalogue import App
from steam_assets.simulator.chance import Dice
from steam_assets.simulator.request_parameters import Json
from steam_assets.simulator.weeks import DAY

SALE_DAYS = 7
BEGINS_AT = 18 * 3600
"""A sale begins and ends at 18:00 UTC."""


@dataclass(frozen=True)
class Store:
    """A country's store: ``rate`` units of its currency for a US dollar, and the ``form`` of a price in it."""

    country: str
    currency: str
    rate: float
    form: str

    def hundredths(self, cents: int) -> int:
        """A price in US cents as hundredths of the currency; whole units if a dollar is many units."""
        units = cents * self.rate
        return round(units / 100) * 100 if self.rate > 10 else round(units)

    def text(self, hundredths: int) -> str:
        """The price as the store writes it."""
        number = f"{hundredths / 100:,.0f}" if self.rate > 10 else f"{hundredths / 100:,.2f}"
        comma = self.form.endswith(("€", "zł")) or self.country == "BR"
        return self.form.format(number.translate(str.maketrans(",.", ".,")) if comma else number)


def _stores() -> dict[str, Store]:
    with (files("steam_assets.simulator") / "stores.tsv").open(encoding="utf-8") as rows:
        return {
            row["country"]: Store(row["country"], row["currency"], float(row["rate"]), row["form"])
            for row in csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE)
        }


STORES = _stores()


@dataclass(frozen=True)
class Sale:
    """A discount in ``[start, end)``, Unix seconds."""

    percent: int
    start: int
    end: int


def sale_of(dice: Dice, app: App, moment: int) -> Sale | None:
    """The app's sale at ``moment``; None if there is none. A paid app has one every five to thirteen weeks."""
    if app.free:
        return None
    phase, length = dice.words("sales", app.slot)[:2]
    cycle = 35 + length % 57
    day = (moment - BEGINS_AT) // DAY
    turn, since = divmod(day + phase % cycle, cycle)
    if since >= SALE_DAYS:
        return None
    start = (day - since) * DAY + BEGINS_AT
    percent = 10 + dice.words("sale", app.slot, turn)[0] % 14 * 5
    return Sale(percent, start, start + SALE_DAYS * DAY)


def offer(dice: Dice, app: App, store: Store, now: int) -> Json:
    """The store's offer for an app that is not free."""
    full, sale = store.hundredths(app.price_cents), sale_of(dice, app, now)
    final = store.hundredths(app.price_cents * (100 - sale.percent) // 100) if sale else full
    made: Json = {
        "packageid": 100_000 + app.slot,
        "purchase_option_name": app.name,
        "final_price_in_cents": str(final),
        "formatted_final_price": store.text(final),
        "included_game_count": 1,
    }
    if sale:
        made |= {
            "original_price_in_cents": str(full),
            "discount_pct": sale.percent,
            "active_discounts": [{"discount_amount": str(full - final), "discount_end_date": sale.end}],
        }
    return made
