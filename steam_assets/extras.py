"""Optional packages: which extra a profile needs, and how to install it if it is missing.

Belongs here: the extras of pyproject.toml that code checks for. Does not belong here: using their packages.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from steam_assets.settings import Settings

EXTRAS = {
    "connect": ("grpc", "grpc_status"),
    "mcp": ("mcp",),
    "postgres": ("psycopg2",),
    "tableau": ("pantab", "tableauserverclient"),
}
"""The modules of each extra that the product or its libraries import."""


class MissingExtra(ImportError):
    """A setting needs an extra that is not installed; the message gives the command that installs it."""


def installed(extra: str) -> bool:
    return not _missing(extra)


def require(extra: str, needed_by: str) -> None:
    """Raise MissingExtra unless ``extra`` is installed; ``needed_by`` names what needs it."""
    if missing := _missing(extra):
        raise MissingExtra(f"{needed_by} needs {', '.join(missing)}, which is not installed: {how_to_install(extra)}")


def how_to_install(extra: str) -> str:
    return f'python -m pip install "steam-assets[{extra}]"   # in a checkout: make setup'


def extras_in_use(settings: Settings) -> Iterator[tuple[str, str]]:
    """Each extra that ``settings`` require, with the setting that requires it."""
    if settings.spark_remote:
        yield "connect", "STEAM_SPARK_REMOTE"
    if settings.iceberg_catalog == "jdbc":
        yield "postgres", "STEAM_ICEBERG_CATALOG=jdbc"
    if settings.tableau_url:
        yield "tableau", "STEAM_TABLEAU_URL"


def _missing(extra: str) -> list[str]:
    return [module for module in EXTRAS[extra] if find_spec(module) is None]
