"""Previews of materialized tables for the Dagster UI.

Belongs here: a preview's format. Does not belong here: choosing rows (the assets do), plots (plots.py).

All text comes from the web. The Dagster UI shows a table's cells as text, never as markup; control characters are
replaced here, long texts are cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import dagster as dg

from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.masking import visible
from steam_assets.orchestration.plots import plot, shown_number

SHOWN_ROWS, SHOWN_COLUMNS, SHOWN_CHARACTERS = 10, 14, 60
PLOTTED_PARTITIONS = 60


def preview(rows: Sequence[Mapping[str, object]], columns: Sequence[str] = ()) -> dg.MetadataValue:
    """The first rows as a table; ``columns`` selects and orders the columns, by default the first row's."""
    if not rows:
        return dg.MetadataValue.text("No rows.")
    names = list(columns or rows[0])[:SHOWN_COLUMNS]
    records = [dg.TableRecord({name: _cell(row.get(name)) for name in names}) for row in rows[:SHOWN_ROWS]]
    numbers = {name for name in names if all(isinstance(record.data[name], int) for record in records)}
    schema = dg.TableSchema([dg.TableColumn(name, "int" if name in numbers else "string") for name in names])
    return dg.MetadataValue.table(records, schema)


def clean_previews(target: IcebergTable, keys: Sequence[str]) -> dict[str, dg.MetadataValue]:
    """Metadata of a clean table after a commit: rows of the newest of ``keys``, and a plot of rows per partition.

    The plot comes from the table's metadata; only the first rows of one partition are read.
    """
    rows = sorted(target.partition_rows().items())[-PLOTTED_PARTITIONS:]
    first_rows = target.first_rows(max(keys), SHOWN_ROWS)
    shown = preview(first_rows, [column.name for column in target.columns])
    return {"preview": shown, "plot": plot([(key, float(count)) for key, count in rows], "rows per partition")}


def _cell(value: object) -> str | int:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return value
        case float():
            return shown_number(value)
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case date():
            return value.isoformat()
        case _:
            return _safe(str(value))


def _safe(text: str) -> str:
    cut = text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
    return " ".join(visible(cut).split())
