"""Damaged records of a topic: distinguishing them from an unresponsive broker, and finding where they end.

Belongs here: inspecting single batches as the broker stores them. Does not belong here: reading records
(topic_reader.py), handling lost ones (consumer.py, ingestion/).

Kafka stores and checks records in batches, so one changed byte makes a whole batch unreadable. The consumer's client
raises for some damage; for other damage the broker returns an error, which that client only logs, and a changed offset
or size makes it skip records silently. A caller that suspects damage checks here, where a batch is fetched on its own.
"""

from __future__ import annotations

import asyncio
import struct
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    CorruptRecordException,
    KafkaError,
    KafkaTimeoutError,
    NoError,
    RecordTooLargeError,
    UnknownError,
    UnsupportedCodecError,
    for_code,
)
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.util import calc_crc32c

FETCH_WAIT_MS = 20
"""How long Kafka may hold back an empty fetch response; the next Kafka partition has to wait for it."""
FETCH_TRIES = 20
"""How often a fetch is repeated after another error, such as an ongoing leader election."""
ONE_BATCH_BYTES = 1
"""Fetch size: Kafka returns one whole batch, however small the limit."""
READ_COMMITTED = 1
HEADER = struct.Struct(">qiibIhi")
"""Base offset, size of what follows it, leader epoch, magic, CRC-32C, attributes, last offset delta."""
SIZE_COUNTS_FROM, CRC_COVERS_FROM = 12, 21

UNREADABLE = (CorruptRecordException, RecordTooLargeError, UnsupportedCodecError)
"""What the client raises for bytes that are not a record batch; "too large" is a damaged size."""


class DamagedRange(NamedTuple):
    """Offsets ``[start, end)`` of a Kafka partition that cannot be read; all records in it are lost to this topic."""

    topic: str
    partition: int
    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition} offsets [{self.start}, {self.end})"


class Damaged(Exception):
    """The records at ``offset`` cannot be read, or seem to be damaged."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"the records at offset {offset} are damaged")
        self.offset = offset


def is_damage(error: Exception) -> bool:
    """Whether an error of a consumer is about the fetched bytes rather than about the broker or the offset."""
    # A batch whose first bytes are damaged makes the client's decoder raise anything.
    return isinstance(error, UNREADABLE) or not isinstance(error, KafkaError | OSError | TimeoutError)


class BatchInspector:
    """Fetches single batches of a Kafka partition as stored. Raises KafkaError or OSError if the broker is away."""

    def __init__(self, client: AIOKafkaClient, at: TopicPartition) -> None:
        self._client = client
        self._at = at

    async def is_intact(self, offset: int) -> bool:
        """Whether the batch that holds ``offset`` can be read; true if no batch holds it yet."""
        return await self._after(offset) is not None

    async def damaged_from(self, offset: int, end: int) -> int:
        """The first offset of a damaged batch; ``end`` if there is none before, or nothing yet."""
        while offset < end:
            after = await self._after(offset)
            if after is None:
                return offset
            offset = after if after > offset else end
        return end

    async def intact_after(self, offset: int, end: int) -> int:
        """The first offset after a damaged one at which records can be read again; ``end`` if there is none before.

        Intact batches between two damaged ones may be skipped as well.
        """
        damaged, step = offset, 1
        while (intact := min(offset + step, end)) < end and not await self.is_intact(intact):
            damaged, step = intact, 2 * step
        while intact - damaged > 1:
            middle = (damaged + intact) // 2
            if await self.is_intact(middle):
                intact = middle
            else:
                damaged = middle
        return intact

    async def _after(self, offset: int) -> int | None:
        """The offset after the batch that holds one, or the same if no batch holds it yet; None if it is damaged."""
        stored = await self._fetch(offset)
        return offset if stored == b"" else _end_of(stored or b"", offset)

    async def _fetch(self, offset: int) -> bytes | None:
        """The stored batch that Kafka finds for an offset, empty if there is none; None if Kafka cannot read it."""
        partition = [(self._at.partition, offset, ONE_BATCH_BYTES)]
        error: type[KafkaError] = KafkaTimeoutError
        for _ in range(FETCH_TRIES):
            topics = [(self._at.topic, partition)]
            request = FetchRequest(FETCH_WAIT_MS, 1, ONE_BATCH_BYTES, READ_COMMITTED, topics)
            response = await self._client.send(await self._leader(), request)
            ((_, ((_, error_code, _, stable, *_, stored),)),) = response.topics
            error = for_code(error_code)
            if error is NoError:
                # A size beyond the file looks to Kafka like the end of the file.
                return bytes(stored) if stored else b"" if offset >= stable else None
            if error in (CorruptRecordException, UnknownError):
                return None
            await self._client.force_metadata_update()
            await asyncio.sleep(FETCH_WAIT_MS / 1000)
        raise error(f"fetching {self._at.topic}/{self._at.partition} at offset {offset}")

    async def _leader(self) -> int:
        leader = self._client.cluster.leader_for_partition(self._at)
        for _ in range(FETCH_TRIES):
            if leader is not None and leader >= 0:
                return leader
            self._client.add_topic(self._at.topic)
            await self._client.force_metadata_update()
            leader = self._client.cluster.leader_for_partition(self._at)
        raise KafkaTimeoutError(f"{self._at.topic}/{self._at.partition} has no leader")


def _end_of(stored: bytes, offset: int) -> int | None:
    """The offset after the first stored batch, if that batch is complete, unchanged, and contains ``offset``."""
    if len(stored) < HEADER.size:
        return None
    base, size, _, magic, crc, _, last = HEADER.unpack_from(stored)
    covered = stored[CRC_COVERS_FROM : SIZE_COUNTS_FROM + size]
    is_whole = len(covered) == SIZE_COUNTS_FROM + size - CRC_COVERS_FROM and calc_crc32c(covered) == crc
    return base + last + 1 if magic == 2 and is_whole and base <= offset <= base + last else None
