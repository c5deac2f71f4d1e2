"""Records that are not valid envelopes, and the topic that they are sent to.

Belongs here: the poison record, sending it. Does not belong here: finding it (consumer.py), storing its bytes
(ingestion/landing.py).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from steam_assets.kafka.connection import (
    CONTACT_DEADLINE_SECONDS,
    MAX_MESSAGE_BYTES,
    connection,
    dead_letter_topic_of,
    kafka_loop,
    started,
    stopped,
    unavailable,
)
from steam_assets.settings import Settings


@dataclass(frozen=True, slots=True)
class Poison:
    """A record that is not a valid envelope; ``value`` is None for a tombstone.

    ``of_batch`` is true if its headers name the batch being read, so that it is one of the receipt's records.
    """

    topic: str
    partition: int
    offset: int
    reason: str
    value: bytes | None
    of_batch: bool = False


def ignore_poison(_poison: Poison) -> None:
    """Discard poison, for callers that need only the envelopes."""


def dead_letter(settings: Settings, source: str, poison: Poison) -> None:
    """Send a poison record to its topic's dead-letter topic, with its origin and the reason in the headers.

    ``source`` is the source's name. Sending a record again is harmless. Raises KafkaUnavailable.
    """
    headers = [
        ("source", source.encode()),
        ("original_topic", poison.topic.encode()),
        ("original_partition", str(poison.partition).encode()),
        ("original_offset", str(poison.offset).encode()),
        ("reason", poison.reason.encode()),
    ]
    doing = f"sending to {dead_letter_topic_of(poison.topic)}"
    key = f"{poison.partition}:{poison.offset}".encode()

    async def send() -> None:
        # Poison may be as large as the topic allows, which is slightly more than our own records.
        make = partial(
            AIOKafkaProducer,
            **connection(settings),
            enable_idempotence=True,
            compression_type="zstd",
            max_request_size=MAX_MESSAGE_BYTES,
        )
        producer = await started(settings, make, doing, CONTACT_DEADLINE_SECONDS)
        try:
            await asyncio.wait_for(
                producer.send_and_wait(dead_letter_topic_of(poison.topic), poison.value, key=key, headers=headers),
                CONTACT_DEADLINE_SECONDS,
            )
        except (KafkaError, OSError, TimeoutError) as error:
            raise unavailable(settings, doing, error) from error
        finally:
            await stopped(producer)

    with kafka_loop() as loop:
        loop.run(send())
