"""``make lineage``: write the column lineage of the insights from the plans that Spark makes of empty inputs."""

from __future__ import annotations

from pyspark.sql import SparkSession

from steam_assets.insights import INSIGHTS
from steam_assets.insights.lineage import FILE, as_json, planned_lineage
from steam_assets.sources import SOURCES
from steam_assets.spark.session import prepare_process


def main() -> None:
    prepare_process()
    tables = [table for source in SOURCES for table in source.tables]
    spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    planned = {insight.name: planned_lineage(spark, insight, tables) for insight in INSIGHTS}
    FILE.write_text(as_json({name: found for name, found in planned.items() if found is not None}), "utf-8")


if __name__ == "__main__":
    main()
