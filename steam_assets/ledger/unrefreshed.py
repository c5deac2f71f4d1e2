"""Which committed clean partitions are not yet in the insights.

Belongs here: reading the marker that a refresh sets, comparing it with the ledger. Does not belong here: setting the
marker (insights/refresh_marker.py), reporting it (commands/, visuals/).

The marker is a property of the freshness insight's table, which is stored with the other insights: the cursor of
``commits.py`` at the start of the refresh, and the earlier partitions that the refresh did not process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from steam_assets.ledger.commits import CURSOR, commits_since
from steam_assets.ledger.records import Ledger
from steam_assets.sources import SOURCES
from steam_assets.sources.source import Source, Table

MARKED_TABLE = "insight_freshness"
PROPERTY = "steam.refreshed"

Partitions = dict[str, list[str]]
"""Partition keys by clean table, oldest first."""


class Mark(BaseModel):
    """``cursor``: the commits when the newest refresh began; ``left``: those not yet processed by any refresh.

    ``unshown``: those that insights include, but perhaps not yet the dashboard, the exports and the Tableau extract.
    """

    cursor: str | None = None
    left: Partitions = {}
    unshown: Partitions = {}


def behind(lake: Ledger, sources: Sequence[Source] = SOURCES) -> Partitions:
    """The committed clean partitions that no refresh has processed yet; empty if the insights are up to date."""
    mark = mark_of(lake)
    known = CURSOR.validate_json(mark.cursor) if mark.cursor else None
    return merged(mark.left, commits_since(lake, clean_tables(sources), known).changed)


def unfinished(lake: Ledger) -> Partitions:
    """The partitions that a refresh has to process: those of ``behind``, and those that one left unshown."""
    return merged(behind(lake), mark_of(lake).unshown)


def mark_of(lake: Ledger) -> Mark:
    """The mark of the newest refresh; an empty one before the first."""
    text = lake.properties("clean", MARKED_TABLE).get(PROPERTY)
    return Mark.model_validate_json(text) if text else Mark()


def clean_tables(sources: Sequence[Source]) -> list[Table]:
    return [table for source in sources for table in source.tables]


def in_words(partitions: Mapping[str, Sequence[str]]) -> str:
    """Each table with its partition, or with the number and range of its partitions."""
    parts = list[str]()
    for table, keys in partitions.items():
        which = keys[0] if len(keys) == 1 else f"({len(keys)} partitions, {keys[0]} to {keys[-1]})"
        parts.append(f"{table} {which}")
    return "; ".join(parts)


def merged(one: Mapping[str, Sequence[str]], other: Mapping[str, Sequence[str]]) -> Partitions:
    return {table: sorted({*one.get(table, ()), *other.get(table, ())}) for table in sorted({*one, *other})}
