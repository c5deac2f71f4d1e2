"""The response with a page of reviews: the reviews, the cursor of the next page, the counts and Steam's score.

Belongs here: the body of ``GetAppReviews``. Does not belong here: which reviews are on a page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from steam_assets.simulator.backend import encode
from steam_assets.simulator.request_parameters import Json, ReviewParameters

_SCORES = (
    (0.95, 500, 9, "Overwhelmingly Positive"),
    (0.8, 50, 8, "Very Positive"),
    (0.8, 10, 7, "Positive"),
    (0.7, 10, 6, "Mostly Positive"),
    (0.4, 10, 5, "Mixed"),
    (0.2, 10, 4, "Mostly Negative"),
    (0.0, 500, 1, "Overwhelmingly Negative"),
    (0.0, 50, 2, "Very Negative"),
    (0.0, 10, 3, "Negative"),
)
"""Least positive share, least number of reviews, score, description: the first that applies."""


@dataclass(frozen=True)
class Page:
    """The reviews of a page, and the cursor of the next one; at the end of the list there are none."""

    reviews: Sequence[Json]
    cursor: str


def reviews_body(parameters: ReviewParameters, page: Page, positive: int, negative: int) -> bytes:
    """The response for a page; ``positive`` and ``negative`` count all reviews that match."""
    summary: Json = {"num_reviews": len(page.reviews)}
    if parameters.cursor == "*":
        summary |= score(positive, negative)
    response: Json = {"query_summary": summary}
    if page.reviews:
        response["reviews"] = page.reviews
    response |= {"cursor": page.cursor, "total_matching": positive + negative}
    return encode({"response": response})


def score(positive: int, negative: int) -> Json:
    """Steam's summary of these votes: the counts, its score and the score's name."""
    count = positive + negative
    grade, text = next(
        ((grade, text) for share, least, grade, text in _SCORES if count >= least and positive >= share * count),
        (0, f"{count} user reviews" if count else "No user reviews"),
    )
    totals: Json = {"total_positive": positive, "total_negative": negative, "total_reviews": count}
    return totals | {"review_score": grade, "review_score_desc": text}
