"""Folders of Dagster's instance, and opening one as a program with that DAGSTER_HOME would."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from steam_assets_tests.conftest import REPOSITORY


def laptop_home(folder: Path) -> Path:
    """Give the folder the checkout's dagster.yaml, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dagster.yaml").write_text((REPOSITORY / "dagster.yaml").read_text())
    return folder


@contextmanager
def instance_in(home: Path) -> Iterator[dg.DagsterInstance]:
    """Open the instance as it is on disk, without ending its runs."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_HOME", str(home))
        with dg.DagsterInstance.get() as instance:
            yield instance
