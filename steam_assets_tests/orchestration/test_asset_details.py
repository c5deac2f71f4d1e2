"""Asset metadata is complete, and code versions change only with the transformation."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import dagster as dg
import pytest

from steam_assets.insights import INSIGHTS
from steam_assets.lake.lake import Lake
from steam_assets.orchestration import code_versions
from steam_assets.orchestration.asset_details import with_details
from steam_assets.orchestration.build import build_defs
from steam_assets.orchestration.code_versions import clean_version, insight_version
from steam_assets.settings import Settings
from steam_assets.sources import SOURCES
from steam_assets.sources.source import Column, Table


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("a home"))


@pytest.fixture(scope="module")
def specs(settings: Settings) -> dict[dg.AssetKey, dg.AssetSpec]:
    return {spec.key: spec for spec in build_defs(settings=settings).resolve_all_asset_specs()}


def test_every_asset_has_owners_kinds_and_a_description(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    assert [key for key, spec in specs.items() if not (spec.owners and spec.kinds and spec.description)] == []


def test_the_address_of_a_table_is_where_the_lake_puts_it(
    specs: dict[dg.AssetKey, dg.AssetSpec], settings: Settings
) -> None:
    lake = Lake(settings)
    for source in SOURCES:
        for table in source.tables:
            twins = lake.clean_twins(source, table)
            places = {table.asset: twins.primary.location, f"{table.asset}_backup": twins.backup.location}
            for name, location in places.items():
                uri = urlsplit(specs[dg.AssetKey([source.name, name])].metadata["dagster/uri"])
                assert (uri.scheme, unquote(uri.path)) == ("file", location)


def test_the_address_on_s3_is_that_of_the_bucket(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, clean_root="s3://bucket/clean")

    @dg.asset(key=["insights", INSIGHTS[0].name], tags={"stage": "insight"})
    def insight() -> None: ...

    (spec,) = (spec for asset in with_details([insight], settings, SOURCES) for spec in asset.specs)
    assert spec.metadata["dagster/uri"].startswith("s3://bucket/clean/")
    assert spec.metadata["dagster/uri"].endswith(INSIGHTS[0].table)


def test_computed_assets_have_a_code_version_and_collected_ones_have_none(
    specs: dict[dg.AssetKey, dg.AssetSpec],
) -> None:
    computed = {key for key, spec in specs.items() if spec.tags.get("stage") in ("clean", "insight")}
    assert {key for key, spec in specs.items() if spec.code_version} == computed
    versions = [specs[key].code_version for key in computed]
    assert len({*versions}) == len(versions)


CODE = {
    "rows": '''
"""A module."""
from made_up.shared import LIMIT, double

def items(raw):
    """Rows."""
    from made_up.shared import later
    return later(double(raw)) + LIMIT + own(raw)

def own(raw: int) -> int:
    # A comment.
    return raw

def unused(raw):
    return 1
''',
    "shared": """
LIMIT: int = 3
OTHER = 4

def double(raw):
    return 2 * raw

def later(raw):
    return raw - 1
""",
}
COLUMNS = (Column("id", "bigint", "An id."), Column("label", "string", "A label."))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package whose functions are treated as the product's own code."""
    monkeypatch.setattr(code_versions, "PACKAGE", "made_up")
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "made_up").mkdir()
    yield tmp_path / "made_up"
    _forget()


def _forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "made_up"]:
        del sys.modules[name]
    importlib.invalidate_caches()
    for cached in (code_versions._code, code_versions._definitions, code_versions._imports):
        cached.cache_clear()


def version(package: Path, *, old: str = "", new: str = "", **declared: object) -> str:
    """The code version of the package's table after replacing ``old`` in its code."""
    _forget()
    for name, text in CODE.items():
        (package / f"{name}.py").write_text(text.replace(old, new) if old else text)
    assert not old or any(old in text for text in CODE.values())
    table = Table("things", "Things.", COLUMNS, ("id",), importlib.import_module("made_up.rows").items)
    return clean_version(replace(table, **declared))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("+ own(raw)", "- own(raw)"),
        ("    return raw\n", "    return -raw\n"),
        ("2 * raw", "3 * raw"),
        ("raw - 1", "raw - 2"),
        ("LIMIT: int = 3", "LIMIT: int = 5"),
    ],
    ids=["function", "function it calls", "imported function", "function imported within", "imported constant"],
)
def test_a_version_changes_with_the_code(package: Path, old: str, new: str) -> None:
    assert version(package, old=old, new=new) != version(package)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# A comment.", "# Another one."),
        ('"""Rows."""', '"""Other words."""'),
        ("(raw: int) -> int", "(raw: float) -> float"),
        ("LIMIT: int", "LIMIT: float"),
        ("return 1\n", "return 2\n"),
        ("OTHER = 4", "OTHER = 5"),
    ],
    ids=["comment", "docstring", "annotation", "annotation of a constant", "unused function", "unused constant"],
)
def test_a_version_stays_if_rows_cannot_differ(package: Path, old: str, new: str) -> None:
    assert version(package, old=old, new=new) == version(package)


def test_a_version_changes_with_the_parts_of_the_declaration_that_affect_rows(package: Path) -> None:
    before = version(package)
    assert version(package, rules={"positive": "id > 0"}) != before
    assert version(package, key=("id", "label")) != before
    assert version(package, columns=(replace(COLUMNS[0], nullable=False), COLUMNS[1])) != before
    assert version(package, columns=(COLUMNS[0].of("entry.other"), COLUMNS[1])) != before
    assert version(package, columns=(replace(COLUMNS[0], description="The id."), COLUMNS[1])) == before
    assert version(package, description="Other things.") == before


def test_the_products_own_versions_cover_their_engine() -> None:
    """Reviews and review counts are parsed by different functions of one module; each insight has its own formula."""
    tables = [table for source in SOURCES for table in source.tables]
    versions = [*map(clean_version, tables), *map(insight_version, INSIGHTS)]
    assert len({*versions}) == len(versions)
    code: dict[str, str] = {}
    code_versions._collect(tables[0].items.__module__, tables[0].items.__name__, code)
    assert {"steam_assets.sources.json_body.exploded", "steam_assets.sources.readers.whole"} <= code.keys()
