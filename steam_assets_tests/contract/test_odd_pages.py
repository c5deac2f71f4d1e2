"""Reviews over several pages, and reported cases: which rows become clean from complete responses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from answered import FETCHED, CannedClient, envelopes, raw_frame
from pyspark.sql import SparkSession
from test_counts_agree import REVIEW
from test_odd_shapes import classified, of_body

from steam_assets.kafka.envelope import Envelope
from steam_assets.sources import source_named
from steam_assets.sources.source import FetchRequest, Request
from steam_assets.spark.cleaning import classify

pytestmark = pytest.mark.spark


@pytest.fixture(scope="session")
def cases(recorded: Path) -> Path:
    folder = recorded.parent / "cases"
    if not folder.is_dir():
        pytest.skip(f"no cases at {folder}")
    return folder


def collected(source_name: str, key: str, answer: Callable[[Request[Any]], bytes]) -> list[Envelope]:
    source = source_named(source_name)
    answers = list(source.extract(CannedClient(answer), FetchRequest(source.cadence.window(key), FETCHED, apps=(730,))))
    return [
        Envelope.from_response(each, source=source_name, partition_key=key, batch_id="0" * 32, sequence=place)
        for place, each in enumerate(answers)
    ]


def paged(pages: dict[str, list[dict[str, Any]]], total: int) -> Callable[[Request[Any]], bytes]:
    """Responses by cursor; of several under one cursor each is returned once, the last repeatedly.

    Counts say ``total``.
    """
    counts = {"query_summary": {"num_reviews": 1, "total_reviews": total, "total_positive": total, "total_negative": 0}}

    def answer(request: Request[Any]) -> bytes:
        if request.name.startswith("summary"):
            return json.dumps({"response": counts}).encode()
        left = pages[json.loads(request.params["input_json"])["cursor"]]
        page = left.pop(0) if len(left) > 1 else left[0]
        return json.dumps({"response": (counts if request.name == "first_page" else {}) | page}).encode()

    return answer


def numbered_reviews(first: int, last: int) -> list[dict[str, Any]]:
    return [REVIEW | {"recommendationid": str(n)} for n in range(first, last)]


WEEKS: dict[str, tuple[dict[str, list[tuple[int, int, str | None]]], int, int, bool]] = {
    "whole": ({"*": [(0, 9, "a")], "a": [(9, 12, None)]}, 12, 12, True),
    "null with reviews left": ({"*": [(0, 9, "a")], "a": [(9, 12, None)]}, 30, 12, False),
    "same cursor, fresh": ({"*": [(0, 9, "a")], "a": [(9, 18, "a"), (18, 27, None)]}, 27, 27, True),
    "turns in a circle": ({"*": [(0, 9, "a")], "a": [(9, 18, "a")]}, 27, 18, False),
    "overlapping pages": ({"*": [(0, 9, "a")], "a": [(5, 14, "b")], "b": [(10, 19, None)]}, 27, 19, False),
}
"""Pages by cursor (first and last review, next cursor), reviews counted by Steam, reviews available, complete?"""


def test_a_week_is_complete_only_if_all_its_distinct_reviews_were_fetched(spark: SparkSession) -> None:
    """Each week above is a separate app, and review IDs are unique only within an app."""
    made: list[Envelope] = []
    for app, (pages, total, *_) in enumerate(WEEKS.values(), 1):
        sent = {
            cursor: [
                {"reviews": numbered_reviews(1000 * app + first, 1000 * app + last), "cursor": following}
                for first, last, following in listing
            ]
            for cursor, listing in pages.items()
        }
        made += [
            one.model_copy(update={"app_id": app}) for one in collected("reviews", "2023-09-19", paged(sent, total))
        ]
    clean = [row["app_id"] for row in classified(spark, "reviews", "reviews", made) if row["state"] == "clean"]
    rows = [row for row in classified(spark, "reviews", "review_summary", made) if row["complete"] is not None]
    found = {row["app_id"]: (clean.count(row["app_id"]), row["reviews_listed"], row["complete"]) for row in rows}
    assert found == {app: (listed, listed, complete) for app, (_, _, listed, complete) in enumerate(WEEKS.values(), 1)}
    assert {row["state"] for row in rows} == {"clean"}


def test_cases_of_reviews(spark: SparkSession, cases: Path) -> None:
    """Cases 16, 19 and 20: all reviews of all pages, with each odd number parsed or noted."""
    (first, second, end) = (
        (cases / "16-reviews-page-without-summary" / f"{name}.json").read_bytes()
        for name in ("first_page", "second_page", "end")
    )
    left = [first, second, end, first, first, first]
    made = collected("reviews", "2026-11-03", lambda _: left.pop(0))
    # The cursor stays the same and the last page is empty: it is requested but not kept.
    assert (left, [envelope.problem for envelope in made]) == ([], [None] * 5)
    assert len({row["recommendation_id"] for row in classified(spark, "reviews", "reviews", made)}) == 105

    pages = json.loads((cases / "19-reviews-cursor" / "pages.json").read_bytes())
    repeated = pages["*"]["response"]["cursor"]
    by_cursor = {"*": [pages["*"]], repeated: [pages[repeated], pages["null-case"]]}
    for bodies, listed in ((by_cursor, 230), ({"*": [pages["*"]], repeated: [pages[repeated]]}, 200)):

        def answer(request: Request[Any], bodies: Any = bodies) -> bytes:
            of_cursor = bodies[json.loads(request.params["input_json"])["cursor"]]
            return json.dumps(of_cursor.pop(0) if len(of_cursor) > 1 else of_cursor[0]).encode()

        made = collected("reviews", "2026-11-03", answer)
        clean = [row for row in classified(spark, "reviews", "reviews", made) if row["state"] == "clean"]
        assert len({row["recommendation_id"] for row in clean}) == len(clean) == listed

    rows = {
        row["recommendation_id"][-2:]: row
        for row in of_body(
            spark, "reviews", "reviews", (cases / "20-reviews-numbers/page.json").read_bytes(), "2026-11-03"
        )
    }
    assert {row["state"] for row in rows.values()} == {"clean"}
    assert [number for number, row in sorted(rows.items()) if row["changes"]] == ["01", "02", "03"]


def test_cases_of_charts_and_visits(spark: SparkSession, cases: Path) -> None:
    """11 and 22: only a country without a number is quarantined. 10 and 21: never treated as the requested data."""
    body = (cases / "22-chart-peak-below-now" / "chart.json").read_bytes()
    rows = of_body(spark, "most_played", "most_played", body, "2026-11-24")
    assert ({row["state"] for row in rows}, sum(bool(row["changes"]) for row in rows)) == ({"clean"}, 2)
    early = (cases / "21-chart-around-midnight" / "chart.json").read_bytes()
    assert envelopes(source_named("most_played"), "2026-11-24", early) == []

    visits = source_named("monthly_visits")
    found = {
        path.stem: envelopes(visits, "2026-10-01", path.read_bytes())
        for path in sorted((cases / "11-similarweb-2026").glob("*.json"))
    }
    assert [name for name, made in found.items() if not made] == ["wrapped"]
    made = [one.model_copy(update={"sequence": n}) for n, name in enumerate(found) for one in found[name]]
    quarantined = {
        (table.name, list(found)[row["sequence"]])
        for table in visits.tables
        for row in classify(table, raw_frame(spark, made)).where("problem is not null").collect()
    }
    assert quarantined == {("top_countries", "countries_other_keys")}
    for name, taken in (("google", False), ("parent_domain", False), ("right_site", True)):
        other = (cases / "10-similarweb-other-site" / f"{name}.json").read_bytes()
        assert bool(envelopes(visits, "2026-10-01", other)) is taken
