"""Column lineage from Spark's plan, for every shape of query, every insight and every clean table."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from steam_assets.insights import INSIGHTS
from steam_assets.insights.insight import Insight
from steam_assets.insights.lineage import declared_lineage, planned_lineage
from steam_assets.insights.table import struct_of
from steam_assets.lake.columns import ENVELOPE, ORIGIN
from steam_assets.sources import SOURCES
from steam_assets.sources.source import Source, Table
from steam_assets.spark.cleaning import classify
from steam_assets.spark.column_lineage import column_lineage

pytestmark = pytest.mark.spark
TABLES = {table.name: table for source in SOURCES for table in source.tables}
QUERIES = {
    "select a as x, a + b as y, 1 as z from s": {"x": "s.a", "y": "s.a s.b", "z": ""},
    "select a, sum(b) as total, count(*) as n from s where c > 1 group by a": {"a": "s.a", "total": "s.b", "n": ""},
    "select s.a, t.d from s join t on s.a = t.a": {"a": "s.a", "d": "t.d"},
    "select l.b, r.b as other from s l join s r on l.a = r.c": {"b": "s.b", "other": "s.b"},
    "select s.b from s left semi join t on s.a = t.a": {"b": "s.b"},
    "select a as x from s union all select d from t": {"x": "s.a t.d"},
    "select lag(b) over (partition by a order by c) as before from s": {"before": "s.b"},
    "select row_number() over (partition by a order by c) as place from s": {"place": "s.a s.c"},
    "select if(a > 0, b, c) as chosen from s": {"chosen": "s.a s.b s.c"},
    "select case when a > 0 then b else c end as chosen from s": {"chosen": "s.a s.b s.c"},
    "select p.y from (select struct(a as x, b as y) as p from s)": {"y": "s.b"},
    "select inline(array(struct(a as x, 1 as y), struct(b as x, c as y))) from s": {"x": "s.a s.b", "y": "s.c"},
    "select inline(if(c > 0, array(struct(a as x, b as y)), array(struct(b as x, a as y)))) from s": {
        "x": "s.a s.b",
        "y": "s.a s.b",
    },
    "select explode(array(a, b)) as each from s": {"each": "s.a s.b"},
    "select a from (select a, b from s where b > 0 order by c limit 3)": {"a": "s.a"},
    "select u from (select a as u from unknown)": {"u": ""},
}


@pytest.fixture(scope="module")
def session(spark: SparkSession) -> SparkSession:
    """A session with tables s and t, and one whose lineage is not requested."""
    session = spark.newSession()
    for name, columns in {"s": "a int, b int, c int", "t": "a int, d int", "unknown": "a int"}.items():
        session.createDataFrame([], columns).createOrReplaceTempView(name)
    return session


@pytest.mark.parametrize("query", QUERIES)
def test_origins_are_what_a_value_is_computed_from(query: str, session: SparkSession) -> None:
    found = column_lineage(session.sql(query), ["s", "t"])
    assert found is not None
    shown = {name: " ".join(sorted(f"{table}.{column}" for table, column in found[name])) for name in found}
    assert shown == QUERIES[query]


def test_a_query_that_cannot_be_read_has_no_lineage(session: SparkSession) -> None:
    shared = "with w as (select a, max(b) as top from s group by a) select l.a from w l join w r using (a)"
    assert column_lineage(session.sql(shared), ["s"]) is None


@pytest.mark.parametrize("insight", [one for one in INSIGHTS if one.compute], ids=lambda one: one.name)
def test_the_columns_of_every_insight_have_origins(insight: Insight, session: SparkSession) -> None:
    """Every identifying column that is not constant, and most others, have origins in the inputs.

    They match the file that runs use.
    """
    planned = planned_lineage(session, insight, TABLES.values())
    assert planned is not None
    origins = {name: deps for name, deps in planned.items() if deps}
    assert declared_lineage(insight) == origins, "column_lineage.json is not that of the code; type: make lineage"
    inputs = {needed.table for needed in insight.inputs}
    columns = {name: {column.name for column in (*TABLES[name].columns, *ORIGIN)} for name in inputs}
    assert all(column in columns[table] for deps in origins.values() for table, column in deps)
    assert len(origins) > len(planned) / 2
    assert {"app_id", "partition_key"} & {*planned} <= {*origins}


@pytest.mark.parametrize(
    ("source", "table"), [(source, table) for source in SOURCES for table in source.tables], ids=lambda one: one.name
)
def test_the_columns_of_every_clean_table_come_from_envelopes(
    source: Source, table: Table, session: SparkSession
) -> None:
    envelopes = session.createDataFrame([], struct_of(ENVELOPE)).alias(source.name)
    raw = envelopes.withColumn("source_sha256", F.col("sha256")).withColumn("reviewer_key", F.lit(b"key"))
    found = column_lineage(classify(table, raw), [source.name])
    assert found is not None
    assert [name for name in (*table.key, *(c.name for c in ORIGIN)) if not found[name]] == []
    assert len([c for c in table.columns if found[c.name]]) > len(table.columns) / 2
    assert found["source_sha256"] == {(source.name, "sha256")} and found["fetched_at"] >= {(source.name, "fetched_at")}
