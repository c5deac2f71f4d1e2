"""The compared ways to clean reviews: the product's, two Spark jobs, and DuckDB.

Belongs here: the same work in four variants. Does not belong here: rounds and printing (cleaning_rate.py, growth.py).
"""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F

from steam_assets.lake.iceberg_table import of_partitions
from steam_assets.lake.lake import Lake
from steam_assets.ledger.records import CleanRecord
from steam_assets.settings import Settings
from steam_assets.sources import source_named
from steam_assets.sources.review_tables import FLAGS, REVIEW, REVIEWS
from steam_assets.spark.cleaning import clean
from steam_assets.spark.reviewer_key import reviewer_key

NOW = datetime(2026, 11, 18, 21, tzinfo=UTC)
DUCKDB_MEMORY = "2GB"
"""About the total memory of the JVM with its heap of 1 GB."""

_TYPES = {"string": "VARCHAR", "bigint": "BIGINT", "double": "DOUBLE", "boolean": "BOOLEAN"}


@dataclass(frozen=True)
class Ways:
    """The variants for the raw partition ``key`` of a lake; each writes below ``settings.home``."""

    settings: Settings
    spark: SparkSession
    key: str

    def product(self) -> Counter[str]:
        """Classify and commit; returns the number of items by state."""
        (record,) = self.record()
        return Counter(clean=record.clean, quarantined=record.quarantined, duplicate=record.duplicates)

    def record(self) -> list[CleanRecord]:
        source = source_named("reviews")
        return clean(self.spark, Lake(self.settings), source, [REVIEWS], [self.key], NOW)

    def barest(self) -> None:
        """Read the responses, parse the reviews, write them: no classification, no counts, no commit."""
        lines = self.spark.read.parquet(*self._files())
        answer = F.from_json("body", f"response struct<reviews: array<struct<{REVIEW}>>>")
        reviews = lines.select(
            "partition_key", "app_id", "fetched_at", F.explode(answer["response"]["reviews"]).alias("r")
        )
        rows = reviews.select("partition_key", "app_id", "fetched_at", "r.*")
        goal = self.settings.home / "barest"
        rows.write.mode("overwrite").option("compression", "zstd").parquet(goal.as_uri())

    def by_hand(self) -> Counter[str]:
        """The same result, as one would write it for this table alone; returns the number of items by state.

        Newest version of each review, keyed hash, quarantine, counts; no audit, no digest, no atomic commit.
        """
        key = reviewer_key(self.settings)
        envelopes = self.spark.read.parquet(*self._files()).where(
            "problem IS NULL AND request IN ('first_page', 'page')"
        )
        answer = F.from_json("body", f"response struct<reviews: array<struct<{REVIEW}>>>")
        origin = ["partition_key", "app_id", "sequence", "fetched_at", "sha256 AS source_sha256"]
        items = envelopes.select(
            *(F.expr(name) for name in origin), F.explode(answer["response"]["reviews"]).alias("r")
        ).withColumn("hash_key", F.lit(key))
        shaped = items.selectExpr(*_SHAPED, "partition_key", "fetched_at", "sequence", "source_sha256", "r")
        ruled = shaped.withColumn("problem", F.expr(_PROBLEM)).withColumn(
            "item", F.expr("if(problem IS NULL, NULL, to_json(r))")
        )
        newest = Window.partitionBy("partition_key", "problem", "recommendation_id").orderBy(
            F.desc("fetched_at"), F.desc("sequence")
        )
        place = F.row_number().over(newest)
        state = F.when(F.col("problem").isNotNull(), "quarantined").when(place > 1, "duplicate").otherwise("clean")
        goal = (self.settings.home / "by-hand").as_uri()
        rows = ruled.drop("r").withColumn("state", state).drop("sequence")
        rows.write.mode("overwrite").option("compression", "zstd").partitionBy("state").parquet(goal)
        counts = self.spark.read.parquet(goal).groupBy("state").count().collect()
        return Counter({row["state"]: row["count"] for row in counts})

    def duckdb(self) -> Counter[str]:
        """The same cleaning in DuckDB SQL, in one pass into Parquet by state; returns the number of items by state."""
        goal = self.settings.home / "duckdb"
        shutil.rmtree(goal, ignore_errors=True)
        files = self._files()
        with duckdb.connect() as engine:
            engine.execute(f"SET memory_limit = '{DUCKDB_MEMORY}'")
            engine.execute(f"SET temp_directory = '{self.settings.home / 'duckdb-spill'}'")
            engine.execute("SET preserve_insertion_order = false; SET TimeZone = 'UTC'")
            engine.execute("SET VARIABLE hash_key = ?", [reviewer_key(self.settings)])
            engine.execute("SET VARIABLE files = ?", [files])
            engine.execute(f"COPY ({_JUDGED}) TO '{goal}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (state))")
            found = engine.execute(f"SELECT state, count(*) FROM '{goal}/*/*.parquet' GROUP BY state").fetchall()
        return Counter(dict(found))

    def _files(self) -> list[str]:
        """The raw partition's files, on local disk."""
        raw = Lake(self.settings).raw(source_named("reviews")).load()
        if raw is None:
            raise ValueError(f"there are no raw reviews below {self.settings.root('raw')}; create a partition first")
        return [task.file.file_path for task in raw.scan(row_filter=of_partitions([self.key])).plan_files()]


def _struct(ddl: str) -> str:
    """Spark DDL fields as a DuckDB JSON structure."""
    fields = []
    depth, begin = 0, 0
    for place, letter in enumerate(ddl + ","):
        depth += (letter == "<") - (letter == ">")
        if letter == "," and not depth:
            fields.append(ddl[begin:place].strip())
            begin = place + 1
    return "{" + ",".join(_field(*field.split(" ", 1)) for field in fields) + "}"


def _field(name: str, kind: str) -> str:
    if kind.startswith("struct<"):
        return f'"{name}":{_struct(kind.removeprefix("struct<").removesuffix(">").replace(":", ""))}'
    return f'"{name}":"{_TYPES[kind]}"'


def _seconds(field: str) -> str:
    return f"CASE WHEN r.{field} BETWEEN 0 AND 253402300799 THEN to_timestamp(r.{field}) END"


_JUDGED = f"""
WITH items AS (
  SELECT partition_key, app_id, sequence, fetched_at, sha256,
    unnest(from_json(body, '{{"response":{{"reviews":[{_struct(REVIEW)}]}}}}').response.reviews) AS r
  FROM read_parquet(getvariable('files'))
  WHERE problem IS NULL AND request IN ('first_page', 'page')
), shaped AS (
  SELECT partition_key::DATE AS week_start, app_id, r.recommendationid AS recommendation_id,
    sha256(getvariable('hash_key') || sha256(getvariable('hash_key') || ':' || r.author.steamid)) AS author_key,
    r.language, r.review AS text, {_seconds("timestamp_created")} AS created_at,
    {_seconds("timestamp_updated")} AS updated_at, coalesce(r.voted_up, false) AS voted_up, r.votes_up,
    nullif(r.votes_funny, 4294967295) AS votes_funny,
    try_cast(r.weighted_vote_score AS DOUBLE) AS weighted_vote_score, r.comment_count, r.steam_purchase,
    r.received_for_free, r.written_during_early_access,
    r.author.playtime_at_review AS playtime_at_review_minutes,
    r.author.playtime_forever AS playtime_forever_minutes,
    r.timestamp_updated >= epoch(partition_key::DATE) + 604800 AS edited_after_week, r.developer_response,
    r.primarily_steam_deck, r.refunded, partition_key, fetched_at, sequence, sha256 AS source_sha256, r
  FROM items
), ruled AS (
  SELECT *, CASE
    WHEN app_id IS NULL THEN 'no app_id' WHEN recommendation_id IS NULL THEN 'no recommendation_id'
    WHEN created_at IS NULL THEN 'no created_at' WHEN updated_at IS NULL THEN 'no updated_at'
    WHEN app_id <= 0 THEN 'app_id_positive'
    WHEN NOT regexp_full_match(recommendation_id, '[0-9]{{1,20}}') THEN 'recommendation_id_is_a_number'
    WHEN updated_at < created_at THEN 'not_edited_before_written'
    WHEN weighted_vote_score NOT BETWEEN 0 AND 1 THEN 'score_from_0_to_1' END AS problem
  FROM shaped
)
SELECT * EXCLUDE (r, sequence), CASE WHEN problem IS NOT NULL THEN to_json(r)::VARCHAR END AS item,
  CASE WHEN problem IS NOT NULL THEN 'quarantined' WHEN row_number() OVER (
    PARTITION BY partition_key, problem, recommendation_id ORDER BY fetched_at DESC, sequence DESC) > 1
    THEN 'duplicate' ELSE 'clean' END AS state
FROM ruled
"""


_SHAPED = [
    "to_date(partition_key) AS week_start",
    "app_id",
    "r.recommendationid AS recommendation_id",
    "sha2(hash_key || sha2(hash_key || ':' || r.author.steamid, 256), 256) AS author_key",
    "r.language",
    "r.review AS text",
    "timestamp_seconds(r.timestamp_created) AS created_at",
    "timestamp_seconds(r.timestamp_updated) AS updated_at",
    *(f"coalesce(r.{name}, false) AS {name}" for name in FLAGS),
    *(f"coalesce(cast(r.{name} AS bigint), 0) AS {name}" for name in ("votes_up", "votes_funny", "comment_count")),
    "cast(r.weighted_vote_score AS double) AS weighted_vote_score",
    "cast(r.author.playtime_at_review AS bigint) AS playtime_at_review_minutes",
    "cast(r.author.playtime_forever AS bigint) AS playtime_forever_minutes",
    "r.timestamp_updated >= unix_timestamp(to_date(partition_key)) + 604800 AS edited_after_week",
    "r.developer_response",
]
_PROBLEM = """CASE
    WHEN app_id IS NULL THEN 'no app_id' WHEN recommendation_id IS NULL THEN 'no recommendation_id'
    WHEN created_at IS NULL THEN 'no created_at' WHEN updated_at IS NULL THEN 'no updated_at'
    WHEN app_id <= 0 THEN 'app_id_positive'
    WHEN NOT recommendation_id RLIKE '^[0-9]{1,20}$' THEN 'recommendation_id_is_a_number'
    WHEN updated_at < created_at THEN 'not_edited_before_written'
    WHEN weighted_vote_score NOT BETWEEN 0 AND 1 THEN 'score_from_0_to_1' END"""


def warm_up(settings: Settings, spark: SparkSession, small: str) -> None:
    """Run each variant once on a small partition, so that code is loaded and tables exist."""
    ways = Ways(settings, spark, small)
    ways.product()
    ways.barest()
    ways.by_hand()
    ways.duckdb()
