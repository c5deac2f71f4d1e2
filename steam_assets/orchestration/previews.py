"""Previews and plots of what was materialized, as Markdown for the Dagster UI.

Belongs here: the form of a preview. Does not belong here: which rows to show (the assets choose).

All text comes from the web. Each cell is a code span, in which Markdown renders no links, images or HTML; characters
that would end the span or the cell are replaced by look-alikes. An image is an SVG built from numbers only.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from html import escape

import dagster as dg
from pyspark.sql import DataFrame

from steam_assets.insights.table import PLOTTED_PARTITIONS
from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.masking import visible

SHOWN_ROWS, SHOWN_COLUMNS, SHOWN_CHARACTERS = 10, 14, 60
LOOK_ALIKE = str.maketrans({"`": "ˋ", "|": "¦", "\\": "∖"} | dict.fromkeys("\n\t", "\N{REPLACEMENT CHARACTER}"))
WIDTH, HEIGHT, MARGIN = 320, 60, 4


def preview(rows: Sequence[Mapping[str, object]], columns: Sequence[str] = ()) -> dg.MarkdownMetadataValue:
    """The first rows as a Markdown table; ``columns`` selects and orders the columns, by default the first row's."""
    if not rows:
        return dg.MetadataValue.md("No rows.")
    names = list(columns or rows[0])[:SHOWN_COLUMNS]
    lines = [_line(names), "|" + " --- |" * len(names)]
    lines += [_line([_shown(row.get(name)) for name in names]) for row in rows[:SHOWN_ROWS]]
    return dg.MetadataValue.md("\n".join(lines))


def frame_preview(frame: DataFrame, columns: Sequence[str] = ()) -> dg.MarkdownMetadataValue:
    """The same for a DataFrame; only the rows shown leave Spark."""
    return preview([row.asDict() for row in frame.limit(SHOWN_ROWS).collect()], columns or frame.columns)


def clean_previews(target: IcebergTable, keys: Sequence[str]) -> dict[str, dg.MarkdownMetadataValue]:
    """Metadata of a clean table after a commit: rows of the newest of ``keys``, and a sparkline of rows per partition.

    The sparkline comes from the table's metadata; only the first rows of one partition are read.
    """
    rows = sorted(target.partition_rows().items())[-PLOTTED_PARTITIONS:]
    first_rows = target.first_rows(max(keys), SHOWN_ROWS)
    shown = preview(first_rows, [column.name for column in target.columns])
    return {"preview": shown, "plot": sparkline([(key, float(count)) for key, count in rows], "rows per partition")}


def sparkline(points: Sequence[tuple[str, float]], title: str) -> dg.MarkdownMetadataValue:
    """A line through (partition key, value), oldest first, as a Markdown image; first and last value as alt text."""
    known = [(key, value) for key, value in points if math.isfinite(value)]
    if not known:
        return dg.MetadataValue.md("Nothing to plot.")
    (first, start), (last, end) = known[0], known[-1]
    words = f"{title}: {_shown(start)} on {first}, {_shown(end)} on {last}, {len(known)} partitions"
    image = base64.b64encode(_svg([value for _, value in known], words).encode()).decode()
    return dg.MetadataValue.md(f"![{_alternative(words)}](data:image/svg+xml;base64,{image})\n\n{_alternative(words)}")


def _svg(values: Sequence[float], words: str) -> str:
    low, high = min(values), max(values)
    step = (WIDTH - 2 * MARGIN) / max(len(values) - 1, 1)
    # A constant series is drawn in the middle.
    heights = [(value - low) / (high - low) if high > low else 0.5 for value in values]
    places = [(MARGIN + step * i, HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * h) for i, h in enumerate(heights)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    x, y = places[-1]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" role="img">'
        f"<title>{escape(words)}</title>"
        f'<polyline points="{path}" fill="none" stroke="#4f7cff" stroke-width="2" stroke-linejoin="round"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#4f7cff"/></svg>'
    )


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(f"`{_safe(cell)}`" if cell else " " for cell in cells) + " |"


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case date():
            return value.isoformat()
        case _:
            return str(value)


def _safe(text: str) -> str:
    cut = text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
    return visible(cut).translate(LOOK_ALIKE).strip() or "\N{OPEN BOX}"


def _alternative(words: str) -> str:
    return "".join(c if c.isalnum() or c in " .,:%'-" else " " for c in words)
