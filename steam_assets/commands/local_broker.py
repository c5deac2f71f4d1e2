"""A Kafka for the duration of a command: the embedded one, or the one in the settings.

Belongs here: choosing between them. Does not belong here: how a broker runs (kafka/embedded_broker.py).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steam_assets.settings import Settings


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


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
