"""The clean rows of a synthetic year, as the pipeline would compute them from the simulator's responses.

Belongs here: one method per clean table, from the simulated market to rows. Does not belong here: the market
(simulator/), insights (insights/), which tables there are (sources/).

Columns that neither the page nor an insight reads are null.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import accumulate
from typing import TypeAlias

from steam_assets.simulator.catalogue import HARDWARE, App, Catalogue
from steam_assets.simulator.items import store_item
from steam_assets.simulator.market import CANDIDATES, HOME, Market, Standing, unix
from steam_assets.simulator.newsroom import Newsroom
from steam_assets.simulator.request_parameters import NewsParameters, ReviewFilter
from steam_assets.simulator.review_pages import score
from steam_assets.simulator.review_stream import ReviewStream
from steam_assets.simulator.site import DOMAIN, traffic_body
from steam_assets.simulator.stores import STORES
from steam_assets.simulator.weeks import week_of
from steam_assets.sources.cadence import Cadence, Window
from steam_assets.sources.country_sellers import TWENTY
from steam_assets.tour.clean_store import store_rows

Row: TypeAlias = dict[str, object]

SEED = 7
GAMES = 50
"""Games on each chart."""

LAUNCHED = (250, 267, 283, 286)
"""Slots of smaller games that are on the charts because they are released in the year's last weeks."""

REVIEWS_PER_APP_WEEK = 400.0
LISTED, LISTED_OF_UNUSUAL = 60, 3000
"""Maximum number of reviews fetched per app and week; more for weeks with a review bomb, whose words are counted."""

KINDS = {0: "game", 2: "mod", 4: "dlc", 6: "software", 10: "hardware"}
"""The store's names of the kinds of apps."""


class CleanYear:
    """The year that ends with the last full day, week and month before ``as_of`` (aware, UTC)."""

    def __init__(self, as_of: datetime, silent: date) -> None:
        """``silent`` is a day without the live chart."""
        self._as_of, self._silent = as_of, silent
        self._market = Market(SEED, Catalogue(CANDIDATES), GAMES, (*range(GAMES * 3 // 2), *LAUNCHED))
        self._reviews = ReviewStream(self._market, REVIEWS_PER_APP_WEEK)
        self._newsroom = Newsroom(self._market)

    @cached_property
    def windows(self) -> Mapping[Cadence, Sequence[Window]]:
        """The periods of the year by cadence, oldest first."""
        counts = {Cadence.DAILY: 365, Cadence.WEEKLY: 52, Cadence.MONTHLY: 12}
        found: dict[Cadence, list[Window]] = {}
        for cadence, count in counts.items():
            newest = cadence.latest_finished(self._as_of)
            while len(found.setdefault(cadence, [])) < count:
                found[cadence].append(newest)
                newest = cadence.latest_finished(newest.start)
            found[cadence].reverse()
        return found

    @cached_property
    def charts(self) -> Mapping[str, Sequence[App]]:
        """The week's top sellers by partition key."""
        weeks = self.windows[Cadence.WEEKLY]
        return {w.key: [each.app for each in self._market.top_sellers(week_of(unix(w.start)))] for w in weeks}

    def tables(self) -> Iterator[tuple[str, list[Row]]]:
        """The clean tables, by name."""
        yield "most_played", list(self._most_played())
        yield "top_sellers", list(self._top_sellers())
        yield "country_sellers", list(self._country_sellers())
        yield from self._of_store()
        yield "news", list(self._news())
        yield "review_summary", list(self._summaries())
        yield "reviews", list(self._listed())
        months = [(w, self._traffic(w)) for w in self.windows[Cadence.MONTHLY]]
        yield "visits", [self._row(w, month=w.start.date(), kind="estimate", visits=_visits(b)) for w, b in months]
        yield "engagement", [self._row(w, month=w.start.date(), **_engagement(body)) for w, body in months]
        yield (
            "traffic_sources",
            [
                self._row(w, month=w.start.date(), traffic_source=name, share=share)
                for w, body in months
                for name, share in _mapping(body["TrafficSources"]).items()
            ],
        )
        yield (
            "top_countries",
            [
                self._row(
                    w, month=w.start.date(), country=one["Country"], country_code=one["CountryCode"], share=one["Value"]
                )
                for w, body in months
                for one in _mappings(body["TopCountryShares"])
            ],
        )

    def _row(self, window: Window, **values: object) -> Row:
        fetched = min(self._as_of, window.end + timedelta(days=1))
        return {"partition_key": window.key, "fetched_at": fetched, "changes": [], **values}

    def _store(self, app: App, moment: datetime) -> Row:
        item = store_item(self._market.dice, app, STORES[HOME], unix(moment))
        offer = _mapping(item.get("best_purchase_option", {}))
        hidden = "type" not in item
        return {
            "name": app.name,
            "item_type": None if hidden else KINDS[app.kind],
            "is_free": None if hidden else app.free,
            "is_early_access": None if hidden else False,
            **{kind: _names(item, kind) for kind in ("developers", "publishers", "franchises")},
            "final_price_cents": int(str(offer["final_price_in_cents"])) if offer else None,
            "original_price_cents": int(str(offer["original_price_in_cents"])) if "discount_pct" in offer else None,
            "discount_percent": offer.get("discount_pct"),
        }

    def _most_played(self) -> Iterator[Row]:
        for window in self.windows[Cadence.DAILY]:
            at = window.start + timedelta(hours=21)
            if at.date() == self._silent:
                continue
            for rank, (app, players) in enumerate(self._market.most_played(unix(at)), 1):
                yield self._row(
                    window,
                    day=at.date(),
                    rank=rank,
                    app_id=app.app_id,
                    players_now=players.current,
                    players_peak=players.peak,
                    sampled_at=at,
                    **self._store(app, at),
                )

    def _top_sellers(self) -> Iterator[Row]:
        for window in self.windows[Cadence.WEEKLY]:
            for each in self._market.top_sellers(week_of(unix(window.start))):
                yield self._row(window, **_place(window, each), **self._store(each.app, self._as_of))

    def _country_sellers(self) -> Iterator[Row]:
        """The newest week: older ones are not shown."""
        window = self.windows[Cadence.WEEKLY][-1]
        for country in TWENTY:
            for each in self._market.top_sellers(week_of(unix(window.start)), country):
                yield self._row(window, **_place(window, each), country=country, name=each.app.name)

    def _of_store(self) -> Iterator[tuple[str, list[Row]]]:
        days = [window for window in self.windows[Cadence.DAILY] if window.start.date() != self._silent]
        played = [app for app, _ in self._market.most_played(unix(days[-1].start))]
        apps = {app.app_id: app for app in (*played, *(app for chart in self.charts.values() for app in chart))}
        by_key = {window.key: window for window in days}
        for name, rows in store_rows(self._market, days, [*apps.values()]).items():
            yield name, [self._row(by_key[str(row["partition_key"])]) | row for row in rows]

    def _news(self) -> Iterator[Row]:
        now = unix(self._as_of)
        for app in {app.app_id: app for chart in self.charts.values() for app in chart}.values():
            wanted = NewsParameters(appid=app.app_id, enddate=now, count=1000)
            for item in _mappings(self._newsroom.answer(app, wanted, now)["newsitems"]):
                at = datetime.fromtimestamp(int(str(item["date"])), UTC)
                window = Cadence.WEEKLY.containing(at)
                if app not in self.charts.get(window.key, ()):
                    continue
                yield self._row(
                    window,
                    week_start=window.start.date(),
                    app_id=app.app_id,
                    gid=item["gid"],
                    title=item["title"],
                    url=str(item["url"]).replace(" ", "%20"),
                    feed_name=item["feedname"],
                    feed_label=item["feedlabel"],
                    published_at=at,
                    filed_app_id=item["appid"],
                    tags=item.get("tags", []),
                    is_primary=True,
                )

    def _summaries(self) -> Iterator[Row]:
        sold = {app.slot: app for chart in self.charts.values() for app in chart if app.kind != HARDWARE}
        votes = {slot: self._votes(app) for slot, app in sold.items()}
        for window in self.windows[Cadence.WEEKLY]:
            week = week_of(unix(window.start))
            for app in self.charts[window.key]:
                if app.kind == HARDWARE:
                    continue
                for included in (True, False):
                    of_week, until = votes[app.slot][included][week]
                    listed = min(self._most_listed(app, week), sum(of_week))
                    sample = {"reviews_listed": listed, "complete": listed >= sum(of_week) - 2} if included else {}
                    for scope, counted in (("week", of_week), ("lifetime", until)):
                        yield self._row(
                            window,
                            week_start=window.start.date(),
                            app_id=app.app_id,
                            scope=scope,
                            off_topic_included=included,
                            **score(*counted),
                            **(sample if scope == "week" else {}),
                        )

    def _votes(self, app: App) -> Mapping[bool, Mapping[int, tuple[tuple[int, int], tuple[int, int]]]]:
        """Positive and negative votes of each week and up to it, by whether off-topic reviews count."""
        first, last = self._market.release_week(app.slot), week_of(unix(self.windows[Cadence.WEEKLY][-1].start))
        found: dict[bool, dict[int, tuple[tuple[int, int], tuple[int, int]]]] = {}
        for included in (True, False):
            weeks = range(first, last + 1)
            shown = [[s for s in self._reviews.segments(app.slot, w) if included or not s.off_topic] for w in weeks]
            own = [(sum(s.liked for s in week), sum(s.size - s.liked for s in week)) for week in shown]
            until = accumulate(own, lambda one, other: (one[0] + other[0], one[1] + other[1]))
            found[included] = dict(zip(weeks, zip(own, until, strict=True), strict=True))
        return found

    def _listed(self) -> Iterator[Row]:
        """The reviews of the newest week and of weeks with a review bomb; older ones are not shown."""
        weeks = self.windows[Cadence.WEEKLY]
        for window in weeks:
            for app in self.charts[window.key]:
                most = self._most_listed(app, week_of(unix(window.start)))
                if window is weeks[-1] or most > LISTED:
                    yield from self._of_app(window, app, most)

    def _most_listed(self, app: App, week: int) -> int:
        bomb = self._market.bomb(week)
        return LISTED_OF_UNUSUAL if bomb is not None and bomb.slot == app.slot else LISTED

    def _of_app(self, window: Window, app: App, most: int) -> Iterator[Row]:
        wanted = ReviewFilter(unix(window.start), unix(window.end), False)
        for review in self._reviews.page(app, wanted, most, "*").reviews:
            at = datetime.fromtimestamp(int(str(review["timestamp_created"])), UTC)
            author = _mapping(review["author"])
            yield self._row(
                window,
                week_start=window.start.date(),
                app_id=app.app_id,
                recommendation_id=review["recommendationid"],
                language=review["language"],
                text=review["review"],
                created_at=at,
                updated_at=datetime.fromtimestamp(int(str(review["timestamp_updated"])), UTC),
                voted_up=review["voted_up"],
                votes_up=review["votes_up"],
                playtime_at_review_minutes=author.get("playtime_at_review"),
                edited_after_week=False,
            )

    def _traffic(self, window: Window) -> Row:
        month = (window.start.year, window.start.month)
        body = traffic_body(DOMAIN, {month: self._market.site_visits(*month)}, unix(window.end + timedelta(days=20)))
        return dict(body)


def _place(window: Window, standing: Standing) -> Row:
    before = standing.last_week_rank
    moved = "new" if standing.first_time else "returning"
    if before is not None:
        moved = "up" if before > standing.rank else "down" if before < standing.rank else "same"
    return {
        "week_start": window.start.date(),
        "rank": standing.rank,
        "app_id": standing.app.app_id,
        "last_week_rank": before,
        "consecutive_weeks": standing.consecutive_weeks,
        "first_top100": standing.first_time,
        "movement": moved,
    }


def _names(item: Row, kind: str) -> list[object]:
    about = _mapping(item.get("basic_info", {}))
    return [one["name"] for one in _mappings(about.get(kind, []))]


def _visits(body: Row) -> int:
    (visits,) = _mapping(body["EstimatedMonthlyVisits"]).values()
    return int(str(visits))


def _engagement(body: Row) -> Row:
    engagement = _mapping(body["Engagments"])
    return {
        "visits": int(float(str(engagement["Visits"]))),
        "bounce_rate": float(str(engagement["BounceRate"])),
        "pages_per_visit": float(str(engagement["PagePerVisit"])),
        "seconds_on_site": float(str(engagement["TimeOnSite"])),
        "category": body["Category"],
    }


def _mapping(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is not an object")
    return value


def _mappings(value: object) -> list[dict[str, object]]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not a list")
    return [_mapping(one) for one in value]
