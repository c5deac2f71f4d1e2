"""The catalogue of insights in words: docs/insights.md is this text.

Belongs here: how a declaration reads as Markdown. Does not belong here: anything about one insight.

``python -m steam_assets.insights.catalogue > docs/insights.md`` writes it; a test compares both.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from steam_assets.insights import INSIGHTS
from steam_assets.insights.insight import Insight
from steam_assets.lake.columns import column_comment

INTRODUCTION = """# Insights

What people look at, computed by Spark from the clean tables. Each is an asset `insights/NAME` and an Iceberg table
`steam.insight_NAME`, partitioned like the source that drives it. A run replaces whole partitions in one commit, after
an audit: no natural key twice, no row of another partition. A row is the same whether its partition is computed alone
or within a range. Every number is checked against a second engine (DuckDB, with SQL of its own) in the tests.

All days are UTC. Weeks begin on Tuesday, as Steam's own top-seller week does. Lookbacks are bounded and stated, so the
work of a partition does not grow with history. A period that was not collected is a gap: nothing is filled in, nothing
is dropped, and comparisons name what they compare to.

When a clean partition changes, `Insight.touched` tells which partitions of an insight may differ: those that look back
at it, or, for update effects, ahead.

## Exports

Every clean and insight table is exported by partition as `TABLE/KEY.csv` and `TABLE/KEY.parquet`, each replaced whole.
Parquet holds the rows as they are. CSV is RFC 4180 in UTF-8 (commas, CRLF, texts in quotes, no byte-order mark):

- an empty field is null, `""` is an empty text;
- numbers are never altered: -5 stays -5; days are `YYYY-MM-DD`, moments `YYYY-MM-DDTHH:MM:SS.ffffffZ`, arrays JSON;
- a text that a spreadsheet may take for a formula (it begins with `=`, `+`, `-`, `@`, their full-width forms, a tab, a
  line break or NUL, be it behind blanks or unseen marks) gets a `'` in front, and so does a text that begins with `'`.

The way back: drop one leading `'` from every text. `steam_assets.visuals.exports.read_csv_export` does it and gives the
very rows of the table. Open the files with the comma as separator: a spreadsheet that splits at semicolons also splits
inside of texts, and no mark in the file can prevent that.
"""


def markdown() -> str:
    """The whole catalogue."""
    return INTRODUCTION + "".join(f"\n{section}" for insight in INSIGHTS for section in _sections(insight))


def _sections(insight: Insight) -> Iterator[str]:
    yield f"## {insight.title}\n"
    cadence = f"{insight.cadence.value} partitions" if insight.cadence else "no partitions"
    inputs = ", ".join(f"`{needed.table}`{_span(needed.days_before, needed.days_after)}" for needed in insight.inputs)
    key = ", ".join(f"`{name}`" for name in insight.key)
    yield f"`insights/{insight.name}`, {cadence}; key {key}; from {inputs}.\n"
    yield f"**Method.** {_plain(insight.method)}\n"
    yield f"**What it does not say.** {_plain(insight.error)}\n"
    yield "| column | type | what it is |\n| --- | --- | --- |\n" + "".join(
        f"| `{c.name}` | {c.type} | {_plain(column_comment(c))} |\n" for c in insight.columns
    )


def _span(before: int, after: int) -> str:
    parts = [f"{days} days {side}" for days, side in ((before, "before"), (after, "after")) if days]
    return f" ({' and '.join(parts)} the period)" if parts else ""


def _plain(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(markdown())
