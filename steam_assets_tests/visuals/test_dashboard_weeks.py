"""Unusual review weeks: which are read from the lake, what is computed for them, and what the page shows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from chart_year import row, schemas
from market_year import BOMB_WEEK, HOSTILE, MarketYear
from page_visit import visit
from playwright.sync_api import Browser, expect
from tables_on_disk import lay_table

from steam_assets.lake.clean_reader import CleanReader
from steam_assets.settings import Settings
from steam_assets.visuals.dashboard import DashboardData, load
from steam_assets.visuals.dashboard.payload import payload
from steam_assets.visuals.dashboard.unusual_weeks import COMPARED, HOURS, MOST_WEEKS, unusual_weeks

WEEK = date(2026, 11, 3)


def bombs(flags: Mapping[tuple[date, int], bool | None], by_steam: bool | None = False) -> pa.Table:
    rows = [
        row(
            week_start=week, app_id=app, negative=9, reviews=10, negative_share=0.9, baseline_weeks=12, flagged=flagged,
            off_topic_excluded_by_steam=by_steam, agreement="neither", partition_key=week.isoformat(),
        )
        for (week, app), flagged in flags.items()
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=schemas()["insight_review_bombs"])


def review(text: str, up: bool | None, app: int = 1, week: date = WEEK, **more: object) -> dict[str, object]:
    return {
        "app_id": app,
        "text": text,
        "voted_up": up,
        "language": "english",
        "partition_key": week.isoformat(),
    } | more


def columns_of(name: str, reviews: list[dict[str, object]]) -> list[dict[str, object]]:
    """The table rows of a panel for one unusual week with these reviews."""
    table = pa.Table.from_pylist(reviews, schema=schemas()["reviews"])
    data = DashboardData({"reviews": table, "insight_review_bombs": bombs({(WEEK, 1): True})})
    columns = payload(data, {"articles": 0, "effects": 0})["panels"][name]["columns"]
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def test_unusual_weeks_are_the_newest_flagged_by_either() -> None:
    """A flag by the insight or by Steam counts, null does not. Only the newest weeks are kept, up to a limit."""
    weeks = [WEEK - timedelta(weeks=n) for n in range(MOST_WEEKS + 5)]
    flags: dict[tuple[date, int], bool | None] = {(week, 1): True for week in weeks}
    found = unusual_weeks(bombs(flags | {(WEEK, 2): False, (WEEK, 3): None})).to_pylist()
    assert [one["week_start"] for one in found] == weeks[:MOST_WEEKS]
    assert {one["app_id"] for one in found} == {1}
    assert unusual_weeks(bombs({(WEEK, 2): False}, by_steam=True)).num_rows == 1
    assert unusual_weeks(None).num_rows == 0


def test_for_older_weeks_only_reviews_of_unusual_games_are_read(tmp_path: Path) -> None:
    weeks = [WEEK + timedelta(weeks=n) for n in range(3)]
    rows = [
        row(
            week_start=week, app_id=app, recommendation_id=f"{app}{week:%j}", text="Fine.", created_at=None,
            voted_up=True, partition_key=week.isoformat(),
        )
        for week in weeks
        for app in (1, 2)
    ]  # fmt: skip
    lay_table(tmp_path, "reviews", pa.Table.from_pylist(rows, schema=schemas()["reviews"]))
    lay_table(tmp_path, "insight_review_bombs", bombs({(weeks[0], 1): True, (weeks[1], 2): False}))
    read = load(CleanReader(Settings(home=tmp_path))).tables["reviews"].to_pylist()
    found = [(one["partition_key"], one["app_id"]) for one in read]
    assert found == [(weeks[0].isoformat(), 1), (weeks[2].isoformat(), 1), (weeks[2].isoformat(), 2)]


def test_words_are_scored_by_their_log_odds() -> None:
    """30 of 40 negative and 4 of 50 positive reviews have the word. Repeats, markup and links do not count."""
    sides = {"with": (30, 4), "without": (10, 46)}
    texts = {"with": "[b]refund[/b] Refund! https://x.example/crash game", "without": "game [url=https://x.example]"}
    reviews = [
        review(texts[kind], up)
        for kind, counts in sides.items()
        for up, count in zip((False, True), counts, strict=True)
        for _ in range(count)
    ]
    (found,) = columns_of("terms", [*reviews, review("refund", None)])
    a, b, c, d = 30.5, 10.5, 4.5, 46.5
    assert found["score"] == pytest.approx(math.log(a * d / (b * c)) / math.sqrt(1 / a + 1 / b + 1 / c + 1 / d), 1e-4)
    assert (found["term"], found["language"]) == ("refund", "english")
    assert [found[name] for name in ("negative", "negatives", "positive", "positives")] == [30, 40, 4, 50]


@pytest.mark.parametrize(
    ("language", "text", "terms"),
    [
        ("russian", "ВЕРНИТЕ деньги", {"верните", "деньги"}),
        ("schinese", "退款吧", {"款吧", "退款"}),
        ("japanese", "サーバー", {"サー", "ーバ", "バー"}),
        ("koreana", "환불해 주세요", {"주세요", "환불해"}),
        ("french", "d’être déçu", {"d’être", "déçu"}),
    ],
)
def test_words_are_found_in_any_script(language: str, text: str, terms: set[str]) -> None:
    """Scripts without spaces use pairs of characters; a language with too few positive reviews is skipped."""
    enough = int(COMPARED["fewest_reviews"])
    reviews = [review(text, False, language=language) for _ in range(enough)]
    praise = [review("+1", True, language=language) for _ in range(enough)]
    assert {one["term"] for one in columns_of("terms", reviews + praise)} == terms
    assert columns_of("terms", reviews + praise[1:]) == []


def test_playtimes_are_counted_in_classes() -> None:
    """A bound belongs to the class above it, and empty classes are shown."""
    played = [0, 119, 120, 60_000, None]
    reviews = [review("", n % 2 == 0, playtime_at_review_minutes=minutes) for n, minutes in enumerate(played)]
    rows = columns_of("playtimes", reviews)
    assert [row["hours"] for row in rows] == [*HOURS["bounds"]]
    assert [row["positive"] for row in rows] == [1, 1, 0, 0, 0, 0]
    assert [row["negative"] for row in rows] == [1, 0, 0, 0, 0, 1]


@pytest.mark.slow
def test_an_unusual_week_opens(browser: Browser, file: Path) -> None:
    """A click in the table opens that week's share of negative reviews, languages, words, playtimes and quotes."""
    year = MarketYear()
    week, app = year.weeks[BOMB_WEEK], year.ids[5]
    bomb = next(one for one in year._bombs() if one["week_start"] == week and one["app_id"] == app)
    written = [*year._unusual_reviews()]
    with visit(browser, file.as_uri()) as seen:
        seen.to("reviews")
        seen.page.get_by_role("link", name=f"Open the week of {week} of").click()
        assert seen.page.url.endswith(f"#/reviews?app={app}&week={week}")
        expect(seen.page.locator(".lead")).to_contain_text(f"{bomb['negative']:,} of {bomb['reviews']:,} reviews")
        expect(seen.page.locator(".lead")).to_contain_text("median was 300 (20 %). Steam excluded 900 reviews")
        words = {line["term"]: line for line in seen.csv_of("Words of negative reviews")}
        asked = [one for one in written if not one["voted_up"] and "refunds.example" in one["text"]]
        assert int(words["refund"]["negative"]) == len(asked) and words["refund"]["positive"] == "0"
        assert "退款" in words and "game" not in words
        languages = {one["language"]: one["reviews"] for one in year._languages() if one["week_start"] == week}
        assert {line["language"]: int(line["reviews"]) for line in seen.csv_of("Languages")} == languages
        played = seen.csv_of("Hours played")
        known = [one for one in written if one["playtime_at_review_minutes"] is not None]
        assert sum(int(line["negative"]) + int(line["positive"]) for line in played) == len(known)
        quotes = seen.csv_of("Most helpful reviews")
        assert [line["recommends"] for line in quotes] == ["false"] * 3 + ["true"] * 3
        assert any(text in quotes[3]["text"] for text in HOSTILE)
        seen.page.get_by_role("link", name="Players around this week").click()
        assert f"from={week - timedelta(days=28)}" in seen.page.url
        seen.to(f"reviews?app={app}&week={week + timedelta(weeks=1)}")
        expect(seen.page.locator(".empty")).to_contain_text("only for unusual weeks")
        assert seen.harm() == [None, 0]
