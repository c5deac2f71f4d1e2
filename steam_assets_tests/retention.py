"""Applies retention to a topic immediately.

Belongs here: deleting a topic's messages for a test. Does not belong here: assertions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from steam_assets.kafka.connection import connection, topic_of
from steam_assets.kafka.consumer import end_offsets
from steam_assets.settings import Settings
from steam_assets.sources.source import Source


def expire(settings: Settings, source: Source, before: Mapping[int, int] | None = None) -> None:
    """Delete the source topic's messages before these offsets by Kafka partition; by default all messages."""
    topic = topic_of(settings, source)
    offsets = end_offsets(settings, source) if before is None else before
    doomed = {TopicPartition(topic, part): RecordsToDelete(offset) for part, offset in offsets.items() if offset}

    async def delete() -> None:
        client = AIOKafkaAdminClient(**connection(settings))
        await client.start()
        try:
            await client.delete_records(doomed)
        finally:
            await client.close()

    asyncio.run(delete())
