"""Optional packages: without an extra everything else works, and what needs it says what to type."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from steam_assets.commands.doctor_checks import check_extras
from steam_assets.extras import EXTRAS, MissingExtra, extras_in_use
from steam_assets.lake.lake import Lake
from steam_assets.settings import Settings
from steam_assets.sources import SOURCES
from steam_assets_tests.conftest import REPOSITORY

DECLARED = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"]
NEEDING = {
    "connect": {"spark_remote": "sc://127.0.0.1:15002"},
    "postgres": {"iceberg_catalog": "jdbc", "iceberg_catalog_uri": "jdbc:postgresql://127.0.0.1/steam"},
    "tableau": {"tableau_url": "https://tableau.example.org"},
}
"""Settings by the extra they need."""


def hide(extra: str, patch: pytest.MonkeyPatch) -> None:
    for module in EXTRAS[extra]:
        patch.setitem(sys.modules, module, None)


def test_every_extra_is_declared_and_names_modules_that_its_packages_bring() -> None:
    assert EXTRAS.keys() == DECLARED.keys()
    distributions = packages_distributions()
    for extra, modules in EXTRAS.items():
        brought = {canonicalize_name(name) for name in _closure(DECLARED[extra])}
        for module in modules:
            assert brought & {canonicalize_name(name) for name in distributions[module]}, (extra, module)


def _closure(requirements: list[str]) -> set[str]:
    """The packages of ``requirements`` and, one level down, of their dependencies and extras."""
    from importlib.metadata import requires

    found = set()
    for requirement in map(Requirement, requirements):
        found.add(requirement.name)
        for further in map(Requirement, requires(requirement.name) or ()):
            if further.marker is None or any(further.marker.evaluate({"extra": e}) for e in requirement.extras or {""}):
                found.add(further.name)
    return found


@pytest.mark.parametrize("extra", NEEDING)
def test_doctor_names_a_setting_whose_packages_are_not_installed(
    extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path, **NEEDING[extra])  # pyright: ignore[reportArgumentType]
    assert [name for name, _ in extras_in_use(settings)] == [extra]
    assert not list(check_extras(settings))
    hide(extra, monkeypatch)
    (found,) = check_extras(settings)
    assert found.state == "problem"
    assert f"steam-assets[{extra}]" in found.fix
    assert not list(check_extras(Settings(home=tmp_path)))


def test_a_catalog_in_postgresql_names_the_missing_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hide("postgres", monkeypatch)
    settings = Settings(home=tmp_path, **NEEDING["postgres"])  # pyright: ignore[reportArgumentType]
    with pytest.raises(MissingExtra, match=r"psycopg2.*pip install \"steam-assets\[postgres\]"):
        Lake(settings).raw(SOURCES[0])


@pytest.mark.process
def test_definitions_load_without_any_extra(tmp_path: Path) -> None:
    """Only the asset visuals/tableau and the refresh's extract step are missing without their packages."""
    hidden = [module for modules in EXTRAS.values() for module in modules]
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({hidden!r}))\n"
        "from steam_assets.orchestration.build import build_defs\n"
        "from steam_assets.settings import Settings\n"
        f"made = build_defs(settings=Settings(home={str(tmp_path)!r}))\n"
        "print([key.path[1] for key in made.resolve_asset_graph().get_all_asset_keys() if key.path[0] == 'visuals'])\n"
        "print([node.name for node in made.resolve_job_def('refresh').nodes])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "dashboard" in done.stdout and "refresh_exports" in done.stdout
    assert "tableau" not in done.stdout
