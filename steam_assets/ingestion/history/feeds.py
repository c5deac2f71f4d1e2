"""The old reviews, news and site visits: CSV without ids, and service responses as JSON.

Belongs here: their contents and the periods they belong to. Does not belong here: today's sources (sources/).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from steam_assets.ingestion.history.charts import NO_HOUR
from steam_assets.ingestion.history.old_file import OldFile, Piece, Reading, Unreadable, flag, number, read_csv
from steam_assets.sources import monthly_visits, news
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.json_body import LAST_SECOND, decode, is_object
from steam_assets.sources.lists import LARGEST_APP_ID
from steam_assets.sources.review_tables import PAGE
from steam_assets.sources.source import InvalidResponse
from steam_assets.sources.visit_tables import ESTIMATE

T = TypeVar("T")

REVIEW_COLUMNS = ("App ID", "Review", "Voted Up")

NO_REVIEW_ID = "no review's id and no date in the file: which review it is and when it was written is not known"
REVIEW_NOTES = (
    "text stripped to ASCII letters, digits and spaces by the old collector: other alphabets are lost",
    "the newest reviews at the time of collection, positive and negative requested separately; not those of one week",
    NO_HOUR,
)
NEWS_NOTES = (
    "of the ten newest articles of the app at the time of collection; the week may have had more",
    "at most 30000 characters were requested: a longer text is cut",
    NO_HOUR,
)
VISIT_NOTES = ("written out again by the old collector; the values are Similarweb's", NO_HOUR)


def read_reviews(file: OldFile, _beside: OldFile | None) -> Reading:
    """Read reviews of several apps: one piece per app, in the file's order. The first one contains the file itself."""
    table = read_csv(file, REVIEW_COLUMNS)
    by_app: dict[str, list[dict[str, object]]] = {}
    for row in table.rows:
        review = {"review": row["Review"], "voted_up": flag(row["Voted Up"], "pos", "neg")}
        by_app.setdefault(row["App ID"].strip(), []).append(review)
    pieces = [
        Piece(
            partition_key=Cadence.WEEKLY.containing(file.midnight).key,
            request=PAGE,
            body=_review_body(app, reviews, file, carries=place == 0),
            items={"reviews": len(reviews)},
            fetched_at=file.midnight,
            app_id=_app_id(number(app)),
            unusable={NO_REVIEW_ID: len(reviews)},
        )
        for place, (app, reviews) in enumerate(by_app.items())
    ]
    return Reading(pieces, REVIEW_NOTES, table.set_aside)


def _review_body(app: str, reviews: Sequence[Mapping[str, object]], file: OldFile, *, carries: bool) -> bytes:
    origin = file.as_json() if carries else {"path": file.path, "sha256": file.sha256}
    body = {"response": {"reviews": reviews}, "imported_app_id": app, "imported_files": [origin]}
    return json.dumps(body, ensure_ascii=False).encode()


def read_news(file: OldFile, _beside: OldFile | None) -> Reading:
    """Read a page of an app's news, unchanged, once for each week in which one of its articles was published."""
    page = _valid(file, news.parse)
    appnews = _answer(file).get("appnews")
    app_id = _app_id(appnews.get("appid") if is_object(appnews) else None)
    if app_id is None:
        raise Unreadable("the response does not name its app")
    dates = [news.date_of(item) for item in page.newsitems]
    known = [date for date in dates if date is not None and 0 <= date <= LAST_SECOND]
    if len(known) < len(dates):
        raise Unreadable(f"{len(dates) - len(known)} of {len(dates)} articles have no usable date and so no week")
    if not known:
        raise Unreadable("it has no articles")
    weeks: dict[str, list[datetime]] = {}
    for date in known:
        published = datetime.fromtimestamp(date, UTC)
        weeks.setdefault(Cadence.WEEKLY.containing(published).key, []).append(published)
    pieces = [
        Piece(
            partition_key=week,
            request="page",
            body=file.data,
            items={"news": len(published)},
            fetched_at=max(file.midnight, *published),
            app_id=app_id,
        )
        for week, published in sorted(weeks.items())
    ]
    return Reading(pieces, NEWS_NOTES)


def read_visits(file: OldFile, _beside: OldFile | None) -> Reading:
    """Read Similarweb's response, unchanged, once for each month it covers. The newest month has the details."""
    answer = _answer(file)
    if answer.get("SiteName") != monthly_visits.SITE:
        raise Unreadable(f"it is about {str(answer.get('SiteName'))[:60]!r}, not {monthly_visits.SITE}")
    visits = answer.get("EstimatedMonthlyVisits")
    months = visits if is_object(visits) else {}
    try:
        windows = [Cadence.MONTHLY.window(str(month)) for month in sorted(months) if months[month] is not None]
    except ValueError as error:
        raise Unreadable(f"it has an invalid month: {error}") from error
    if not windows:
        raise Unreadable("it has no monthly visits")
    pieces = [
        Piece(
            partition_key=window.key,
            request=ESTIMATE,
            body=file.data,
            items={table: n for table, n in _valid(file, partial(monthly_visits.parse, window)).items() if n},
            fetched_at=max(file.midnight, window.end),
        )
        for window in windows
    ]
    return Reading(pieces, VISIT_NOTES)


def read_printed_reviews(file: OldFile, _beside: OldFile | None) -> Reading:
    """Reject reviews printed as a table by the oldest version. Always raises Unreadable."""
    raise Unreadable(
        f"a printed table ({len(file.data)} bytes): its texts are wrapped and padded, so their ends are unknown"
    )


def _answer(file: OldFile) -> dict[str, object]:
    file.text()
    return _valid(file, decode)


def _valid(file: OldFile, parse: Callable[[bytes], T]) -> T:
    try:
        return parse(file.data)
    except InvalidResponse as error:
        raise Unreadable(str(error)) from error


def _app_id(value: object) -> int | None:
    found = number(value) if isinstance(value, str) else value
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 < found <= LARGEST_APP_ID else None
