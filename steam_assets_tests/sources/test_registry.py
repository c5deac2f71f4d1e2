"""The registry, and what every source must declare."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError, create_model

from steam_assets.extraction.hosts import profile
from steam_assets.settings import Settings
from steam_assets.sources import HOSTS, SOURCES, news, reviews, source_named
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.host import Host
from steam_assets.sources.source import FetchRequest, Source


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_declaration_is_consistent(source: Source) -> None:
    """Its name is its module's, its oldest partition exists, its tables' keys are columns, and its assets differ."""
    assert source.extract.__module__ == f"steam_assets.sources.{source.name}"
    assert source.hosts and all(option.description for option in source.options.model_fields.values())
    assert source.cadence.window(source.cadence.first).key == source.cadence.first
    assert len({table.asset for table in source.tables}) == len(source.tables)
    for table in source.tables:
        columns = [column.name for column in table.columns]
        assert set(table.key) <= set(columns)
        assert len(set(columns)) == len(columns)
        assert all(column.description for column in table.columns)
    for chart in map(source_named, source.apps_from):
        assert {"rank", "app_id"} <= {column.name for column in chart.tables[0].columns}
    assert not source.app_by_app or source.apps_from or source.watched


def test_names_of_sources_tables_and_hosts_are_unique() -> None:
    for names in (
        [source.name for source in SOURCES],
        [table.name for source in SOURCES for table in source.tables],
        [host.name for host in HOSTS],
    ):
        assert len(names) == len({*names}), names


@pytest.mark.parametrize("name", ["Steam", "steam-api", "a b", "1st", "_x", "x_", ""])
def test_a_host_whose_name_cannot_name_settings_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="lower snake case"):
        Host(name, "Somebody", "https://host.invalid")


def test_a_host_that_no_registered_source_declares_is_refused() -> None:
    """It has no settings; the error says what to add."""
    with pytest.raises(LookupError, match=r"'elsewhere'.*`hosts`"):
        profile(Settings(), Host("elsewhere", "Somebody", "https://host.invalid"))


def test_options_are_checked_and_belong_to_their_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings with an invalid value are rejected when read; a source cannot be given another's options."""
    monkeypatch.setenv("STEAM_NEWS_PAGE_BUDGET", "3")
    given = Settings().options_of(source_named("news"))
    assert given == news.Options(page_budget=3)
    now = datetime(2026, 11, 18, tzinfo=UTC)
    with pytest.raises(TypeError, match="Options"):
        FetchRequest(Cadence.WEEKLY.latest_finished(now), now, options=given).given(reviews.Options)
    monkeypatch.setenv("STEAM_NEWS_PAGE_BUDGET", "0")
    with pytest.raises(ValidationError, match="news_page_budget"):
        Settings()


@pytest.mark.parametrize(
    ("kind", "value"),
    [(tuple[str, ...], ("DE", "FR")), (list[int], [730, 570]), (dict[str, int], {"a": 1}), (bool, True), (float, 0.5)],
)
def test_an_option_of_any_type_reaches_another_process(
    kind: Any, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The value from ``environment`` parses to the same option, as runs in other processes need."""
    extended: Any = create_model("Extended", __base__=Settings, tried=(kind, kind()))
    for name, text in extended(tried=value).environment(secrets=False).items():
        monkeypatch.setenv(name, text)
    assert extended().tried == value


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    """The error lists the known names."""
    with pytest.raises(LookupError, match=r"'rewievs'.*reviews"):
        source_named("rewievs")
