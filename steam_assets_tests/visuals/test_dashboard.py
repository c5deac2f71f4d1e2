"""The dashboard page as text: its contents, escaping and size, and what it says without data."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from market_year import AS_OF, HOSTILE, MarketYear, empty_tables, row, schemas
from tables_on_disk import lay_table
from typer import Typer
from typer.testing import CliRunner

from steam_assets.commands.dashboard import dashboard
from steam_assets.insights import INSIGHTS
from steam_assets.lake.clean_reader import CleanReader
from steam_assets.lake.roots import open_root
from steam_assets.settings import Settings
from steam_assets.visuals.dashboard import DashboardData, load, render
from steam_assets.visuals.dashboard.load import periods
from steam_assets.visuals.dashboard.page import LARGEST_PAGE
from steam_assets.visuals.dashboard.panel_queries import PANEL_QUERIES, PanelQuery
from steam_assets.visuals.dashboard.quotes import quote

STYLE = Path(__file__).parents[2] / "steam_assets/visuals/dashboard/page/page.css"


@pytest.fixture(scope="module")
def year() -> DashboardData:
    return MarketYear().data()


@pytest.fixture(scope="module")
def page(year: DashboardData) -> str:
    return render(year)


def given(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_a_year_of_a_hundred_games_fits_three_megabytes(page: str) -> None:
    """A page of 365 days, 52 weeks, 100 games and 10,400 articles stays below the size limit."""
    assert len(page.encode()) < LARGEST_PAGE == 3_000_000
    assert given(page)["players"]["series"]["days"] == 365


def test_the_same_data_gives_the_same_page(year: DashboardData, page: str) -> None:
    assert render(year) == page


def test_texts_cannot_leave_the_data_element(page: str) -> None:
    """Whatever names contain, the data element has no < > & or line separators and parses back unchanged."""
    found = re.search(r'id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    assert not set("<>&\u2028\u2029") & set(found[1])
    assert set(HOSTILE) <= {*given(page)["apps"]["name"]}
    assert page.count("</script>") == 2


def test_the_policy_allows_only_this_script_and_this_style(page: str) -> None:
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    rules = policy[1].replace("&#39;", "'")
    assert "default-src 'none'" in rules and "unsafe" not in rules and "*" not in rules and "http" not in rules
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}'" in rules


def test_the_page_loads_nothing(page: str) -> None:
    """No element refers to an external resource; addresses occur only in the data, as links."""
    shell = page.replace(re.findall(r'id="data">(.*?)</script>', page, re.DOTALL)[0], "")
    assert not re.search(r'(?:src|href)="(?!#|data:)', shell)
    assert "@import" not in shell and "url(" not in shell


def test_every_query_fits_the_declared_schema() -> None:
    """Each query runs on empty tables with the declared schemas, and its panel says that there are no rows."""
    found = given(render(DashboardData(empty_tables())))["panels"]
    for query in (one for one in PANEL_QUERIES if one.table in schemas()):
        assert "no rows" in found[query.name]["why"], query.name


@pytest.mark.parametrize("query", PANEL_QUERIES, ids=lambda query: query.name)
def test_a_missing_table_is_named_with_the_command_that_creates_it(query: PanelQuery) -> None:
    why = given(render(DashboardData()))["panels"][query.name]["why"]
    assert query.table in why and ("materialize" in why) == (query.table in schemas())


def test_each_number_has_the_date_of_what_was_measured(year: DashboardData) -> None:
    """An insight has the as-of of the table its numbers are from, also if another of its inputs is newer."""
    old, new = AS_OF - timedelta(days=3), AS_OF - timedelta(days=1)
    as_of = {"most_played": old, "top_sellers": new, "news": new}
    samples = old - timedelta(hours=5)
    as_of |= {"player_samples": samples, "store_facts": new}
    found = given(render(DashboardData(year.tables, as_of)))["panels"]
    assert found["market"]["as_of"] == int(old.timestamp())
    assert found["split"]["as_of"] == int(new.timestamp())
    assert found["effects"]["as_of"] == int(old.timestamp())
    assert {found[name]["as_of"] for name in ("days", "curve", "update_hours")} == {int(samples.timestamp())}
    assert found["changes"]["as_of"] == int(old.timestamp()), "the chart has prices where the store's are missing"
    assert found["visits"]["as_of"] is None


def test_each_insight_shown_states_its_method_and_limitations(page: str) -> None:
    methods = {panel["method"] for panel in given(page)["panels"].values()}
    shown = {query.table for query in PANEL_QUERIES} & {insight.table for insight in INSIGHTS}
    for insight in INSIGHTS:
        if insight.table in shown:
            assert any(insight.method in text and insight.limitations in text for text in methods), insight.name


def test_players_are_those_of_the_chart_and_gaps_stay_gaps(year: DashboardData, page: str) -> None:
    """The encoded peaks decode to those of the table, and a day without a chart has none."""
    players, apps = given(page)["players"]["series"], given(page)["apps"]["id"]
    first = date(1970, 1, 1) + timedelta(days=players["first"])
    decoded = {
        (apps[app], first + timedelta(days=start + n)): (peak, rank)
        for app, start, peaks, ranks in zip(
            players["app"], players["start"], players["peak"], players["rank"], strict=True
        )
        for n, (peak, rank) in enumerate(zip(peaks, ranks, strict=True))
        if peak
    }
    rows = year.tables["most_played"].select(["app_id", "day", "players_peak", "rank"]).to_pylist()
    assert decoded == {(r["app_id"], r["day"]): (r["players_peak"], r["rank"]) for r in rows}


def test_old_articles_are_dropped_if_the_page_would_be_too_large() -> None:
    """With very long headlines only the newest articles are shown, and the page says how many of how many."""
    at = datetime.combine(date(2026, 11, 1), time(9), UTC)
    rows = [
        row(
            app_id=1, gid=str(n), day=(at + timedelta(minutes=n)).date(), published_at=at + timedelta(minutes=n),
            title="遊" * 300, url=f"https://news.example/{n}", feed="F", is_update=True, is_patch_notes=False,
        )
        for n in range(4500)
    ]  # fmt: skip
    table = pa.Table.from_pylist(rows, schema=schemas()["insight_news_markers"])
    page = render(DashboardData({"insight_news_markers": table}))
    news = given(page)["panels"]["news"]
    assert len(page.encode()) < LARGEST_PAGE
    assert news["note"] == "This page has the newest 2,000 of the year's 4,500 headlines."
    assert news["columns"]["moment"][0] == int((at + timedelta(minutes=4499)).timestamp())
    assert len(news["columns"]["title"][0]) == 240


def test_numbers_that_json_lacks_become_unknown() -> None:
    """NaN and infinity are shown as unknown and are not written into the page."""
    month = date(2026, 10, 1)
    rows = [row(month=month, visits=1, visits_kind="estimate", visits_per_player=float("nan"), days_collected=0)]
    table = pa.Table.from_pylist(rows, schema=schemas()["insight_traffic_vs_players"])
    assert given(render(DashboardData({"insight_traffic_vs_players": table})))["panels"]["ratio"]["columns"][
        "ratio"
    ] == [None]


def test_periods_without_rows_are_gaps_where_freshness_is_unknown() -> None:
    """Without the freshness insight, a period without rows between the first and the last is a gap."""
    keys = {name: list[str]() for name in schemas()} | {"most_played": ["2026-11-01", "2026-11-02", "2026-11-04"]}
    found = {period.start: period.state for period in periods(None, keys)}
    assert found == {date(2026, 11, day): "missing" if day == 3 else "ok" for day in (1, 2, 3, 4)}


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def tokens() -> Iterator[tuple[str, dict[str, str]]]:
    blocks = re.findall(r"(:root[^{]*)\{(.*?)\}", STYLE.read_text(), re.DOTALL)
    for selector, body in blocks[:3]:
        colours = dict(re.findall(r"--([\w-]+):\s*(#[0-9a-fA-F]{6})", body))
        yield selector.strip(), colours


def test_light_and_dark_texts_have_enough_contrast() -> None:
    """Every text colour has a contrast of 4.5:1 on its background (WCAG AA), in all three colour schemes."""
    sets = list(tokens())
    assert len(sets) == 3
    for selector, colours in sets:
        for text in ("ink", "ink-2", "ink-3", "accent", "up", "down", "fresh", "warn"):
            for ground in ("page", "panel", "raised", "sunken"):
                assert contrast(colours[text], colours[ground]) >= 4.5, (selector, text, ground)
        assert contrast(colours["accent"], colours["accent-soft"]) >= 4.5, selector
        assert contrast(colours["warn"], colours["warn-soft"]) >= 4.5, selector
        for line in ("s0", "s1", "s2", "s3"):
            assert contrast(colours[line], colours["panel"]) >= 3, (selector, line)


def test_the_newest_year_of_a_lake_is_read(tmp_path: Path) -> None:
    """Days older than a year are omitted, as-of is the latest fetch, and tables never created are missing."""
    days = [date(2025, 10, 1), date(2026, 11, 16), date(2026, 11, 18)]
    rows = [
        row(
            day=day, rank=1, app_id=10, players_now=5, players_peak=9, sampled_at=datetime.combine(day, time(21), UTC),
            fetched_at=datetime.combine(day, time(21, 1), UTC), name="One", partition_key=day.isoformat(),
            source_sha256="0" * 64, changes=[],
        )
        for day in days
    ]  # fmt: skip
    lay_table(tmp_path, "most_played", pa.Table.from_pylist(rows, schema=schemas()["most_played"]))
    data = load(CleanReader(Settings(home=tmp_path)))
    assert data.tables["most_played"]["day"].to_pylist() == days[1:]
    assert data.newest == datetime(2026, 11, 18, 21, 1, tzinfo=UTC)
    assert [(gap.source, gap.start) for gap in data.gaps] == [("most_played", date(2026, 11, 17))]
    assert "does not exist yet" in (data.why_empty("visits") or "")


def test_the_command_writes_the_whole_page(tmp_path: Path) -> None:
    """It replaces an older page, leaves no temporary file, and prints the path and as-of."""
    out = tmp_path / "site" / "market.html"
    out.parent.mkdir()
    out.write_text("old")
    # An initialized, empty lake.
    open_root(Settings(home=tmp_path / "lake"), "raw")
    app = Typer()
    app.command()(dashboard)
    said = CliRunner().invoke(app, ["--home", str(tmp_path / "lake"), "--out", str(out)])
    assert said.exit_code == 0, said.output
    assert "market.html" in said.output and "no data yet" in said.output
    assert out.read_text().startswith("<!doctype html>")
    assert [path.name for path in out.parent.iterdir()] == ["market.html"]


@pytest.mark.parametrize(
    ("review", "shown"),
    [
        ("[h1]After[/h1]\n[list]\n[*]One\n[*]Two\n[/list]", "After\n• One\n• Two"),
        ("The end: [spoiler]he dies[/spoiler].", "The end: (spoiler)."),
        ("[spoiler]never closed", "(spoiler)"),
        ("[table][tr][td]Sound[/td][td]9[/td][/tr][/table]", "Sound 9"),
        ("[url=https://bad.example]click[/url] <b>not a tag</b> [sic]", "click <b>not a tag</b> [sic]"),
        ("x" * 400, "x" * 279 + "…"),
    ],
)
def test_a_quote_is_verbatim(review: str, shown: str) -> None:
    """Steam's markup and spoilers are removed; text that only looks like markup stays."""
    assert quote(review) == shown
