"""A cluster of real brokers on this machine, one of which can be killed."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from steam_assets.kafka.broker_configuration import Member, new_cluster_id
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.loopback import free_port


class BrokerCluster:
    """Several brokers on this machine, each also a controller; every message is replicated to all of them."""

    def __init__(self, folder: Path, nodes: int = 3, heap_mb: int = 256) -> None:
        controllers = {node: free_port() for node in range(1, nodes + 1)}
        identity = new_cluster_id()
        self.brokers = [
            EmbeddedBroker(folder / f"node-{node}", free_port(), heap_mb, member=Member(node, identity, controllers))
            for node in controllers
        ]

    @property
    def address(self) -> str:
        return ",".join(broker.address for broker in self.brokers)

    def node(self, node_id: int) -> EmbeddedBroker:
        """The broker with a node ID from Kafka's metadata (from 1)."""
        return self.brokers[node_id - 1]

    def __enter__(self) -> Self:
        # Start them together: no broker is ready before a majority of the controllers is.
        for broker in self.brokers:
            broker.launch()
        for broker in self.brokers:
            broker.wait_until_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for broker in self.brokers:
            broker.kill()
