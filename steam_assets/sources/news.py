"""News: what was published about the week's top sellers, on Steam and in the feeds Steam carries.

Belongs here: the requests, the paging, and which items belong to the week. Does not belong here: the clean table
(news_table.py), markup (markup.py).

An item belongs to the window that contains its date. An item with an unusable date belongs to the window being fetched,
so that it is quarantined rather than lost. ``belongs`` implements this in Python, news_table.py in SQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

from steam_assets.sources.cadence import Cadence, Window
from steam_assets.sources.json_body import LAST_SECOND, decode, is_object, seconds, validated
from steam_assets.sources.news_table import NEWS
from steam_assets.sources.readers import whole_of
from steam_assets.sources.source import (
    Fetched,
    FetchRequest,
    History,
    InvalidResponse,
    Rejected,
    Request,
    Source,
    SourceClient,
)
from steam_assets.sources.steam import STEAM_API

REQUEST, PATH = "page", "/ISteamNews/GetNewsForApp/v2/"
PAGE = 100


class Options(BaseModel):
    """The source's options."""

    page_budget: int = Field(default=20, ge=1, description="Maximum pages of 100 articles per app and week.")


class AppNews(BaseModel):
    """A page of one app's news, newest first; ``count`` is the total number of items on Steam."""

    newsitems: Annotated[list[object], BeforeValidator(lambda listed: [] if listed is None else listed)] = []
    count: object = None
    appid: object = None

    def holds_all_of(self, known: int) -> bool:
        """Whether ``known`` items are all that Steam counts; False if it sends no count."""
        count = whole_of(self.count)
        return count is not None and 0 <= count <= known

    def dates(self) -> list[int]:
        """The usable dates of the page's items, in Unix seconds."""
        return [date for item in self.newsitems if (date := date_of(item)) is not None]

    def gids(self) -> set[str]:
        return {str(item["gid"]) for item in self.newsitems if is_object(item) and "gid" in item}


def date_of(item: object) -> int | None:
    """The item's date in Unix seconds, however it is written; None if it has none."""
    date = item.get("date") if is_object(item) else None
    return whole_of(date)


def belongs(item: object, window: Window) -> bool:
    """Whether the item belongs to the window: its date is within it, or is unusable."""
    date = date_of(item)
    return date is None or seconds(window.start) <= date < seconds(window.end)


def parse(body: bytes) -> AppNews:
    """The page, empty if Steam omits the list because there are no items. InvalidResponse for anything else."""
    answer = decode(body)
    page = answer.get("appnews")
    if page is None and answer.keys() <= {"appnews"}:
        return AppNews()
    if is_object(page) and "newsitems" not in page and (others := sorted(page.keys() - {"appid", "count"})):
        raise InvalidResponse(f"`appnews` has no `newsitems`, but other fields: {', '.join(others)[:80]}")
    return validated(AppNews, page)


def count(window: Window, _request: str, body: bytes) -> Mapping[str, int]:
    """The items of the window on a page."""
    return _counts(window, parse(body))


def _counts(window: Window, page: AppNews) -> Mapping[str, int]:
    return {"news": sum(belongs(item, window) for item in page.newsitems)}


def request(app_id: int, end: int) -> Request[AppNews]:
    """The hundred newest items of an app up to ``end`` (Unix seconds), with their full texts."""
    params = {"appid": str(app_id), "count": str(PAGE), "maxlength": "0", "enddate": str(end), "format": "json"}
    return Request(STEAM_API, REQUEST, PATH, params, partial(_parse_as_asked, app_id, end), app_id)


def _parse_as_asked(app_id: int, end: int, body: bytes) -> AppNews:
    """The page. InvalidResponse if it is about another app, or if all its items are later than requested."""
    page = parse(body)
    about = whole_of(page.appid)
    if about not in (None, app_id):
        raise InvalidResponse(f"requested the news of app {app_id}, received that of {about}")
    if (dates := page.dates()) and min(dates) > end:
        first = datetime.fromtimestamp(min(min(dates), LAST_SECOND), UTC)
        asked = datetime.fromtimestamp(end, UTC)
        raise InvalidResponse(f"requested news up to {asked:%Y-%m-%d}, received only some from {first:%Y-%m-%d} on")
    return page


def extract(client: SourceClient, fetch_request: FetchRequest) -> Iterator[Fetched]:
    """Fetch each app's pages, backwards from the window's end until they are older than its start."""
    for app_id in dict.fromkeys(fetch_request.apps):
        yield from _pages(client, fetch_request, app_id)


def _pages(client: SourceClient, fetch_request: FetchRequest, app_id: int) -> Iterator[Fetched]:
    end, known = seconds(fetch_request.window.end), set[str]()
    for _ in range(fetch_request.given(Options).page_budget):
        response = client.fetch_or_reject(request(app_id, end))
        if isinstance(response, Rejected):
            yield Fetched(response, {"news": response.items})
            return
        page = response.value
        yield Fetched(response, _counts(fetch_request.window, page))
        fresh, dates = page.gids() - known, page.dates()
        known |= fresh
        if not fresh or not dates or min(dates) < seconds(fetch_request.window.start) or page.holds_all_of(len(known)):
            return
        # One second of overlap, because it is undocumented whether `enddate` is inclusive.
        end = min(min(dates) + 1, end - 1)


SOURCE = Source(
    name="news",
    title="News",
    description="Announcements, patch notes and press about the week's top sellers.",
    hosts=(STEAM_API,),
    cadence=Cadence.WEEKLY,
    history=History.BY_WINDOW,
    due_after=timedelta(hours=36),
    options=Options,
    requests=(REQUEST,),
    extract=extract,
    count=count,
    tables=(NEWS,),
    apps_from=("top_sellers",),
    app_by_app=True,
)
