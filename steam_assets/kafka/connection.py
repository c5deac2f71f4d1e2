"""Connecting to Kafka: from settings to a client, and the topics of a source.

Belongs here: connection arguments, the clients' event loop, topics, the cluster id.
Does not belong here: sending (producer.py), reading (consumer.py), running a broker (embedded_broker.py).

The clients use asyncio; the product does not. ``kafka_loop`` runs them in a separate thread, so that callers may be
plain functions, threads, or a notebook that already runs an event loop.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from ssl import SSLContext
from typing import NotRequired, TypedDict, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from aiokafka.helpers import create_ssl_context

from steam_assets.settings import Settings
from steam_assets.sources.source import Source

T = TypeVar("T")
Client = TypeVar("Client", bound=AIOKafkaAdminClient | AIOKafkaConsumer | AIOKafkaProducer)

CONTACT_DEADLINE_SECONDS = 20.0
"""How long Kafka may stay silent before it counts as unavailable."""
CLOSE_DEADLINE_SECONDS = 5.0
RETRY_PAUSE_SECONDS = 0.2

MAX_RECORD_BYTES = 32 * 1024 * 1024
"""The largest record we send; our topics accept slightly more, for the batch overhead."""
MAX_MESSAGE_BYTES = MAX_RECORD_BYTES + 1024 * 1024

DAY_MS = 24 * 60 * 60 * 1000


class KafkaUnavailable(Exception):
    """Kafka did not respond in time. Nothing of the batch is visible; run the step again when Kafka is back."""


class TopicUnusable(Exception):
    """The topic exists, but its configuration would lose or reject records."""


class KafkaLoop:
    """An event loop in its own thread; ``run`` returns the result of a coroutine to the calling thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="kafka", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[object, None, T]) -> T:
        return self.result(self.submit(coroutine))

    def submit(self, coroutine: Coroutine[object, None, T]) -> Future[T]:
        """Start a coroutine without waiting for it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def result(self, future: Future[T]) -> T:
        """Wait for a coroutine started by ``submit``; it is cancelled if the wait is interrupted."""
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """Cancel what is still running, then end the thread."""
        asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop).result(2 * CLOSE_DEADLINE_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def kafka_loop() -> Generator[KafkaLoop]:
    loop = KafkaLoop()
    try:
        yield loop
    finally:
        loop.close()


async def _cancel_all() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=CLOSE_DEADLINE_SECONDS)


class Connection(TypedDict):
    """Arguments that every aiokafka client takes."""

    bootstrap_servers: list[str]
    security_protocol: str
    request_timeout_ms: int
    retry_backoff_ms: int
    ssl_context: NotRequired[SSLContext]
    sasl_mechanism: NotRequired[str]
    sasl_plain_username: NotRequired[str]
    sasl_plain_password: NotRequired[str]


def connection(settings: Settings) -> Connection:
    """Keyword arguments for any aiokafka client to connect to the configured Kafka."""
    arguments: Connection = {
        "bootstrap_servers": settings.kafka_address.split(","),
        "security_protocol": settings.kafka_security_protocol,
        "request_timeout_ms": int(CONTACT_DEADLINE_SECONDS * 1000),
        "retry_backoff_ms": 100,
    }
    if settings.kafka_security_protocol in ("SSL", "SASL_SSL"):
        cafile = settings.kafka_ssl_cafile
        arguments["ssl_context"] = create_ssl_context(cafile=str(cafile) if cafile else None)
    if settings.kafka_security_protocol.startswith("SASL"):
        arguments["sasl_mechanism"] = settings.kafka_sasl_mechanism
        arguments["sasl_plain_username"] = settings.kafka_sasl_username
        arguments["sasl_plain_password"] = settings.kafka_sasl_password.get_secret_value()
    return arguments


def unavailable(settings: Settings, doing: str, error: BaseException | None = None) -> KafkaUnavailable:
    """The error for a Kafka that does not respond, with what to check."""
    if settings.embedded_kafka:
        advice = "start it with `steam-assets broker` in another terminal; STEAM_EMBEDDED_KAFKA_PORT must be its port"
    else:
        advice = "check STEAM_KAFKA_BOOTSTRAP_SERVERS, the STEAM_KAFKA_SASL_… settings and the network"
    cause = f" ({type(error).__name__}: {error})" if error is not None and str(error) else ""
    return KafkaUnavailable(f"Kafka at {settings.kafka_address} did not respond while {doing}{cause}; {advice}")


async def started(settings: Settings, make: Callable[[], Client], doing: str, deadline: float) -> Client:
    """Start a client; ``make`` creates one per attempt. Raises KafkaUnavailable after ``deadline`` seconds."""
    until = time.monotonic() + deadline
    while True:
        client = make()
        try:
            await asyncio.wait_for(client.start(), max(0.1, until - time.monotonic()))
            return client
        except (KafkaError, OSError, TimeoutError) as error:
            await stopped(client)
            if time.monotonic() + RETRY_PAUSE_SECONDS > until:
                raise unavailable(settings, doing, error) from error
            await asyncio.sleep(RETRY_PAUSE_SECONDS)


async def stopped(client: AIOKafkaAdminClient | AIOKafkaConsumer | AIOKafkaProducer) -> None:
    """Close a client; if it hangs on a dead broker, ``KafkaLoop.close`` cancels it."""
    close = client.close if isinstance(client, AIOKafkaAdminClient) else client.stop
    try:
        await asyncio.wait_for(close(), CLOSE_DEADLINE_SECONDS)
    except (KafkaError, OSError, TimeoutError) as error:
        logging.getLogger(__name__).debug("closing a Kafka client: %r", error)
    except asyncio.CancelledError:
        # A client that waits for a dead broker raises the cancellation of its own tasks.
        if (task := asyncio.current_task()) is None or task.cancelling():
            raise


@asynccontextmanager
async def administration(
    settings: Settings, doing: str, deadline: float = CONTACT_DEADLINE_SECONDS
) -> AsyncGenerator[AIOKafkaAdminClient]:
    """An admin client, closed on exit."""
    client = await started(settings, lambda: AIOKafkaAdminClient(**connection(settings)), doing, deadline)
    try:
        yield client
    finally:
        await stopped(client)


async def cluster_id_of(client: AIOKafkaAdminClient) -> str:
    return str((await client.describe_cluster())["cluster_id"])


def cluster_id(settings: Settings, deadline: float = CONTACT_DEADLINE_SECONDS) -> str:
    """The id of the Kafka cluster at the configured address. Raises KafkaUnavailable after ``deadline`` seconds."""
    doing = "fetching the cluster id"

    async def fetch() -> str:
        async with administration(settings, doing, deadline) as client:
            return await cluster_id_of(client)

    with kafka_loop() as loop:
        return loop.run(_within(settings, fetch(), doing, deadline))


async def _within(settings: Settings, work: Coroutine[object, None, T], doing: str, deadline: float) -> T:
    try:
        return await asyncio.wait_for(work, deadline + CLOSE_DEADLINE_SECONDS)
    except (TimeoutError, KafkaError, OSError) as error:
        raise unavailable(settings, doing, error) from error


def topic_of(settings: Settings, source: Source) -> str:
    """The topic of a source's envelopes, keyed by app id."""
    return f"{settings.kafka_topic_prefix}.{source.name}.v1"


def dead_letter_topic_of(topic: str) -> str:
    """The topic for records of ``topic`` that cannot be decoded."""
    return f"{topic}.dead"


def ensure_topics(settings: Settings, source: Source, deadline: float = CONTACT_DEADLINE_SECONDS) -> None:
    """Create the source's topic and dead-letter topic if they do not exist, and check them if they do.

    Adds partitions if a topic has fewer than the settings require. Raises TopicUnusable if a topic would lose or reject
    records (compaction, message limit too small, retention shorter than in the settings), KafkaUnavailable
    after ``deadline`` seconds.
    """
    doing = f"creating the topics of {source.name}"

    async def ensure() -> None:
        async with administration(settings, doing, deadline) as client:
            topic = topic_of(settings, source)
            for name in (topic, dead_letter_topic_of(topic)):
                await _ensure_topic(client, settings, name)

    with kafka_loop() as loop:
        loop.run(_within(settings, ensure(), doing, deadline))


async def _ensure_topic(client: AIOKafkaAdminClient, settings: Settings, topic: str) -> None:
    known = await _partition_counts(client, [topic])
    if topic not in known and await _created(client, settings, topic):
        await _until_led(client, topic, settings.kafka_topic_partitions)
        return
    # It exists, if only since another program has just created it.
    count = known.get(topic) or await _until_led(client, topic, 1)
    if count < settings.kafka_topic_partitions:
        await client.create_partitions({topic: NewPartitions(settings.kafka_topic_partitions)})
    _check_topic(settings, topic, await _topic_config(client, topic))


async def _partition_counts(client: AIOKafkaAdminClient, topics: Sequence[str]) -> dict[str, int]:
    described = await client.describe_topics(list(topics))
    return {entry["topic"]: len(entry["partitions"]) for entry in described if entry["error_code"] == 0}


async def _created(client: AIOKafkaAdminClient, settings: Settings, topic: str) -> bool:
    """Create a topic; return False if it exists. Raises TopicUnusable."""
    new = NewTopic(
        topic,
        settings.kafka_topic_partitions,
        settings.kafka_replication_factor,
        topic_configs={
            "cleanup.policy": "delete",
            "retention.ms": str(settings.kafka_retention_days * DAY_MS),
            "retention.bytes": "-1",
            "max.message.bytes": str(MAX_MESSAGE_BYTES),
            "min.insync.replicas": str(settings.kafka_min_insync_replicas),
            "unclean.leader.election.enable": "false",
            # With producer timestamps, retention could delete a record at once, or never.
            "message.timestamp.type": "LogAppendTime",
        },
    )
    response = await client.create_topics([new])
    for name, code, *rest in response.topic_errors:
        error = for_code(code)
        if error is TopicAlreadyExistsError:
            return False
        if code:
            raise TopicUnusable(f"could not create topic {name}: {error.__name__} {rest[0] if rest else ''}")
    return True


async def _until_led(client: AIOKafkaAdminClient, topic: str, partitions: int) -> int:
    """Wait until a new topic has at least that many partitions, and each has a leader; return their number.

    Before that it is unusable.
    """
    while True:
        described = (await client.describe_topics([topic]))[0]["partitions"]
        led = [entry for entry in described if entry["error_code"] == 0 and entry["leader"] >= 0]
        if len(led) == len(described) >= partitions:
            return len(led)
        await asyncio.sleep(0.05)


async def _topic_config(client: AIOKafkaAdminClient, topic: str) -> dict[str, str]:
    resource = ConfigResource(ConfigResourceType.TOPIC, topic)
    responses = await client.describe_configs([resource])
    return {entry[0]: str(entry[1]) for entry in responses[0].resources[0][4]}


@dataclass(frozen=True)
class _Rule:
    name: str
    holds: Callable[[str], bool]
    wanted: str


def _check_topic(settings: Settings, topic: str, config: dict[str, str]) -> None:
    retention = settings.kafka_retention_days * DAY_MS
    rules = (
        _Rule("cleanup.policy", lambda value: value == "delete", "delete"),
        _Rule("message.timestamp.type", lambda value: value == "LogAppendTime", "LogAppendTime"),
        _Rule("max.message.bytes", lambda value: int(value) >= MAX_MESSAGE_BYTES, f"at least {MAX_MESSAGE_BYTES}"),
        _Rule(
            "retention.ms",
            lambda value: int(value) < 0 or int(value) >= retention,
            f"at least {retention} (STEAM_KAFKA_RETENTION_DAYS)",
        ),
    )
    wrong = [
        f"{rule.name} is {config[rule.name]}, must be {rule.wanted}"
        for rule in rules
        if rule.name in config and not rule.holds(config[rule.name])
    ]
    if wrong:
        raise TopicUnusable(
            f"topic {topic} would lose or reject records: {'; '.join(wrong)}. "
            "Change these settings with kafka-configs --alter."
        )
