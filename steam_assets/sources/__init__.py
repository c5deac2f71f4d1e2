"""The registry of sources: a line for each. Everything else asks here and never for a source by its module.

Belongs here: which sources there are, and what follows from all of them. Does not belong here: anything about one.
"""

from importlib import import_module
from typing import Any

from pydantic.fields import FieldInfo

from steam_assets.sources.host import Host
from steam_assets.sources.source import Source

REGISTERED = (
    "most_played",
    "top_sellers",
    "news",
    "reviews",
    "monthly_visits",
)
"""A source's name is its module's, which has the declaration as ``SOURCE``."""

SOURCES: tuple[Source, ...] = tuple(import_module(f"{__name__}.{name}").SOURCE for name in REGISTERED)

HOSTS: tuple[Host, ...] = tuple(dict.fromkeys(host for source in SOURCES for host in source.hosts))
"""The hosts of all sources, each once."""


class UnknownSource(LookupError):
    """A name that no source has."""


def source_named(name: str) -> Source:
    """The source of that name. UnknownSource that lists the names there are."""
    for source in SOURCES:
        if source.name == name:
            return source
    raise UnknownSource(f"no source is named {name!r}; there are {', '.join(source.name for source in SOURCES)}")


def declared_settings() -> dict[str, tuple[Any, FieldInfo]]:
    """The settings that hosts and sources declare, by name: type and pydantic field.

    ValueError if two have the same name.
    """
    found: dict[str, tuple[Any, FieldInfo]] = {}
    for declaration in (*HOSTS, *SOURCES):
        own = declaration.settings()
        if twice := sorted(found.keys() & own.keys()):
            raise ValueError(f"{declaration.name} declares {', '.join(twice)} again; rename the host or the option")
        found |= own
    return found
