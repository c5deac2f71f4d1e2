"""Runs a source's own extraction and cleaning on given response bodies, without a network.

Belongs here: the stand-in for the HTTP client, and envelopes as a DataFrame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pyarrow as pa
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from steam_assets.ingestion.landing import envelope_row
from steam_assets.kafka.envelope import Envelope
from steam_assets.lake.columns import ENVELOPE, iceberg_schema
from steam_assets.sources.source import FetchRequest, InvalidResponse, Rejected, Request, Response, Source

FETCHED = datetime(2026, 11, 23, 12, tzinfo=UTC)


class CannedClient:
    """Answers each request with the bytes returned by ``answer``, and records the requests."""

    def __init__(self, answer: Callable[[Request[Any]], bytes]) -> None:
        self.answer = answer
        self.asked: list[Request[Any]] = []

    def fetch(self, request: Request[Any]) -> Response[Any]:
        self.asked.append(request)
        body = self.answer(request)
        return Response(request, "https://host/", 200, {}, body, FETCHED, request.parse(body))

    def fetch_or_reject(self, request: Request[Any]) -> Response[Any] | Rejected:
        try:
            return self.fetch(request)
        except InvalidResponse as refused:
            return Rejected(request, "https://host/", 200, {}, self.answer(request), FETCHED, str(refused))


SMALL = {"page_budget": 1, "countries": ["US"]}
"""Options that keep a partition small, for sources that have them."""


def envelopes(
    source: Source,
    key: str,
    body: bytes,
    *,
    official: bool = False,
    first: int = 0,
    others: Mapping[str, bytes] = MappingProxyType({}),
) -> list[Envelope]:
    """Extract with every request answered by ``body``; return the envelopes, or none if it is rejected.

    ``others`` are the responses to requests with those names.
    """
    options = source.options.model_validate(SMALL)
    fetch_request = FetchRequest(
        source.cadence.window(key), FETCHED, (730,), options, source.hosts[1:] if official else ()
    )
    try:
        answers = list(source.extract(CannedClient(lambda request: others.get(request.name, body)), fetch_request))
    except InvalidResponse:
        return []
    return [
        Envelope.from_response(answer, source=source.name, partition_key=key, batch_id="0" * 32, sequence=first + place)
        for place, answer in enumerate(answers)
    ]


def raw_frame(spark: SparkSession, made: Iterable[Envelope], hash_key: str | None = "key") -> DataFrame:
    """The envelopes as passed to ``Table.items``."""
    schema = schema_to_pyarrow(iceberg_schema(ENVELOPE), include_field_ids=False)
    rows = pa.Table.from_pylist([envelope_row(envelope, None, None, None) for envelope in made], schema)
    frame = spark.createDataFrame(rows).withColumn("source_sha256", F.col("sha256"))
    return frame if hash_key is None else frame.withColumn("hash_key", F.lit(hash_key))


def numbered(batches: Sequence[list[Envelope]]) -> list[Envelope]:
    """All envelopes, each with its own sequence number."""
    flat = [envelope for batch in batches for envelope in batch]
    return [envelope.model_copy(update={"sequence": place}) for place, envelope in enumerate(flat)]
