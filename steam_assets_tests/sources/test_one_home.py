"""Names of sources and hosts occur only in their declarations and in code specific to that source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from steam_assets.settings import Settings
from steam_assets.sources import HOSTS, REGISTERED, SOURCES, declared_settings
from steam_assets.sources.host import Host
from steam_assets_tests.conftest import REPOSITORY

PACKAGE = REPOSITORY / "steam_assets"
ABOUT_GIVEN_SOURCES = (
    "sources",
    "insights",
    "visuals/dashboard",
    "visuals/tableau",
    "tour",
    "simulator",
    "history",
)
"""Parts of the package that may name sources: declarations, insights, panels and the starter workbook, the tour, the
simulated services, and the files that an earlier collector left."""


def code_for_any_source() -> Iterator[Path]:
    for file in sorted(PACKAGE.rglob("*.py")):
        folder = f"/{file.parent.relative_to(PACKAGE).as_posix()}/"
        if not any(f"/{part}/" in folder for part in ABOUT_GIVEN_SOURCES):
            yield file


def texts(file: Path) -> Iterator[tuple[int, str]]:
    """The line and value of each string of a module, except docstrings."""
    tree = ast.parse(file.read_text())
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.lineno, node.value


def test_no_other_code_names_a_source_a_table_or_a_host() -> None:
    """Checks their names, host addresses, and the settings derived from declarations."""
    names = {*REGISTERED, *(table.name for source in SOURCES for table in source.tables), *declared_settings()}
    names |= {host.name for host in HOSTS}
    addresses = {urlsplit(host.url).hostname or "" for host in HOSTS}
    found = [
        f"{file.relative_to(REPOSITORY)}:{line}: {text[:60]!r}"
        for file in code_for_any_source()
        for line, text in texts(file)
        if text in names or any(address in text for address in addresses)
    ]
    assert not found
    assert len(list(code_for_any_source())) > len(REGISTERED)


def test_settings_of_a_host_are_named_after_it_without_repeating_the_prefix() -> None:
    """STEAM_ begins every setting; a host name that begins with it does not repeat it."""
    kinds = ("url", "requests_per_second")
    assert [Host("steam_store", "Steam", "https://a").variable(kind) for kind in kinds] == [
        "STEAM_STORE_URL",
        "STEAM_STORE_REQUESTS_PER_SECOND",
    ]
    assert Host("epic_games", "Epic", "https://a").variable("url") == "STEAM_EPIC_GAMES_URL"
    assert Host("steamspy", "SteamSpy", "https://a").variable("url") == "STEAM_STEAMSPY_URL"


def test_a_host_with_a_key_or_a_folder_has_settings_for_them() -> None:
    """The key is a secret, like every setting that must not be shown; other hosts have neither setting."""
    settings = Host("epic", "Epic", "https://a", key_parameter="api_key", drop_folder=True).settings()
    assert {*settings} == {"epic_url", "epic_requests_per_second", "epic_key", "epic_drop_folder"}
    assert settings["epic_key"][0] is SecretStr
    assert {*Host("epic", "Epic", "https://a").settings()} == {"epic_url", "epic_requests_per_second"}


def test_no_declared_setting_takes_the_name_of_another() -> None:
    """The deployment's own settings keep their names and meanings."""
    assert not declared_settings().keys() & Settings.__annotations__.keys()
    assert declared_settings().keys() < Settings.model_fields.keys()
