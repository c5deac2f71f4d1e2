"""Opening Dagster's instance in a folder, as a program with that DAGSTER_HOME would."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest


@contextmanager
def instance_in(home: Path) -> Iterator[dg.DagsterInstance]:
    """Open the instance as it is on disk, without ending its runs."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_HOME", str(home))
        with dg.DagsterInstance.get() as instance:
            yield instance
