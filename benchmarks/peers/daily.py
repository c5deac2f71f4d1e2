"""A daily script: the chart's JSON to CSV, with PySpark and pandas.

Run: python benchmarks/peers/daily.py RESPONSE.json FOLDER
Reads the day's response, keeps valid rows and the first of each app, writes CSV, and reads it back to count the rows.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql import functions as F


def main(response: Path, folder: Path) -> None:
    """Clean one response."""
    ranks = pd.json_normalize(json.loads(response.read_text())["response"]["ranks"], max_level=0)
    spark = SparkSession.builder.appName("daily").getOrCreate()
    rows = spark.createDataFrame(ranks[["rank", "appid", "concurrent_in_game", "peak_in_game"]])
    cleaned = (
        rows.withColumns({"rank": F.col("rank").cast("int"), "appid": F.col("appid").cast("long")})
        .na.drop(subset=["rank", "appid"])
        .dropDuplicates(["appid"])
        .where("rank > 0")
        .withColumn("day", F.current_date())
        .orderBy("rank")
    )
    cleaned.toPandas().to_csv(folder / "most_played.csv", index=False)
    written = spark.read.csv((folder / "most_played.csv").as_uri(), header=True, inferSchema=True)
    print(written.count())
    spark.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
