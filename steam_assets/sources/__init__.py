"""The registry of sources, one line each. Other packages look sources up here and never import a source's module.

Belongs here: the list of sources, and what is derived from all of them. Does not belong here: anything about one.
"""

from importlib import import_module

from steam_assets.sources.host import Host
from steam_assets.sources.source import Source

REGISTERED = (
    "most_played",
    "top_sellers",
    "country_sellers",
    "store_facts",
    "player_samples",
    "news",
    "reviews",
    "monthly_visits",
)
"""A source's name is that of its module, which declares it as ``SOURCE``."""

SOURCES: tuple[Source, ...] = tuple(import_module(f"{__name__}.{name}").SOURCE for name in REGISTERED)

HOSTS: tuple[Host, ...] = tuple(dict.fromkeys(host for source in SOURCES for host in source.hosts))
"""The hosts of all sources, without duplicates."""


class UnknownSource(LookupError):
    """No source has that name."""


def source_named(name: str) -> Source:
    """The source with that name. Raises UnknownSource, which lists the existing names."""
    for source in SOURCES:
        if source.name == name:
            return source
    raise UnknownSource(f"no source is named {name!r}; there are {', '.join(source.name for source in SOURCES)}")


def declared_settings() -> dict[str, tuple[object, object]]:
    """The settings declared by hosts and sources, by name: type and pydantic field.

    Raises ValueError if two have the same name.
    """
    found: dict[str, tuple[object, object]] = {}
    for declaration in (*HOSTS, *SOURCES):
        own = declaration.settings()
        if twice := sorted(found.keys() & own.keys()):
            raise ValueError(f"{declaration.name} declares {', '.join(twice)} again; rename the host or the option")
        found |= own
    return found
