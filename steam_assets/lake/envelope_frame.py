"""Raw envelopes as a Spark DataFrame: the input of every ``Table.items``.

Belongs here: the schema and the reading of raw files. Does not belong here: what the bodies mean (sources/).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

ENVELOPE_SCHEMA = """
    schema_version int, source string, partition_key string, batch_id string, sequence bigint, request string,
    app_id bigint, url string, status int, headers map<string, string>, fetched_at timestamp, sha256 string,
    body string, items map<string, bigint>, problem string, provenance string, undecodable string
"""
"""``undecodable`` holds a line that is no envelope; landing lets none through, so one here means a changed file."""

_GLOB = frozenset("*?[]{}\\")


def read_envelopes(spark: SparkSession, uris: Sequence[str]) -> DataFrame:
    """The envelopes of gzip JSON Lines files, one row each, with ``source_sha256`` as the row's origin."""
    reader = spark.read.schema(ENVELOPE_SCHEMA).option("columnNameOfCorruptRecord", "undecodable")
    if not uris:
        frame = spark.createDataFrame([], ENVELOPE_SCHEMA)
    elif any(_GLOB.intersection(uri) for uri in uris):
        # A root in a folder named [v2] or *. One file at a time: of several, Spark takes each to mean all of them.
        literal = reader.option("__globPaths__", "false")
        frame = reduce(DataFrame.union, (literal.json(uri) for uri in uris))
    else:
        frame = reader.json(list(uris))
    return frame.withColumn("source_sha256", F.col("sha256"))
