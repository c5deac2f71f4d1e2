"""The folder of Dagster's instance.

Belongs here: creating it, and its path. Does not belong here: opening the instance (launch.py). `dev` imports this for
as long as it runs, so it does not import Dagster.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from steam_assets.settings import Settings, private_folder


def prepare_dagster_home(settings: Settings) -> Path:
    """Create the instance's folder with its dagster.yaml, and set DAGSTER_HOME, for child processes too."""
    home = private_folder(settings.dagster_home)
    template = Path(__file__).resolve().parents[2] / "dagster.yaml"
    if template.exists() and not (home / "dagster.yaml").exists():
        shutil.copyfile(template, home / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(_plain_link(home) if _NOT_IN_SQLITE_URL.intersection(str(home)) else home)
    return home


_NOT_IN_SQLITE_URL = frozenset("?%")
"""Dagster puts its folder into an sqlite:/// URL without escaping: everything after ? is cut, %20 becomes a space."""


def _plain_link(folder: Path) -> Path:
    """A link to a folder, with a name without special characters, for as long as this process lives."""
    temporary = next(p for p in (tempfile.gettempdir(), "/tmp") if not _NOT_IN_SQLITE_URL.intersection(p))  # noqa: S108
    made = tempfile.mkdtemp(prefix="steam-assets-", dir=temporary)
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    link = Path(made) / "dagster"
    link.symlink_to(folder, target_is_directory=True)
    return link
