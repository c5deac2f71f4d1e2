"""The marker of a refresh: which committed clean partitions the insights include.

Belongs here: writing it. Does not belong here: reading it (ledger/unrefreshed.py), computing (orchestration/).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from steam_assets.insights.freshness import INSIGHT as FRESHNESS
from steam_assets.insights.table import insight_table
from steam_assets.lake.iceberg_table import retry_on_contention
from steam_assets.lake.lake import Lake
from steam_assets.ledger.commits import commits_since
from steam_assets.ledger.unrefreshed import PROPERTY, Mark, Partitions, behind, clean_tables, mark_of, merged
from steam_assets.sources.source import Source


class Refreshing:
    """A refresh of ``sources`` that starts now: ``made`` marks the partitions whose insights are committed.

    Until ``finished`` is called for them, too, the refresh counts as unfinished.
    """

    def __init__(self, lake: Lake, sources: Sequence[Source]) -> None:
        self.lake, self.sources = lake, sources
        self._now = commits_since(lake, clean_tables(sources), None)
        self.behind = behind(lake, sources)

    @property
    def all(self) -> Partitions:
        """All existing partitions."""
        return {table: list(keys) for table, keys in self._now.changed.items()}

    def made(self, changed: Mapping[str, Sequence[str]]) -> None:
        unshown = merged(mark_of(self.lake).unshown, changed)
        _put(self.lake, Mark(cursor=self._now.cursor, left=_without(self.behind, changed), unshown=unshown))


def finished(lake: Lake, changed: Mapping[str, Sequence[str]]) -> None:
    """Mark these partitions as included in all visuals."""
    mark = mark_of(lake)
    _put(lake, mark.model_copy(update={"unshown": _without(mark.unshown, changed)}))


def _without(partitions: Partitions, others: Mapping[str, Sequence[str]]) -> Partitions:
    left = {table: [key for key in keys if key not in others.get(table, ())] for table, keys in partitions.items()}
    return {table: keys for table, keys in left.items() if keys}


def _put(lake: Lake, mark: Mark) -> None:
    table = insight_table(lake, FRESHNESS)
    if table.load():
        retry_on_contention(lambda: table.commit({}, properties={PROPERTY: mark}))
