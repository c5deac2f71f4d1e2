"""Responses of the synthetic market in the services' formats.

Belongs here: building bodies from market, reviews and news. Does not belong here: the market itself, HTTP.
"""

from __future__ import annotations

from steam_assets.simulator.backend import EMPTY, encode
from steam_assets.simulator.catalogue import App, Catalogue
from steam_assets.simulator.items import store_item
from steam_assets.simulator.market import CANDIDATES, CHART_SIZE, HOME, Market, midnight_of
from steam_assets.simulator.newsroom import Newsroom
from steam_assets.simulator.request_parameters import Json, NewsParameters, ReviewParameters, TopSellersParameters
from steam_assets.simulator.review_pages import reviews_body
from steam_assets.simulator.review_stream import ReviewStream
from steam_assets.simulator.site import DOMAIN, months_out, traffic_body
from steam_assets.simulator.stores import STORES
from steam_assets.simulator.weeks import last_published, start_of, week_of


class SyntheticBackend:
    """A market of ``apps`` apps from a seed. A small market has shorter charts; apps still enter and leave them."""

    def __init__(self, seed: int, apps: int, reviews_per_app_week: float) -> None:
        if apps < 1:
            raise ValueError(f"a market needs at least 1 app, not {apps}")
        self.catalogue = Catalogue(max(apps, CANDIDATES))
        self.market = Market(seed, self.catalogue, min(apps, CHART_SIZE))
        self.stream = ReviewStream(self.market, reviews_per_app_week)
        self.newsroom = Newsroom(self.market)

    def most_played_now(self, now: int, *, with_items: bool = True) -> bytes:
        counted = max(now - now % 300, midnight_of(now))
        ranks = [
            (self._entry(rank, app, HOME, now) if with_items else {"rank": rank, "appid": app.app_id})
            | {"concurrent_in_game": players.current, "peak_in_game": players.peak}
            for rank, (app, players) in enumerate(self.market.most_played(counted), 1)
        ]
        return encode({"response": {"last_update": counted, "ranks": ranks}})

    def top_sellers(self, parameters: TopSellersParameters, now: int) -> bytes:
        week = week_of(parameters.start_date)
        known = parameters.start_date == start_of(week) and week <= last_published(now)
        country = parameters.country_code
        standings = self.market.top_sellers(week, country) if known and country in STORES else []
        response: Json = {"start_date": parameters.start_date}
        if standings:
            until = parameters.page_start + parameters.page_count
            response["ranks"] = [
                self._entry(standing.rank, standing.app, country, now)
                | ({"last_week_rank": standing.last_week_rank} if standing.last_week_rank else {})
                | {"consecutive_weeks": standing.consecutive_weeks}
                | ({"first_top100": True} if standing.first_time else {})
                for standing in standings[parameters.page_start : until]
            ]
            if until < len(standings):
                response["next_page_start"] = until
        return encode({"response": response})

    def news(self, parameters: NewsParameters, now: int) -> bytes:
        app = self.catalogue.find(parameters.appid)
        if app is None:
            return encode({"appnews": {"appid": parameters.appid, "newsitems": [], "count": 0}})
        return encode({"appnews": self.newsroom.answer(app, parameters, now)})

    def reviews(self, parameters: ReviewParameters, now: int) -> bytes:
        app = self.catalogue.find(parameters.appid)
        if app is None:
            return EMPTY
        wanted = parameters.filter_at(now)
        page = self.stream.page(app, wanted, parameters.num_per_page, parameters.cursor)
        return reviews_body(parameters, page, *self.stream.total(app, wanted))

    def site_traffic(self, domain: str, now: int) -> bytes | None:
        months = months_out(now)[-3:]
        return encode(traffic_body(domain, {month: self.market.site_visits(*month) for month in months}, now))

    def site_visits(self, domain: str, now: int) -> dict[str, float] | None:
        if domain != DOMAIN:
            return None
        return {f"{year}-{month:02}": self.market.site_visits(year, month) for year, month in months_out(now)[-37:]}

    def _entry(self, rank: int, app: App, country: str, now: int) -> Json:
        return {"rank": rank, "appid": app.app_id, "item": store_item(self.market.dice, app, STORES[country], now)}
