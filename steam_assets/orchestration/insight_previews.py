"""What the Dagster UI shows of an insight's rows: the first of its newest partition, and a plot over partitions.

Belongs here: choosing the rows and computing the plot, by DuckDB. Does not belong here: drawing them (previews.py,
plots.py).
"""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from steam_assets.duckdb_connection import open_connection
from steam_assets.insights.insight import Insight
from steam_assets.insights.table import insight_table
from steam_assets.lake.lake import Lake
from steam_assets.orchestration.plots import plot
from steam_assets.orchestration.previews import PLOTTED_PARTITIONS, SHOWN_ROWS, preview


def insight_previews(lake: Lake, insight: Insight, newest: str) -> Mapping[str, dg.MetadataValue]:
    """Metadata: rows of the partition ``newest``, and the plot of the partitions up to it if the insight has any."""
    table = insight_table(lake, insight)
    keys = sorted(key for key in table.partition_rows() if key <= newest)[-PLOTTED_PARTITIONS:]
    rows = table.arrow(keys or [newest])
    return {} if rows is None else previews_of(insight, rows, newest)


def previews_of(insight: Insight, rows: pa.Table, newest: str) -> dict[str, dg.MetadataValue]:
    """The same from the rows of these partitions."""
    with open_connection() as duck:
        of_newest = duck.from_arrow(rows.filter(pc.field("partition_key") == newest))
        first = of_newest.order(", ".join(insight.order or insight.key)).limit(SHOWN_ROWS)
        shown = {"preview": preview(first.to_arrow_table().to_pylist(), [column.name for column in insight.columns])}
        if insight.cadence:
            points = duck.from_arrow(rows).aggregate(f"partition_key, ({insight.plot})::double as value")
            known = points.filter("value is not null").order("partition_key")
            shown["plot"] = plot(known.fetchall(), insight.plot_title)
    return shown
