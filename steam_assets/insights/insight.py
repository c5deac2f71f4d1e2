"""The declaration of an insight, used by the assets, the exports and the dashboard.

Belongs here: the frozen dataclasses that each insight's file fills in, and which partitions a changed input affects.
Does not belong here: single insights (one file each), Iceberg (table.py), Dagster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from steam_assets.lake.table_names import INSIGHT
from steam_assets.sources.cadence import Cadence, Window
from steam_assets.sources.source import Column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ALL = "all"
"""The one partition key of an insight without a cadence."""

PARTITION_KEY = Column(
    "partition_key", "string", "First day of the period (UTC) this row belongs to.", "YYYY-MM-DD", nullable=False
)

Compute: TypeAlias = "Callable[[Mapping[str, DataFrame], Sequence[str]], DataFrame]"


@dataclass(frozen=True)
class Input:
    """A clean table that an insight reads, from ``days_before`` its period's first day to ``days_after`` its last."""

    table: str
    days_before: int = 0
    days_after: int = 0

    def span(self, period: Window) -> Window:
        """The time span of input rows that can affect a period."""
        return Window(period.start - timedelta(days=self.days_before), period.end + timedelta(days=self.days_after))


@dataclass(frozen=True)
class Insight:
    """A table for analysis, computed from clean tables.

    ``compute(inputs, keys)`` is pure: from whole or pruned clean tables by name it computes the rows of the partitions
    ``keys``, with ``columns`` and ``partition_key``; a row is the same whether its partition is computed alone or
    within a range. ``None`` means that the rows come from the ledger, not from tables (freshness.py). From small
    tables, a query of the insight's name computes the same rows (chart_queries.py, store_queries.py).
    ``cadence`` is None for an insight without partitions. ``key`` is the natural key within a partition. ``method``
    is the formula with its source, ``limitations`` states the limitations. ``plot`` is a SQL aggregate over a
    partition's rows, drawn over partitions as a line, and ``plot_title`` says what it is;
    ``order`` are SQL expressions by which a preview is sorted, by default the key. ``measures`` is the input whose
    numbers it has, by default the first.
    """

    name: str
    title: str
    cadence: Cadence | None
    inputs: tuple[Input, ...]
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    method: str
    limitations: str
    compute: Compute | None = None
    plot: str = "count(*)"
    plot_title: str = "rows per partition"
    order: tuple[str, ...] = ()
    measures: str = ""

    @property
    def measured(self) -> str:
        """The table of the input whose numbers the insight has; for one with inputs."""
        return self.measures or self.inputs[0].table

    @property
    def table(self) -> str:
        """Name of its Iceberg table."""
        return f"{INSIGHT}{self.name}"

    @property
    def schema(self) -> tuple[Column, ...]:
        """The columns of its Iceberg table."""
        return (*self.columns, PARTITION_KEY)

    @property
    def description(self) -> str:
        return f"{self.title}.\n\nMethod: {self.method}\n\nLimitations: {self.limitations}"

    def reads(self, table: str, keys: Sequence[str]) -> tuple[str, str] | None:
        """Of an input, the first partition key that can affect ``keys``, and the first after it that cannot.

        None means that all can.
        """
        if self.cadence is None:
            return None
        source = next(i for i in self.inputs if i.table == table)
        first, last = (source.span(self.cadence.window(key)) for key in (min(keys), max(keys)))
        return f"{first.start:%Y-%m-%d}", f"{last.end:%Y-%m-%d}"

    def touched(self, table: str, changed: Window, until: datetime) -> Iterator[str]:
        """Keys of the partitions whose rows may change after ``table`` changed in the window ``changed``.

        Oldest first; none that start at ``until`` (aware, UTC) or later.
        """
        source = next((i for i in self.inputs if i.table == table), None)
        if source is None:
            return
        if self.cadence is None:
            yield ALL
            return
        period = self.cadence.containing(changed.start - timedelta(days=source.days_after))
        last = changed.end + timedelta(days=source.days_before)
        while period.start < min(last, until):
            span = source.span(period)
            if span.start < changed.end and changed.start < span.end:
                yield period.key
            period = self.cadence.containing(period.end)
