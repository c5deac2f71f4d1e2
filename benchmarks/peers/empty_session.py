"""Spark's minimum: an empty session that counts one table.

Run: python benchmarks/peers/empty_session.py FILE.parquet
"""

from __future__ import annotations

import sys

from pyspark.sql import SparkSession

if __name__ == "__main__":
    spark = SparkSession.builder.appName("empty").getOrCreate()
    print(spark.read.parquet(f"file:{sys.argv[1]}").count())
    spark.stop()
