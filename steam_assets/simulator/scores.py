"""Steam's review score for a number of positive and negative reviews.

Belongs here: the thresholds from share and count to a score. Does not belong here: counting reviews.
"""

from __future__ import annotations

from steam_assets.simulator.request_parameters import Json


def review_summary(positive: int, negative: int) -> Json:
    """The score fields of ``query_summary``, which only the first page carries."""
    count = positive + negative
    score, text = _score(positive, count)
    fields = {"total_positive": positive, "total_negative": negative, "total_reviews": count}
    return {"review_score": score, "review_score_desc": text} | fields


def _score(positive: int, count: int) -> tuple[int, str]:
    if count < 10:
        return 0, f"{count} user reviews" if count else "No user reviews"
    share = positive / count
    if share >= 0.95 and count >= 500:
        return 9, "Overwhelmingly Positive"
    if share >= 0.8:
        return (8, "Very Positive") if count >= 50 else (7, "Positive")
    for floor, score, text in ((0.7, 6, "Mostly Positive"), (0.4, 5, "Mixed"), (0.2, 4, "Mostly Negative")):
        if share >= floor:
            return score, text
    return (1, "Overwhelmingly Negative") if count >= 500 else (2, "Very Negative") if count >= 50 else (3, "Negative")
