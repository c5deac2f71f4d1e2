"""The envelope: one response of a source as it is sent through Kafka and stored in raw.

Belongs here: its fields and serialization. Does not belong here: who sends or stores it.

An envelope is one line of JSON without line breaks; it is the value of one Kafka record.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, field_serializer

from steam_assets.sources.cadence import EARLIEST, LATEST
from steam_assets.sources.source import Fetched, Rejected

SCHEMA_VERSION = 1
MOST_ITEMS = 2**31 - 1
"""The most items that a response can count."""


class Envelope(BaseModel):
    """One response, with where, when and how it was fetched.

    ``sequence`` counts from 0 within the batch. ``items`` counts, per clean table, the items of the body that belong to
    the partition. ``sha256`` is that of ``body`` in UTF-8. ``problem`` is set if the response stayed invalid.
    ``provenance`` is ``live`` or ``import:<file>``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = SCHEMA_VERSION
    source: str
    partition_key: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    batch_id: str = Field(pattern=r"^[0-9a-f]{32}$")
    sequence: int = Field(ge=0)
    request: str
    app_id: int | None = Field(None, ge=0, le=2**32 - 1)
    url: str
    status: int = Field(ge=0, le=999)
    headers: dict[str, str]
    fetched_at: Annotated[AwareDatetime, Field(ge=EARLIEST, lt=LATEST)]
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    body: str
    items: dict[str, Annotated[int, Field(ge=0, le=MOST_ITEMS)]]
    problem: str | None = None
    provenance: str = "live"

    @field_serializer("fetched_at")
    def _utc_microseconds(self, value: datetime) -> str:
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"

    def to_bytes(self) -> bytes:
        """The JSON line, without a line break."""
        return _JSON.dump_json(self)

    @classmethod
    def from_response(
        cls, answer: Fetched, *, source: str, partition_key: str, batch_id: str, sequence: int
    ) -> Envelope:
        """Wrap a response. Bytes that are not UTF-8 become U+FFFD, because JSON text must be Unicode."""
        response = answer.response
        body = response.body.decode("utf-8", errors="replace")
        return cls(
            source=source,
            partition_key=partition_key,
            batch_id=batch_id,
            sequence=sequence,
            request=response.request.name,
            app_id=response.request.app_id,
            url=response.url,
            status=response.status,
            headers=dict(response.headers),
            fetched_at=response.fetched_at,
            sha256=hashlib.sha256(body.encode()).hexdigest(),
            body=body,
            items=dict(answer.items),
            problem=response.reason if isinstance(response, Rejected) else None,
        )


_JSON = TypeAdapter(Envelope)
