"""The registry of sources: a line each. Everything else asks here and never for a source by its module.

Belongs here: which sources there are. Does not belong here: anything about one of them.
"""

from steam_assets.sources import monthly_visits, most_played, news, reviews, top_sellers
from steam_assets.sources.source import Source

SOURCES: tuple[Source, ...] = (
    most_played.SOURCE,
    top_sellers.SOURCE,
    news.SOURCE,
    reviews.SOURCE,
    monthly_visits.SOURCE,
)


class UnknownSource(LookupError):
    """A name that no source has."""


def source_named(name: str) -> Source:
    """The source of that name. UnknownSource that lists the names there are."""
    for source in SOURCES:
        if source.name == name:
            return source
    raise UnknownSource(f"no source is named {name!r}; there are {', '.join(source.name for source in SOURCES)}")
