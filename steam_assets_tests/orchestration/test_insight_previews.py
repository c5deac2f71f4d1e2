"""What the Dagster UI shows of each insight: rows in its order, and its number over partitions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from steam_assets.insights import INSIGHTS, insight_named
from steam_assets.insights.insight import Insight
from steam_assets.lake.columns import arrow_fields
from steam_assets.orchestration.insight_previews import previews_of
from steam_assets.orchestration.previews import SHOWN_ROWS

NEWEST = "2026-11-17"
PARTITIONS = ("2026-11-03", "2026-11-10", NEWEST)


def made_up(insight: Insight, rows: int) -> pa.Table:
    """A number of rows per partition that count up; in the newest partition, every second value is null."""
    fields = [field.with_nullable(True) for field in arrow_fields(insight.schema)]
    return pa.Table.from_pylist(
        [
            {field.name: None if key == NEWEST and number % 2 else _value(field.type, number) for field in fields}
            | {"partition_key": key}
            for key in PARTITIONS
            for number in range(rows)
        ],
        schema=pa.schema(fields),
    )


def _value(kind: pa.DataType, number: int) -> object:
    if pa.types.is_list(kind):
        return []
    if pa.types.is_boolean(kind):
        return number % 2 == 0
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return f"text {number}"
    moment = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=number)
    if pa.types.is_date(kind):
        return moment.date()
    return moment if pa.types.is_timestamp(kind) else number


def shown(name: str, rows: pa.Table) -> dict[str, Any]:
    return {key: value.value for key, value in previews_of(insight_named(name), rows, NEWEST).items()}


@pytest.mark.parametrize("insight", INSIGHTS, ids=lambda insight: insight.name)
def test_every_insight_shows_rows_and_if_it_has_partitions_a_plot(insight: Insight) -> None:
    values = shown(insight.name, made_up(insight, SHOWN_ROWS + 5))
    assert len(values["preview"].records) == SHOWN_ROWS
    assert ("plot" in values) == (insight.cadence is not None)


def test_the_plot_ends_with_the_newest_partition() -> None:
    rows = made_up(insight_named("market_day"), 3)
    plotted = shown("market_day", rows)["plot"]
    assert f"3 on {PARTITIONS[0]}" in plotted and f"2 on {NEWEST}, 3 partitions" in plotted


def test_the_largest_come_first_where_that_is_the_order_and_missing_values_last() -> None:
    records = shown("review_languages", made_up(insight_named("review_languages"), 4))["preview"].records
    assert [record.data["reviews"] for record in records] == [2, 0, "", ""]


def test_an_empty_partition_has_no_rows_and_is_not_plotted() -> None:
    insight = insight_named("market_day")
    rows = made_up(insight, 1)
    values = shown("market_day", rows.filter(pc.field("partition_key") != NEWEST))
    assert values["preview"] == "No rows."
    assert "2 partitions" in values["plot"]
