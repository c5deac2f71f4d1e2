"""Reviews: what players wrote in the week about its top sellers, and how all players voted.

Belongs here: the requests, the paging, and what a valid answer is. Does not belong here: the clean tables
(review_tables.py), sentiment (insights/).

Both forms of the answer are valid: the present service's (``response``) and the store's older one (``success``), which
history from before October 2026 is in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, StringConstraints

from steam_assets.sources.cadence import Cadence, Window
from steam_assets.sources.json_body import decode, filled_response, seconds, validated
from steam_assets.sources.review_tables import (
    FIRST_PAGE,
    LIFETIME_ALL,
    LIFETIME_FILTERED,
    PAGE,
    REVIEWS,
    SUMMARIES,
    WEEK_FILTERED,
)
from steam_assets.sources.source import (
    Answer,
    Ask,
    History,
    InvalidAnswer,
    Question,
    Rejected,
    Request,
    Response,
    Source,
)

PATH = "/IUserReviewsService/GetAppReviews/v1/"
PAGE_LENGTH = 100
EMPTY_PAGE_ASKED_AGAIN = 5
NEVER_LISTED = 2
"""Reviews that Steam counts and may not list."""


class ReviewPage(BaseModel):
    """A page of reviews: the counts, the reviews (none at the list's end), and where the next page starts."""

    query_summary: dict[str, Any]
    reviews: list[Any] | None = None
    cursor: Annotated[str, StringConstraints(pattern=r"^[ -~]{0,512}$")] | None = None
    total_matching: int | None = None

    @property
    def length(self) -> int:
        return len(self.reviews or ())

    def ids(self) -> set[str]:
        found = (review.get("recommendationid") for review in self.reviews or () if isinstance(review, dict))
        return {str(one) for one in found if one is not None}


def parse(body: bytes) -> ReviewPage:
    """The page, of either form. InvalidAnswer if Steam refused the call or there is no summary in it."""
    answer = decode(body)
    if "success" in answer and answer["success"] != 1:
        raise InvalidAnswer(f"Steam answered success {answer['success']!r}")
    return validated(ReviewPage, answer if "success" in answer else filled_response(answer))


def request(name: str, app_id: int, window: Window, cursor: str = "*") -> Request[ReviewPage]:
    """One of the five kinds of call about an app; the lifetime ones count up to the window's end."""
    lifetime = name in (LIFETIME_ALL, LIFETIME_FILTERED)
    query = {
        "appid": app_id,
        "filter": 1,
        "languages": ["all"],
        "purchase_type": 1,
        "review_type": 0,
        "num_per_page": PAGE_LENGTH if name in (FIRST_PAGE, PAGE) else 1,
        "date_range_start": 1 if lifetime else seconds(window.start),
        "date_range_end": seconds(window.end) - 1,
        "filter_offtopic_activity": name in (WEEK_FILTERED, LIFETIME_FILTERED),
        "cursor": cursor,
    }
    return Request(name, PATH, {"input_json": json.dumps(query)}, parse, app_id)


def collect(ask: Ask, question: Question) -> Iterator[Answer]:
    """Each app's reviews of the week, page by page, and its three further counts."""
    for app_id in dict.fromkeys(question.apps):
        refused = False
        for answer in _pages(ask, question, app_id):
            refused = refused or (isinstance(answer.response, Rejected) and answer.response.request.name == FIRST_PAGE)
            yield answer
        for name in () if refused else (WEEK_FILTERED, LIFETIME_ALL, LIFETIME_FILTERED):
            response = ask.tolerant(request(name, app_id, question.window))
            yield Answer(response, {"reviews": 1} if isinstance(response, Rejected) else {"review_summary": 1})


def _pages(ask: Ask, question: Question, app_id: int) -> Iterator[Answer]:
    name, cursor = FIRST_PAGE, "*"
    cursors, known = {cursor}, set[str]()
    for _ in range(question.page_budget):
        response = _asked_until_filled(ask, request(name, app_id, question.window, cursor), len(known))
        if isinstance(response, Rejected):
            yield Answer(response, {"reviews": 1})
            return
        page = response.value
        yield Answer(response, {"reviews": page.length, "review_summary": int(name == FIRST_PAGE)})
        fresh = page.ids() - known
        if not fresh or page.cursor is None or page.cursor in cursors:
            return
        known |= fresh
        cursors.add(page.cursor)
        name, cursor = PAGE, page.cursor


def _asked_until_filled(ask: Ask, page: Request[ReviewPage], had: int) -> Response[ReviewPage] | Rejected:
    # Steam often reports an end that is none; a page with fewer reviews than asked for is no end either.
    response = ask.tolerant(page)
    for _ in range(EMPTY_PAGE_ASKED_AGAIN):
        if isinstance(response, Rejected) or response.value.length:
            break
        if had >= (response.value.total_matching or 0) - NEVER_LISTED:
            break
        response = ask.tolerant(page)
    return response


SOURCE = Source(
    name="reviews",
    title="Reviews",
    description="Reviews of the week's top sellers in all languages, and how players voted in the week and ever.",
    cadence=Cadence.WEEKLY,
    history=History.BY_WINDOW,
    collect=collect,
    tables=(REVIEWS, SUMMARIES),
    apps_from="top_sellers",
)
