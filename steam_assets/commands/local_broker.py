"""A Kafka for the length of a command: the embedded one, or the one that the settings name.

Belongs here: deciding which. Does not belong here: how a broker runs (embedded/broker.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from steam_assets.settings import Settings


@contextmanager
def broker_for(settings: Settings) -> Iterator[str]:
    """Bootstrap address of a broker that answers. One of this HOME that runs already is used and left running."""
    if not settings.embedded_kafka:
        yield settings.kafka_address
        return
    from steam_assets.embedded.broker import EmbeddedBroker

    with EmbeddedBroker.of(settings):
        yield settings.kafka_address
