"""Which committed clean partitions the insights do not have yet, whoever committed them.

Belongs here: the mark that a refresh leaves, and the comparison with the ledger. Does not belong here: computing
(orchestration/refresh.py), saying so (commands/, visuals/).

The mark is a property of the freshness insight's table, which lies with the other insights, wherever that is: the
cursor of commits.py at the start of the refresh, and the partitions before it that the refresh did not make.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from steam_assets.insights.commits import Commits, commits_since
from steam_assets.insights.freshness import INSIGHT as FRESHNESS
from steam_assets.insights.table import insight_table
from steam_assets.lake.iceberg_table import decided_anew
from steam_assets.lake.lake import Lake
from steam_assets.sources import SOURCES
from steam_assets.sources.source import Source

PROPERTY = "steam.refreshed"

Partitions = dict[str, list[str]]
"""Partition keys by clean table, oldest first."""


class Mark(BaseModel):
    """``cursor``: what was committed when the newest refresh began; ``left``: what of it no refresh has made."""

    cursor: str | None = None
    left: Partitions = {}


def behind(lake: Lake, sources: Sequence[Source] = SOURCES) -> Partitions:
    """The clean partitions that were committed and that no refresh has made insights of; empty if all are in."""
    mark = _mark(lake)
    return _merged(mark.left, _commits(lake, sources, mark.cursor).changed)


def in_words(partitions: Mapping[str, Sequence[str]]) -> str:
    """Each table with its one partition, or how many from which to which."""
    parts = []
    for table, keys in partitions.items():
        which = keys[0] if len(keys) == 1 else f"{len(keys)} partitions, {keys[0]} to {keys[-1]}"
        parts.append(f"{table} {which}")
    return "; ".join(parts)


class Refreshing:
    """A refresh of ``sources``, begun now: ``made`` marks the partitions whose insights are in place."""

    def __init__(self, lake: Lake, sources: Sequence[Source]) -> None:
        self._lake, self._now = lake, _commits(lake, sources, None)
        self.behind = behind(lake, sources)

    @property
    def all(self) -> Partitions:
        """Every partition there is."""
        return {table: list(keys) for table, keys in self._now.changed.items()}

    def made(self, changed: Mapping[str, Sequence[str]]) -> None:
        left = {
            table: [key for key in keys if key not in changed.get(table, ())] for table, keys in self.behind.items()
        }
        mark = Mark(cursor=self._now.cursor, left={table: keys for table, keys in left.items() if keys})
        table = insight_table(self._lake, FRESHNESS)
        if table.load():
            decided_anew(lambda: table.commit({}, properties={PROPERTY: mark}))


def _mark(lake: Lake) -> Mark:
    return insight_table(lake, FRESHNESS).property(PROPERTY, Mark) or Mark()


def _commits(lake: Lake, sources: Sequence[Source], cursor: str | None) -> Commits:
    return commits_since(lake, [table for source in sources for table in source.tables], cursor)


def _merged(one: Mapping[str, Sequence[str]], other: Mapping[str, Sequence[str]]) -> Partitions:
    return {table: sorted({*one.get(table, ()), *other.get(table, ())}) for table in sorted({*one, *other})}
