"""Packages import only downwards, so that each can be read without those above it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import steam_assets

ROOT = Path(steam_assets.__file__).parent
LAYERS = (
    ("__main__", "definitions"),
    ("cli",),
    ("commands",),
    ("tour",),
    ("orchestration",),
    ("visuals", "publication", "agents"),
    ("query",),
    ("insights",),
    ("ingestion",),
    ("extraction",),
    ("kafka",),
    ("spark",),
    ("lake",),
    ("ledger",),
    ("java", "simulator"),
    ("processes", "clock", "extras"),
    ("settings",),
    ("sources",),
    (
        *("aws_client", "disk_space", "disk_sync", "duckdb_connection", "failpoints", "loopback", "masking"),
        *("outages", "root_cause", "sqlite_files", "writable_folders"),
    ),
)
"""From the top down. Packages on one line do not import each other."""

FLOOR = {package: -floor for floor, packages in enumerate(LAYERS) for package in packages}
PACKAGES = sorted({path.relative_to(ROOT).with_suffix("").parts[0] for path in ROOT.rglob("*.py")} - {"__init__"})


def imported_packages(package: str) -> Iterator[tuple[str, str]]:
    """Each module of the package with the product's other packages that it imports, also within functions."""
    for path in [ROOT / f"{package}.py", *(ROOT / package).rglob("*.py")]:
        tree = ast.parse(path.read_text()) if path.exists() else ast.Module([], [])
        for node in ast.walk(tree):
            for name in _modules(node):
                if name.startswith("steam_assets.") and (other := name.split(".")[1]) != package:
                    yield str(path.relative_to(ROOT)), other


def _modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        names = [f"{node.module}.{alias.name}" for alias in node.names]
        return names if node.module == "steam_assets" else [node.module]
    return []


EXTENDS_DAGSTER = "orchestration/dagster_storage.py"
"""The only file that may use internals of Dagster: decision 20."""


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_packages_below_it(package: str) -> None:
    upward = [
        f"{module} imports {other}" for module, other in imported_packages(package) if FLOOR[other] >= FLOOR[package]
    ]
    assert not upward


def test_only_orchestration_imports_dagster_and_nothing_of_its_internals() -> None:
    """Except the file that extends Dagster's storage. Pipes are not part of Dagster: a job on a cluster, where Dagster
    is not installed, reports through them.
    """
    importing = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _modules(node)
        if name.startswith("dagster") and not name.startswith("dagster_pipes")
    }
    assert {path for path, name in importing if "._" in name} == {EXTENDS_DAGSTER}
    assert {path.split("/")[0] for path, _ in importing} <= {"orchestration", "definitions.py"}
