"""Three brokers, one of which dies during publishing or landing; and a broker that requires authentication."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from kafka_batches import KEY, as_found, envelopes_of, new_source, publish_new, read_all, text
from pydantic import SecretStr

from steam_assets.clock import Clock
from steam_assets.ingestion.landing import land
from steam_assets.ingestion.resolve_raw import Origin, RawResolver
from steam_assets.java.jars import kafka_jars
from steam_assets.java.jvm import find_java
from steam_assets.kafka.broker_configuration import new_cluster_id
from steam_assets.kafka.connection import KafkaUnavailable, cluster_id, connection, ensure_topics, topic_of
from steam_assets.kafka.consumer import find_batches
from steam_assets.lake.lake import Lake
from steam_assets.loopback import free_port
from steam_assets.processes.supervised import Supervised
from steam_assets.settings import Settings
from steam_assets.sources.source import Fetched, FetchRequest, Request, Response, Source, SourceClient
from steam_assets.sources.steam import STEAM_API
from steam_assets_tests.kafka.broker_cluster import BrokerCluster
from steam_assets_tests.waiting import START_SECONDS

pytestmark = [pytest.mark.fault, pytest.mark.kafka, pytest.mark.process, pytest.mark.slow, pytest.mark.nightly]

ANSWERS = 4000
LAND_SECONDS = 120
NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)


def talkative_source() -> Source:
    """A source with enough 8 kB responses that publishing and landing take a while."""
    page = text(200_000)

    def extract(_client: SourceClient, fetch_request: FetchRequest) -> Iterator[Fetched]:
        for number in range(ANSWERS):
            body = f"{number} {page[number : number + 8000]}".encode()
            request = Request(STEAM_API, "page", "/", {}, lambda _: None, app_id=number)
            yield Fetched(
                Response(request, "https://example.invalid/", 200, {}, body, fetch_request.now, None), {"things": 1}
            )

    return replace(new_source(), requests=("page",), extract=extract, count=lambda window, request, body: {"things": 1})


async def _with_admin(settings: Settings, topic: str) -> dict[int, int]:
    client = AIOKafkaAdminClient(**connection(settings))
    await client.start()
    try:
        described = await client.describe_topics([topic])
        return {partition["partition"]: partition["leader"] for partition in described[0]["partitions"]}
    finally:
        await client.close()


def leaders(settings: Settings, topic: str) -> dict[int, int]:
    """The leader node of each Kafka partition."""
    return asyncio.run(_with_admin(settings, topic))


async def _written(settings: Settings, topic: str) -> int:
    consumer = AIOKafkaConsumer(**connection(settings), isolation_level="read_uncommitted")
    await consumer.start()
    try:
        ends = await consumer.end_offsets([TopicPartition(topic, number) for number in range(3)])
        return sum(ends.values())
    finally:
        await consumer.stop()


class Killer(threading.Thread):
    """Calls ``kill`` once, when ``begun`` says that the work is under way."""

    def __init__(self, begun: Callable[[], bool], kill: Callable[[], None]) -> None:
        super().__init__()
        self._begun, self._kill = begun, kill
        self.work_is_over = threading.Event()
        self.killed_during_work = False

    def run(self) -> None:
        while not self.work_is_over.wait(0.01):
            if self._begun():
                self._kill()
                self.killed_during_work = not self.work_is_over.is_set()
                return


@contextmanager
def killed_meanwhile(begun: Callable[[], bool], kill: Callable[[], None]) -> Iterator[None]:
    killer = Killer(begun, kill)
    killer.start()
    try:
        yield
    finally:
        killer.work_is_over.set()
        killer.join()
    assert killer.killed_during_work


def test_losing_leaders_while_publishing_and_landing_loses_and_duplicates_nothing(tmp_path: Path) -> None:
    """One leader dies during publishing and one during landing; every response is landed exactly once."""
    source = talkative_source()
    with BrokerCluster(tmp_path / "kafka", nodes=3) as cluster:
        settings = Settings(
            home=tmp_path / "home",
            kafka_bootstrap_servers=cluster.address,
            kafka_replication_factor=3,
            kafka_min_insync_replicas=2,
        )
        lake, topic = Lake(settings), topic_of(settings, source)
        ensure_topics(settings, source)
        resolver = RawResolver(lake, Clock(NOW))
        first = cluster.node(leaders(settings, topic)[0])
        with killed_meanwhile(lambda: asyncio.run(_written(settings, topic)) > 0, first.kill):
            resolved = resolver.resolve_raw(source, KEY, lambda: ())
        assert resolved.origin is Origin.SOURCE
        found = resolver.resolve_raw(source, KEY, lambda: ()).receipts
        assert list(found) == as_found(*resolved.receipts)
        first.start()

        (receipt,) = resolved.receipts
        second = cluster.node(leaders(settings, topic)[receipt.ranges[-1].partition])
        raw = Path(settings.root("raw"))
        with killed_meanwhile(lambda: any(raw.rglob("*.parquet")), second.kill):
            landed = land(lake, source, receipt, NOW).batch
        assert (landed.fetched, landed.published, landed.landed) == (ANSWERS, ANSWERS, ANSWERS)
        assert landed.items == {"things": ANSWERS}
        again = land(lake, source, receipt, NOW).batch
        assert again == landed


def self_made_authority(folder: Path) -> tuple[Path, Path]:
    """A CA certificate, and a broker's key and certificate for 127.0.0.1 signed by that CA (PEM files)."""
    now = datetime.now(UTC)

    def certificate(subject: str, key: ec.EllipticCurvePrivateKey, issuer: x509.Name) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
        )

    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    ca = (
        certificate("Test CA", ca_key, name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    broker = (
        certificate("broker", key, name)
        .add_extension(address, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    ca_file, broker_file = folder / "ca.pem", folder / "broker.pem"
    ca_file.write_bytes(ca.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    broker_file.write_bytes(private + broker.public_bytes(Encoding.PEM))
    return ca_file, broker_file


@contextmanager
def guarded_broker(folder: Path, certificate: Path, user: str, password: str) -> Iterator[str]:
    """The address of a broker that accepts only TLS and SCRAM-SHA-512."""
    port, inner, controller = (free_port() for _ in range(3))
    one = (
        "offsets.topic.replication.factor",
        "transaction.state.log.replication.factor",
        "transaction.state.log.min.isr",
    )
    values = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listeners": f"SASL_SSL://127.0.0.1:{port},INNER://127.0.0.1:{inner},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"SASL_SSL://127.0.0.1:{port},INNER://127.0.0.1:{inner}",
        "listener.security.protocol.map": "SASL_SSL:SASL_SSL,INNER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "INNER",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": certificate,
        "log.dirs": folder / "data",
        "message.max.bytes": 34 * 1024 * 1024,
        "auto.create.topics.enable": "false",
        **dict.fromkeys(one, 1),
    }
    file = folder / "server.properties"
    file.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    java = [str(find_java()), "-Xmx256m", "-cp", os.pathsep.join(map(str, kafka_jars()))]
    format_ = [*java, "kafka.tools.StorageTool", "format", "-t", new_cluster_id(), "-c", str(file)]
    scram = ["--add-scram", f"SCRAM-SHA-512=[name={user},password={password}]"]
    subprocess.run([*format_, *scram], check=True, capture_output=True)
    process = Supervised([*java, "kafka.Kafka", str(file)], folder=folder, output=folder / "broker.log")
    try:
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()


def test_a_broker_with_tls_and_scram_is_reached_by_settings_alone(tmp_path: Path) -> None:
    """The right password and CA publish and land; a wrong one of either is rejected with advice."""
    ca, certificate = self_made_authority(tmp_path)
    with guarded_broker(tmp_path, certificate, "steam", "right-password") as address:
        settings = Settings(
            home=tmp_path / "home",
            kafka_bootstrap_servers=address,
            kafka_security_protocol="SASL_SSL",
            kafka_sasl_username="steam",
            kafka_sasl_password=SecretStr("right-password"),
            kafka_ssl_cafile=ca,
        )
        cluster_id(settings, START_SECONDS)
        source = new_source()
        ensure_topics(settings, source)
        receipt, sent = publish_new(settings, source, [2000] * 50)
        assert find_batches(settings, source) == as_found(receipt)
        assert envelopes_of(read_all(settings, receipt)[0]) == sent
        assert land(Lake(settings), source, receipt, datetime.now(UTC)).batch.landed == 50

        for wrong in ({"kafka_sasl_password": SecretStr("wrong-password")}, {"kafka_ssl_cafile": None}):
            with pytest.raises(KafkaUnavailable, match="STEAM_KAFKA_SASL") as refusal:
                cluster_id(settings.model_copy(update=wrong), 3)
            assert "password" not in str(refusal.value).replace("STEAM_KAFKA", "")
