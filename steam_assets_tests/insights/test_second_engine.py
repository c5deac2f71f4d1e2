"""Every insight compared row by row, as computed by Spark for large inputs and by DuckDB for small ones."""

from __future__ import annotations

import math

import pytest

from steam_assets.insights import INSIGHTS, insight_named
from steam_assets.insights.small_inputs import QUERIES
from steam_assets_tests.insights.synthetic_market import keys_of
from steam_assets_tests.insights.two_engines import TwoEngines
from steam_assets_tests.nightly import rest_nightly

pytestmark = pytest.mark.spark

DRIVEN_BY = {
    "player_trend": "most_played",
    "market_day": "most_played",
    "top_seller_moves": "top_sellers",
    "price_split": "top_sellers",
    "review_scores": "review_summary",
    "sentiment": "review_summary",
    "review_bombs": "review_summary",
    "review_languages": "reviews",
    "news_markers": "news",
    "update_effect": "news",
    "traffic_vs_players": "visits",
    "regional_hits": "country_sellers",
    "country_similarity": "country_sellers",
    "price_history": "store_prices",
    "sale_effect": "most_played",
    "market_share": "top_sellers",
    "launches": "most_played",
    "player_hours": "player_samples",
    "player_days": "player_samples",
    "update_hours": "news",
}


def test_every_computed_insight_is_checked():
    """Each insight computed by Spark has its query."""
    assert {i.name for i in INSIGHTS if i.compute} == set(QUERIES) == set(DRIVEN_BY)


@pytest.mark.parametrize("name", QUERIES)
@pytest.mark.nightly
def test_duckdb_gets_the_same_rows(engines: TwoEngines, name: str):
    """Both engines agree on every value of every row in every partition."""
    _compare(engines, name)


@pytest.mark.parametrize("name", QUERIES)
def test_duckdb_gets_the_same_rows_of_odd_tables(odd_engines: TwoEngines, name: str):
    """The same with items listed twice, zeros, missing values, gaps, and more history than insights look back at."""
    _compare(odd_engines, name)


def _compare(engines: TwoEngines, name: str) -> None:
    keys = keys_of(engines.inputs, DRIVEN_BY[name])
    expected = engines.duckdb(name, keys)
    got = engines.spark(name, keys)

    assert len(expected) >= 2
    assert [row["partition_key"] for row in got] == [row["partition_key"] for row in expected]
    for mine, theirs in zip(got, expected, strict=True):
        differing = {c: (value, theirs[c]) for c, value in mine.items() if not _same(value, theirs[c])}
        assert not differing, mine


def _same(mine: object, theirs: object) -> bool:
    if isinstance(mine, float) and isinstance(theirs, float | int):
        return math.isclose(mine, theirs, rel_tol=1e-9, abs_tol=1e-12)
    return mine == theirs


@pytest.mark.parametrize(
    "name",
    rest_nightly(
        [
            "player_trend",
            "update_effect",
            "market_day",
            "top_seller_moves",
            "review_bombs",
            "sale_effect",
            "player_days",
        ],
        kept=1,
    ),
)
def test_a_partition_alone_is_as_in_a_range(engines: TwoEngines, name: str):
    """A row does not depend on the other partitions computed in the same run."""
    keys = keys_of(engines.inputs, DRIVEN_BY[name])
    one = keys[-2]
    assert engines.spark(name, [one]) == [row for row in engines.spark(name, keys) if row["partition_key"] == one]


def test_columns_are_as_declared(engines: TwoEngines):
    """Computed types fit the declaration without loss, and required columns are never null."""
    for name, table in DRIVEN_BY.items():
        insight = insight_named(name)
        assert insight.compute is not None
        frame = insight.compute(engines.inputs, keys_of(engines.inputs, table)[-1:])
        declared = {column.name: column.type for column in insight.schema}
        assert {field: kind for field, kind in frame.dtypes if field in declared} == declared, name
