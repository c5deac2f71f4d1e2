"""A Kafka for the length of a command: the embedded one, or the one that the settings name.

Belongs here: deciding which. Does not belong here: how a broker runs (kafka/embedded_broker.py).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from steam_assets.settings import Settings


@contextmanager
def broker_for(settings: Settings, *, shared: bool = False) -> Iterator[str]:
    """Bootstrap address of a broker that answers. One of this HOME that runs already is used and left running.

    ``shared``: at the end, but not at Ctrl-C, wait for the commands that use the broker that this one started.
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


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
