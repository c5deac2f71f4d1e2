"""Responses of the synthetic market in the services' formats.

Belongs here: building bodies from market, reviews and news. Does not belong here: the market itself, HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from steam_assets.simulator.backend import EMPTY, encode
from steam_assets.simulator.catalogue import App, Catalogue
from steam_assets.simulator.items import missing_item, store_item
from steam_assets.simulator.market import CANDIDATES, CHART_SIZE, Market, midnight_of
from steam_assets.simulator.newsroom import Newsroom
from steam_assets.simulator.request_parameters import (
    ChartParameters,
    Json,
    NewsParameters,
    ReviewParameters,
    TopSellersParameters,
)
from steam_assets.simulator.review_stream import ReviewStream
from steam_assets.simulator.scores import review_summary
from steam_assets.simulator.site import DOMAIN, months_out, traffic_body
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

    def most_played_now(self, parameters: ChartParameters, now: int) -> bytes:
        counted = max(now - now % 300, midnight_of(now))
        ranks = [
            _entry(rank, app, parameters.country, parameters.with_items)
            | {"concurrent_in_game": players.current, "peak_in_game": players.peak}
            for rank, (app, players) in enumerate(self.market.most_played(counted), 1)
        ]
        return encode({"response": {"last_update": counted, "ranks": ranks}})

    def top_sellers(self, parameters: TopSellersParameters, now: int) -> bytes:
        newest = last_published(now)
        start = start_of(newest) if parameters.start_date is None else parameters.start_date
        week = week_of(start)
        known = start == start_of(week) and week <= newest
        standings = self.market.top_sellers(week, parameters.country) if known and parameters.with_items else []
        response: Json = {"start_date": start}
        if standings:
            until = parameters.page_start + parameters.page_count
            response["ranks"] = [
                _entry(standing.rank, standing.app, parameters.context_country, True)
                | ({"last_week_rank": standing.last_week_rank} if standing.last_week_rank else {})
                | {"consecutive_weeks": standing.consecutive_weeks}
                | ({"first_top100": True} if standing.first_time else {})
                for standing in standings[parameters.page_start : until]
            ]
            if until < len(standings):
                response["next_page_start"] = until
        return encode({"response": response})

    def news(self, parameters: NewsParameters, now: int) -> bytes:
        app = self.catalogue.find(parameters.app_id)
        if app is None:
            return encode({"appnews": {"appid": parameters.app_id, "newsitems": [], "count": 0}})
        return encode({"appnews": self.newsroom.answer(app, parameters, now)})

    def reviews(self, parameters: ReviewParameters, now: int) -> bytes:
        app = self.catalogue.find(parameters.app_id)
        if app is None:
            return EMPTY
        total = self.stream.total(app, parameters.filter)
        page = self.stream.page(app, parameters.filter, parameters.per_page, parameters.cursor)
        summary: Json = {"num_reviews": len(page.reviews) if page else 0}
        if parameters.cursor == "*" and parameters.filter.kind == 0:
            summary |= review_summary(*total)
        response: Json = {"query_summary": summary}
        if page:
            response["reviews"] = page.reviews
        response["cursor"] = page.cursor if page else parameters.cursor
        response["total_matching"] = sum(total)
        return encode({"response": response})

    def items(self, app_ids: Sequence[int], country: str) -> bytes:
        return encode({"response": {"store_items": list(self._items(app_ids, country))}})

    def site_traffic(self, domain: str, now: int) -> bytes | None:
        months = months_out(now)[-3:]
        return encode(traffic_body(domain, {month: self.market.site_visits(*month) for month in months}, now))

    def site_visits(self, domain: str, now: int) -> dict[str, float] | None:
        if domain != DOMAIN:
            return None
        return {f"{year}-{month:02}": self.market.site_visits(year, month) for year, month in months_out(now)[-37:]}

    def _items(self, app_ids: Sequence[int], country: str) -> Iterator[Json]:
        for app_id in app_ids:
            app = self.catalogue.find(app_id)
            yield store_item(app, country) if app else missing_item(app_id)


def _entry(rank: int, app: App, country: str, with_item: bool) -> Json:
    entry: Json = {"rank": rank, "appid": app.app_id}
    return entry | {"item": store_item(app, country)} if with_item else entry
