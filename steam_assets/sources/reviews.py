"""Reviews: what players wrote in the week about its top sellers, and how all players voted.

Belongs here: the requests, the paging, and the validation of responses. Does not belong here: the clean tables
(review_tables.py), sentiment (insights/).

Both response formats are valid: that of the current service (``response``) and the store's older one (``success``), in
which history from before October 2026 was recorded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

from steam_assets.sources.cadence import Cadence, Window
from steam_assets.sources.json_body import decode, filled_response, is_object, seconds, validated
from steam_assets.sources.readers import whole_of
from steam_assets.sources.review_tables import (
    FIRST_PAGE,
    FRESH_HEADER,
    LIFETIME_ALL,
    LIFETIME_FILTERED,
    PAGE,
    REVIEWS,
    SUMMARIES,
    WEEK_FILTERED,
)
from steam_assets.sources.source import (
    Fetched,
    FetchRequest,
    History,
    InvalidResponse,
    Rejected,
    Request,
    Response,
    Source,
    SourceClient,
)
from steam_assets.sources.steam import STEAM_API, service_request

PATH = "/IUserReviewsService/GetAppReviews/v1/"
PAGE_LENGTH = 100
END_ASKED_AGAIN = 5
NEVER_LISTED = 2
"""Reviews that Steam may count but not list."""
MOST_OUTSIDE = 0.05
"""The largest share of a page's reviews that may be from outside the requested week; they are quarantined. One may be
on any page that has others."""
BY_CHANCE = 1e-6
"""A less probable result is treated as a contract change."""


class Options(BaseModel):
    """The source's options."""

    page_budget: int = Field(default=20, ge=1, description="Maximum pages of 100 reviews per app and week.")


def _sendable(cursor: object) -> str | None:
    text = str(cursor) if isinstance(cursor, str | int) and not isinstance(cursor, bool) else ""
    return text if re.fullmatch(r"[ -~]{1,512}", text) else None


class ReviewPage(BaseModel):
    """A page of reviews: the counts, the reviews (none at the end of the list), and where the next page starts.

    ``cursor`` is None if Steam sends none, or one that cannot be sent back. Only a first page has the counts.
    """

    query_summary: dict[str, object] | None = None
    reviews: list[object] | None = None
    cursor: Annotated[str | None, BeforeValidator(_sendable)] = None
    total_matching: object = None

    @property
    def total(self) -> int:
        """How many reviews match, according to the page."""
        return max(whole_of(self.total_matching) or 0, 0)

    @property
    def length(self) -> int:
        return len(self.reviews or ())

    def ids(self) -> set[str]:
        found = (review.get("recommendationid") for review in self.reviews or () if is_object(review))
        return {str(one) for one in found if one is not None}


def parse(name: str, window: Window | None, body: bytes) -> ReviewPage:
    """The response to a request of that name, in either format; ``window`` is what its reviews were requested for.

    InvalidResponse if Steam refused the request, or sends no counts although they are required: for all requests except
    those for further pages, which may also be empty.
    """
    answer = decode(body)
    if "success" in answer and whole_of(answer["success"]) != 1:
        raise InvalidResponse(f"Steam returned success {answer['success']!r}")
    if name == PAGE and answer.get("response") == {}:
        return ReviewPage()
    page = validated(ReviewPage, answer if "success" in answer else filled_response(answer))
    if name != PAGE and page.query_summary is None:
        raise InvalidResponse("the response has no `query_summary`")
    _check_votes(page)
    if window is not None:
        _check_dates(page, window)
    return page


def _check_dates(page: ReviewPage, window: Window) -> None:
    """Raise InvalidResponse if too many reviews are not of the requested week: then Steam ignored the dates."""
    listed = [whole_of(review.get("timestamp_created")) for review in page.reviews or () if is_object(review)]
    dates = [date for date in listed if date is not None]
    others = [date for date in dates if not seconds(window.start) <= date < seconds(window.end)]
    if others and (len(others) == len(dates) or len(others) > max(1, MOST_OUTSIDE * len(dates))):
        raise InvalidResponse(
            f"requested reviews of the week of {window.key}, {len(others)} of the {len(dates)} received are others: "
            f"the dates were ignored (Unix seconds {min(others)} to {max(others)})"
        )


def _check_votes(page: ReviewPage) -> None:
    """Steam omits `voted_up` if false. Raises InvalidResponse if it is missing so often that not all can be false."""
    counts = page.query_summary or {}
    total, positive = whole_of(counts.get("total_reviews")) or 0, whole_of(counts.get("total_positive")) or 0
    voted = any(is_object(review) and "voted_up" in review for review in page.reviews or ())
    if 0 < positive <= total and not voted and (1 - positive / total) ** page.length < BY_CHANCE:
        raise InvalidResponse(f"{page.length} reviews without `voted_up`, but {positive} of {total} votes are positive")


def count(window: Window, request: str, body: bytes) -> Mapping[str, int]:
    """The reviews and counts of votes in the response to a request of that name."""
    return _counts(request, parse(request, _dates_of(request, window), body))


def _dates_of(request: str, window: Window) -> Window | None:
    """The window to which a request of that name limits its reviews; None for all up to its end."""
    return None if request in (LIFETIME_ALL, LIFETIME_FILTERED) else window


def _counts(request: str, page: ReviewPage) -> Mapping[str, int]:
    if request in (FIRST_PAGE, PAGE):
        return {"reviews": page.length, "review_summary": int(request == FIRST_PAGE)}
    return {"review_summary": 1}


def request(name: str, app_id: int, window: Window, cursor: str = "*") -> Request[ReviewPage]:
    """One of the five kinds of request for an app; the lifetime ones count up to the window's end."""
    dates = _dates_of(name, window)
    query = {
        "appid": app_id,
        "filter": 1,
        "languages": ["all"],
        "purchase_type": 1,
        "review_type": 0,
        "num_per_page": PAGE_LENGTH if name in (FIRST_PAGE, PAGE) else 1,
        "date_range_start": seconds(dates.start) if dates else 1,
        "date_range_end": seconds(window.end) - 1,
        "filter_offtopic_activity": name in (WEEK_FILTERED, LIFETIME_FILTERED),
        "cursor": cursor,
    }
    return service_request(name, PATH, query, partial(parse, name, dates), app_id)


def extract(client: SourceClient, fetch_request: FetchRequest) -> Iterator[Fetched]:
    """Fetch each app's reviews of the week, page by page, and its three other counts."""
    for app_id in dict.fromkeys(fetch_request.apps):
        refused = False
        for answer in _pages(client, fetch_request, app_id):
            refused = refused or (isinstance(answer.response, Rejected) and answer.response.request.name == FIRST_PAGE)
            yield answer
        for name in () if refused else (WEEK_FILTERED, LIFETIME_ALL, LIFETIME_FILTERED):
            response = client.fetch_or_reject(request(name, app_id, fetch_request.window))
            rejected = isinstance(response, Rejected)
            yield Fetched(response, {"reviews": response.items} if rejected else _counts(name, response.value))


def _pages(client: SourceClient, fetch_request: FetchRequest, app_id: int) -> Iterator[Fetched]:
    name, cursor, total = FIRST_PAGE, "*", 0
    cursors, known = set[str](), set[str]()
    for _ in range(fetch_request.given(Options).page_budget):
        response = _fetch_page(client, request(name, app_id, fetch_request.window, cursor), known, total)
        if isinstance(response, Rejected):
            yield Fetched(response, {"reviews": response.items})
            return
        page = response.value
        fresh = page.ids() - known
        if cursor in cursors and not fresh:
            return
        yield Fetched(_marked(response, len(fresh)), _counts(name, page))
        if not fresh or page.cursor is None:
            return
        known |= fresh
        cursors.add(cursor)
        name, cursor, total = PAGE, page.cursor, max(total, page.total)


def _fetch_page(
    client: SourceClient, request: Request[ReviewPage], known: Set[str], total: int
) -> Response[ReviewPage] | Rejected:
    """Fetch the page, and retry if it reports the end of the list before all counted reviews were listed."""
    # Steam often reports a false end; a page with fewer reviews than requested does not end the list either.
    best = response = client.fetch_or_reject(request)
    for _ in range(END_ASKED_AGAIN):
        if isinstance(response, Rejected) or (response.value.length and response.value.cursor is not None):
            break
        total = max(total, response.value.total)
        if len(known | response.value.ids()) >= total - NEVER_LISTED:
            break
        response = client.fetch_or_reject(request)
        if not isinstance(response, Rejected) and not isinstance(best, Rejected):
            best = response if response.value.length >= best.value.length else best
    return best


def _marked(response: Response[ReviewPage], fresh: int) -> Response[ReviewPage]:
    """The response with a note of how many of its reviews no earlier page had, if not all are new."""
    if fresh == response.value.length:
        return response
    return replace(response, headers={**response.headers, FRESH_HEADER: str(fresh)})


SOURCE = Source(
    name="reviews",
    title="Reviews",
    description="Reviews of the week's top sellers in all languages, and how players voted in the week and ever.",
    hosts=(STEAM_API,),
    cadence=Cadence.WEEKLY,
    history=History.BY_WINDOW,
    due_after=timedelta(hours=36),
    options=Options,
    requests=(FIRST_PAGE, PAGE, WEEK_FILTERED, LIFETIME_ALL, LIFETIME_FILTERED),
    extract=extract,
    count=count,
    tables=(REVIEWS, SUMMARIES),
    apps_from=("top_sellers",),
    app_by_app=True,
)
