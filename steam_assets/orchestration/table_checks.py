"""Checks shared by clean tables and insights, based on file metadata: no row is read.

Belongs here: rules derived from a table's declaration and its earlier partitions. Does not belong here: counts of
fetched and cleaned items (checks.py).

``column_rules_hold`` is an error: rows are wrong. ``row_count_in_bounds`` and Dagster's own ``column_schema_change``
are warnings: the market may have moved, a new version may have added a column. So the health of an asset in the Dagster
UI is *degraded* only for data that should not be used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg

from steam_assets.lake.column_rules import broken_columns
from steam_assets.lake.iceberg_table import IcebergTable

RULES, COUNT = "column_rules_hold", "row_count_in_bounds"
COMPARED, ENOUGH = 8, 4
"""The maximum number of earlier partitions to compare with, and the minimum for comparing at all."""
FACTOR = 2


def table_check_specs(key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(
            RULES, asset=key, description="Required columns have no nulls, and numbers are within their bounds."
        ),
        dg.AssetCheckSpec(
            COUNT,
            asset=key,
            description=f"A partition has at least 1/{FACTOR} of the fewest rows of the {COMPARED} before it, and at "
            f"most {FACTOR} times the most.",
        ),
    ]


def table_check_results(table: IcebergTable, key: dg.AssetKey, partitions: Sequence[str]) -> list[dg.AssetCheckResult]:
    """The results for partitions that were just committed. Raises DamagedData."""
    found = {
        RULES: (broken_columns(table, partitions), dg.AssetCheckSeverity.ERROR),
        COUNT: (unusual_counts(table.partition_rows(), partitions), dg.AssetCheckSeverity.WARN),
    }
    return [
        dg.AssetCheckResult(
            asset_key=key,
            check_name=name,
            passed=not failing,
            severity=severity,
            metadata={"failing_partitions": dg.MetadataValue.json(failing)},
        )
        for name, (failing, severity) in found.items()
    ]


def unusual_counts(rows: Mapping[str, int], partitions: Sequence[str]) -> dict[str, str]:
    """Why a partition's row count is unusual, by key. ``rows`` are those of all partitions with rows."""
    found: dict[str, str] = {}
    for key in partitions:
        before = [rows[earlier] for earlier in sorted(rows) if earlier < key][-COMPARED:]
        count = rows.get(key, 0)
        if len(before) >= ENOUGH and not min(before) / FACTOR <= count <= max(before) * FACTOR:
            found[key] = f"{count} rows; the {len(before)} partitions before it have {min(before)} to {max(before)}"
    return found
