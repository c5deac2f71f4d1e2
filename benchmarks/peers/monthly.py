"""A monthly script: a site's visits from JSON to four CSV files, with PySpark and pandas.

Run: python benchmarks/peers/monthly.py RESPONSE.json FOLDER
Creates the same tables from the response as the product: visits, engagement, traffic sources, top countries.
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
    body = json.loads(response.read_text())
    spark = SparkSession.builder.appName("monthly").getOrCreate()
    tables = {
        "visits": pd.DataFrame(sorted(body["EstimatedMonthlyVisits"].items()), columns=["month", "visits"]),
        "engagement": pd.DataFrame([body["Engagments"]]),
        "traffic_sources": pd.DataFrame(sorted(body["TrafficSources"].items()), columns=["source", "share"]),
        "top_countries": pd.json_normalize(body["TopCountryShares"]),
    }
    for name, frame in tables.items():
        rows = spark.createDataFrame(frame.astype(str))
        cleaned = rows.na.drop(how="all").dropDuplicates().withColumn("loaded_on", F.current_date())
        cleaned.toPandas().to_csv(folder / f"{name}.csv", index=False)
        print(name, spark.read.csv((folder / f"{name}.csv").as_uri(), header=True).count())
    spark.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
