"""Optional packages: which extra a profile needs, and what to type where it is not installed.

Belongs here: the extras of pyproject.toml that code asks about. Does not belong here: using their packages.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from steam_assets.settings import Settings

EXTRAS = {
    "connect": ("grpc", "grpc_status"),
    "postgres": ("psycopg2",),
    "tableau": ("pantab", "tableauserverclient"),
}
"""The modules that each extra brings and that the product or its libraries import."""


class MissingExtra(ImportError):
    """A setting needs an extra that is not installed; the message has the command that installs it."""


def installed(extra: str) -> bool:
    return not _missing(extra)


def require(extra: str, needed_by: str) -> None:
    """Do nothing if ``extra`` is installed. MissingExtra, naming what ``needed_by`` asks for, if not."""
    if missing := _missing(extra):
        raise MissingExtra(f"{needed_by} needs {', '.join(missing)}, which is not installed: {how_to_install(extra)}")


def how_to_install(extra: str) -> str:
    return f'python -m pip install "steam-assets[{extra}]"   # in a checkout: make setup'


def extras_in_use(settings: Settings) -> Iterator[tuple[str, str]]:
    """Each extra that ``settings`` need, and the setting that needs it."""
    if settings.spark_remote:
        yield "connect", "STEAM_SPARK_REMOTE"
    if settings.iceberg_catalog == "jdbc":
        yield "postgres", "STEAM_ICEBERG_CATALOG=jdbc"
    if settings.tableau_url:
        yield "tableau", "STEAM_TABLEAU_URL"


def _missing(extra: str) -> list[str]:
    return [module for module in EXTRAS[extra] if find_spec(module) is None]
