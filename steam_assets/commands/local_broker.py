"""A Kafka for the duration of a command: the embedded one, or the one in the settings.

Belongs here: choosing between them. Does not belong here: how a broker runs (kafka/embedded_broker.py).
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steam_assets.kafka.embedded_broker import EmbeddedBroker
    from steam_assets.settings import Settings

POLL_SECONDS = 1.0
STARTS = 5
"""So often a broker that ends unexpectedly is started again."""


@contextmanager
def broker_for(settings: Settings, *, shared: bool = False) -> Iterator[str]:
    """Bootstrap address of a running broker. A broker of this HOME that already runs is used and left running.

    ``shared``: at the end, but not after Ctrl-C, wait for other commands that use the broker this one started.
    """
    if not settings.embedded_kafka:
        yield settings.kafka_address
        return
    from steam_assets.kafka.embedded_broker import EmbeddedBroker

    with EmbeddedBroker.of(settings) as broker:
        wait = shared
        try:
            yield settings.kafka_address
        except KeyboardInterrupt:
            wait = False
            raise
        finally:
            if wait and not broker.adopted:
                broker.use.wait_for_others(_say)


@contextmanager
def kept_broker(settings: Settings, say: Callable[[str], None]) -> Iterator[str]:
    """The same for a process that serves others: its broker is started again when it ends unexpectedly.

    ``say`` gets a sentence then. A broker of another process is left to that one.
    """
    if not settings.embedded_kafka:
        yield settings.kafka_address
        return
    from steam_assets.kafka.embedded_broker import EmbeddedBroker

    ends = threading.Event()
    with EmbeddedBroker.of(settings) as broker:
        watching = threading.Thread(target=_keep, args=(broker, ends, say), name="kept-broker", daemon=True)
        watching.start()
        try:
            yield settings.kafka_address
        finally:
            ends.set()
            watching.join()


def _keep(broker: EmbeddedBroker, ends: threading.Event, say: Callable[[str], None]) -> None:
    left = STARTS
    while left and not ends.wait(POLL_SECONDS):
        if broker.adopted or broker.is_running:
            continue
        left -= 1
        say("Kafka ended unexpectedly; it is started again")
        try:
            broker.start()
        except Exception as error:
            say(f"Kafka did not start ({error})")
    if not left:
        say("Kafka is not started again; type `steam-assets broker` in another terminal, or begin this command anew")


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
