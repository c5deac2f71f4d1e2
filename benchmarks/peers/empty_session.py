"""Spark's minimum: an empty session that counts one table.

Run: python benchmarks/peers/empty_session.py FILE.parquet
"""

from __future__ import annotations

import sys
from pathlib import Path

from pyspark.sql import SparkSession

if __name__ == "__main__":
    spark = SparkSession.builder.appName("empty").getOrCreate()
    print(spark.read.parquet(Path(sys.argv[1]).as_uri()).count())
    spark.stop()
