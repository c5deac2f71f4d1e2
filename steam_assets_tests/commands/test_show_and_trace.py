"""``show raw`` prints responses as received, or what to type if there are none."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from steam_assets.cli import app
from steam_assets.lake.lake import Lake
from steam_assets_tests.lake.raw_landing import KEY, land, rows_of


def shown(lake: Lake, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    monkeypatch.setenv("STEAM_HOME", str(lake.settings.home))
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.output


def test_show_raw_prints_complete_responses(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    land(lake)
    printed = [json.loads(line) for line in shown(lake, monkeypatch, "show", "raw", "news", KEY).splitlines()]
    told = {row["sequence"]: row for row in rows_of(1)}
    assert len(printed) == len(told)
    for row in printed:
        wanted = told[row["sequence"]]
        assert (row["body"], row["url"], row["kafka_offset"]) == (wanted["body"], wanted["url"], wanted["kafka_offset"])
        assert (row["headers"], row["items"]) == (dict(wanted["headers"]), {"news": 1})
    (one,) = shown(lake, monkeypatch, "show", "raw", "news", KEY, "--app", "13").splitlines()
    assert json.loads(one)["app_id"] == 13


@pytest.mark.parametrize("key", ["9999-12-31", "0001-01-01"])
def test_a_date_without_a_partition_is_a_usage_error(lake: Lake, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    land(lake)
    monkeypatch.setenv("STEAM_HOME", str(lake.settings.home))
    result = CliRunner().invoke(app, ["show", "raw", "most_played", key], env={"COLUMNS": "200"})
    assert (result.exit_code, key in result.output) == (2, True), result.output


@pytest.mark.parametrize("more", [("--backup",), ("--app", "99")])
def test_show_raw_says_when_there_is_none(lake: Lake, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]) -> None:
    land(lake)
    monkeypatch.setenv("STEAM_HOME", str(lake.settings.home))
    result = CliRunner().invoke(app, ["show", "raw", "news", KEY, *more])
    assert result.exit_code != 0 and "steam-assets status" in result.output
