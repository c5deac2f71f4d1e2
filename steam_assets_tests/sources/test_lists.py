"""Lists in settings: with any separator, and as one process passes them to another."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from steam_assets.settings import Settings


@pytest.mark.parametrize("written", ["730,570", " 730  570 ", "730, 570,", "[730, 570]", "730\n570,730"])
def test_a_list_is_read_however_it_is_separated(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Duplicates are dropped and order is kept; the value from ``environment`` parses to the same list."""
    monkeypatch.setenv("STEAM_WATCHLIST", written)
    settings = Settings()
    assert settings.watchlist == (730, 570)
    monkeypatch.setenv("STEAM_WATCHLIST", settings.environment(secrets=False)["STEAM_WATCHLIST"])
    assert Settings().watchlist == (730, 570)


@pytest.mark.parametrize("written", ["730;570", "x", "-1", "0", "4294967296", "[730", '{"a": 1}'])
def test_an_invalid_list_of_apps_is_refused_with_the_settings_name(
    written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEAM_WATCHLIST", written)
    with pytest.raises(ValidationError, match="watchlist"):
        Settings()
    monkeypatch.setenv("STEAM_WATCHLIST", "")
    assert Settings().watchlist == ()
