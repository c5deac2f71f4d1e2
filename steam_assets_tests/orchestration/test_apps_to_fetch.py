"""Which apps a run fetches: those in its config, in the settings, on charts of any cadence, and on the watchlist."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from steam_assets.lake.lake import Lake
from steam_assets.orchestration.apps_to_fetch import apps_to_fetch
from steam_assets.settings import Settings
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column, Source
from steam_assets_tests.lake.clean_partitions import SOURCE, THINGS, clean

RANKED = replace(THINGS, columns=(*THINGS.columns, Column("rank", "int", "Rank."), Column("app_id", "bigint", "App.")))


def chart(name: str, cadence: Cadence) -> Source:
    return replace(SOURCE, name=name, cadence=cadence, tables=(replace(RANKED, name=name),))


DAILY, WEEKLY = chart("played", Cadence.DAILY), chart("sold", Cadence.WEEKLY)
CHARTS = (DAILY, WEEKLY)
ASKING = replace(SOURCE, name="facts", cadence=Cadence.DAILY, apps_from=("played", "sold"), watched=True)
DAY = "2026-11-18"


def chart_of(lake: Lake, source: Source, key: str, apps: Mapping[int, int]) -> None:
    """Write a clean chart partition of these apps, given by rank, with the worst rank first."""
    ranked: dict[str, Any] = {
        "rank": sorted(apps, reverse=True),
        "app_id": [apps[n] for n in sorted(apps, reverse=True)],
    }
    clean(lake, dict.fromkeys(apps, None), table=source.tables[0], key=key, **ranked)


@pytest.fixture
def charted(tmp_path: Path) -> Lake:
    """Charts for today, yesterday and three weeks; the latest of those weeks starts after today."""
    lake = Lake(Settings(home=tmp_path, watchlist=(900, 570)))
    chart_of(lake, DAILY, "2026-11-17", {1: 111})
    chart_of(lake, DAILY, DAY, {1: 730, 2: 570})
    chart_of(lake, WEEKLY, "2026-10-27", {1: 222})
    chart_of(lake, WEEKLY, "2026-11-10", {1: 440, 2: 730})
    chart_of(lake, WEEKLY, "2026-11-24", {1: 333})
    return lake


def test_each_chart_then_the_watchlist_each_app_once(charted: Lake) -> None:
    """Apps come from the day's chart and from the latest week already begun, in rank order; duplicates are dropped."""
    assert apps_to_fetch(ASKING, CHARTS, DAY, (), charted) == [730, 570, 440, 900]


def test_a_source_without_the_watchlist_does_not_get_it(charted: Lake) -> None:
    assert apps_to_fetch(replace(ASKING, watched=False), CHARTS, DAY, (), charted) == [730, 570, 440]


def test_a_source_of_watched_apps_alone_reads_no_chart(charted: Lake) -> None:
    assert apps_to_fetch(ASKING, (), "2020-01-01", (), charted) == [900, 570]


def test_apps_of_a_run_replace_all_and_apps_of_the_settings_replace_the_charts(charted: Lake) -> None:
    assert apps_to_fetch(ASKING, CHARTS, DAY, (5, 6), charted) == [5, 6]
    settings = Settings(home=charted.settings.home, apps=(7,), watchlist=(8,))
    assert apps_to_fetch(ASKING, CHARTS, DAY, (), Lake(settings)) == [7, 8]


def test_the_days_chart_suffices_without_the_weeks_and_without_either_it_says_what_to_type(charted: Lake) -> None:
    """The chart of the run's own cadence is required; one of another cadence is optional."""
    assert apps_to_fetch(ASKING, (DAILY, chart("never", Cadence.WEEKLY)), DAY, (), charted) == [730, 570, 900]
    with pytest.raises(Exception, match=r"played/clean.*has no partition 2026-11-19.*run played --from 2026-11-19"):
        apps_to_fetch(ASKING, CHARTS, "2026-11-19", (), charted)
