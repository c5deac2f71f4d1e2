"""Outdated insights: each committed clean partition is pending until a refresh, and again after it changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from steam_assets.commands.refresh import stale_note
from steam_assets.insights.freshness import INSIGHT as FRESHNESS
from steam_assets.insights.insight import ALL
from steam_assets.insights.refresh_marker import Refreshing, finished
from steam_assets.insights.small_inputs import nullable_schema
from steam_assets.insights.table import replace_small
from steam_assets.lake.lake import Lake
from steam_assets.ledger.content import EMPTY
from steam_assets.ledger.records import CleanRecord
from steam_assets.ledger.unrefreshed import behind, unfinished
from steam_assets.settings import Settings
from steam_assets.sources import SOURCES
from steam_assets.visuals.dashboard import DashboardData, render

TABLES = {table.name: table for source in SOURCES for table in source.tables}
NOW = datetime(2026, 11, 18, 21, tzinfo=UTC)


def commit(lake: Lake, table: str, *keys: str, snapshot: int = 1) -> None:
    for key in keys:
        record = CleanRecord(
            table=table, partition_key=key, raw_digest="0-0", items=0, clean=0, quarantined=0, duplicates=0,
            content=EMPTY, snapshot_id=snapshot, committed_at=NOW,
        )  # fmt: skip
        clean = lake.clean(TABLES[table])
        clean.commit({key: record})


def test_partitions_are_behind_until_a_refresh_includes_them(tmp_path: Path) -> None:
    """One of two is refreshed; a third is committed during the refresh; then the first is committed again."""
    lake = Lake(Settings(home=tmp_path))
    assert behind(lake) == {}
    commit(lake, "most_played", "2026-11-16", "2026-11-17")
    commit(lake, "news", "2026-11-10")

    def refresh(changed: Mapping[str, Sequence[str]]) -> Refreshing:
        refreshing = Refreshing(lake, SOURCES)
        commit(lake, "most_played", "2026-11-18", snapshot=len(changed))
        replace_small(lake, FRESHNESS, nullable_schema(FRESHNESS.schema).empty_table(), [ALL])
        refreshing.made(changed)
        return refreshing

    refresh({"most_played": ["2026-11-16"]})
    assert behind(lake) == {"most_played": ["2026-11-17", "2026-11-18"], "news": ["2026-11-10"]}
    commit(lake, "most_played", "2026-11-16", snapshot=2)
    everything = {"most_played": ["2026-11-16", "2026-11-17", "2026-11-18"], "news": ["2026-11-10"]}
    assert behind(lake) == everything
    assert refresh(everything).all == everything
    assert behind(lake) == {"most_played": ["2026-11-18"]}, "committed while the refresh was under way"
    assert unfinished(lake) == everything, "the visuals do not show them yet"
    finished(lake, {**everything, "insight_market_day": ["2026-11-16"]})
    assert unfinished(lake) == behind(lake)


def test_without_any_refresh_everything_is_behind_and_the_page_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEAM_HOME", str(tmp_path))
    lake = Lake(Settings(home=tmp_path))
    commit(lake, "most_played", "2026-11-16", "2026-11-17")
    page = render(DashboardData(behind=behind(lake)))
    said = {stale_note(behind(lake), lake.settings): "they lack", page: "do not include the newest data yet:"}
    for text, lacking in said.items():
        assert f"{lacking} most_played (2 partitions, 2026-11-16 to 2026-11-17)" in text
        assert "steam-assets refresh" in text
    assert 'class="notice"' not in render(DashboardData())
    assert stale_note({"news": ["2026-11-10"]}, Settings(home=tmp_path / "x")).endswith(
        f"Run `steam-assets refresh --home {tmp_path / 'x'}`"
    )
