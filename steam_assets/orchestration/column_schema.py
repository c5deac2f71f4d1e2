"""Column schemas of tables, as the Dagster UI shows them and ``column_schema_change`` compares them.

Belongs here: their format. Does not belong here: lineage (shown_lineage.py), other checks (table_checks.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from steam_assets.lake.columns import column_comment
from steam_assets.sources.source import Column

KEY = "dagster/column_schema"


def with_schema(
    shown: Mapping[str, Mapping[str, dg.MetadataValue]], columns: Sequence[Column]
) -> dict[str, dict[str, dg.MetadataValue]]:
    """Metadata by partition with the schema: names and types, which are compared; in full for the newest partition."""
    short = dg.TableSchema([dg.TableColumn(column.name, column.type) for column in columns])
    newest = max(shown)
    return {
        key: {**entries, KEY: dg.MetadataValue.table_schema(column_schema(columns) if key == newest else short)}
        for key, entries in shown.items()
    }


def column_schema(columns: Iterable[Column]) -> dg.TableSchema:
    """A table's columns for the Dagster UI: type, meaning with unit, and nullability."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.type,
                description=column_comment(column),
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
            )
            for column in columns
        ]
    )
