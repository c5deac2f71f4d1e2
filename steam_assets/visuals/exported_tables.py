"""Which tables are exported.

Belongs here: their names. Does not belong here: writing them (exports.py).
"""

from __future__ import annotations

from collections.abc import Iterable

from steam_assets.insights import INSIGHTS
from steam_assets.sources.source import Source


def exported_tables(sources: Iterable[Source]) -> list[str]:
    """The names of all clean and insight tables."""
    return [table.name for source in sources for table in source.tables] + [insight.table for insight in INSIGHTS]
