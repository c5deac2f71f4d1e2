"""The configuration of an embedded broker: its place in a cluster, Kafka's properties, and its logging.

Belongs here: the content of its configuration files. Does not belong here: writing them, starting it
(embedded_broker.py).
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from steam_assets.loopback import LOOPBACK

LOGGING = """\
status = error
appender.file.type = RollingFile
appender.file.name = file
appender.file.fileName = broker.log
appender.file.filePattern = broker.log.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{ISO8601} %p %m (%c{1})%n%throwable{5}
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 5MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 2
rootLogger.level = WARN
rootLogger.appenderRef.file.ref = file
"""


@dataclass(frozen=True)
class Member:
    """A broker's place in its cluster; by default it is the only one."""

    node_id: int = 1
    cluster_id: str | None = None
    controller_ports: Mapping[int, int] | None = None

    @property
    def alone(self) -> bool:
        return self.controller_ports is None


def new_cluster_id() -> str:
    """A new cluster id in the format of Kafka's own tools."""
    made = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    # Kafka's tools would parse a leading hyphen as an option.
    return new_cluster_id() if made.startswith("-") else made


def configuration(port: int, member: Member, controllers: Mapping[int, int]) -> dict[str, object]:
    """Kafka's properties for a broker; ``controllers`` has the port of each node's controller."""
    replicas = len(controllers)
    enough = 2 if replicas > 2 else 1
    own = controllers[member.node_id]
    return {
        "process.roles": "broker,controller",
        "node.id": member.node_id,
        "controller.quorum.voters": ",".join(f"{node}@{LOOPBACK}:{at}" for node, at in controllers.items()),
        "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{own}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        # Relative to the broker's working directory: the value is a comma-separated list in an ISO-8859-1 file, and the
        # folder's name may contain any character.
        "log.dirs": "data",
        "auto.create.topics.enable": "false",
        "default.replication.factor": replicas,
        "min.insync.replicas": enough,
        "offsets.topic.replication.factor": replicas,
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": enough,
        "transaction.state.log.num.partitions": 4,
        # A dead producer's open transaction blocks readers, so check often for expired ones.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
        "message.max.bytes": 34 * 1024 * 1024,
        "replica.fetch.max.bytes": 34 * 1024 * 1024,
        "log.segment.bytes": 64 * 1024 * 1024,
        "log.retention.check.interval.ms": 60_000,
        "log.cleaner.dedupe.buffer.size": 4 * 1024 * 1024,
        "log.index.size.max.bytes": 1024 * 1024,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "background.threads": 2,
        "group.initial.rebalance.delay.ms": 0,
        # A killed broker can rejoin only after its old registration has expired.
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        # By default an idle controller writes twice a second, for a third of an idle broker's CPU time.
        "metadata.max.idle.interval.ms": 5000,
    }
