"""The embedded broker keeps its data, can be shared, rejects a taken port, and never outlives its starter."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from steam_assets.commands.local_broker import kept_broker
from steam_assets.kafka.connection import KafkaUnavailable, cluster_id
from steam_assets.kafka.embedded_broker import BrokerFailed, EmbeddedBroker, PortTaken
from steam_assets.loopback import free_port
from steam_assets.settings import Settings
from steam_assets_tests.deployment import ANY_NAME
from steam_assets_tests.nightly import rest_nightly
from steam_assets_tests.waiting import in_time, wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.process]


def settings(broker: EmbeddedBroker) -> Settings:
    return Settings.model_validate({"kafka_bootstrap_servers": broker.address})


def test_a_restart_keeps_the_cluster(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path, free_port())
    with broker:
        first = cluster_id(settings(broker))
    assert not broker.is_running
    with broker:
        assert cluster_id(settings(broker)) == first
        broker.kill()
        assert not broker.is_running
        broker.start()
        assert cluster_id(settings(broker)) == first


def test_a_kept_broker_is_started_again_when_it_is_killed(tmp_path: Path) -> None:
    here, said = Settings(home=tmp_path, embedded_kafka_port=free_port()), list[str]()
    with kept_broker(here, said.append) as address:
        reachable = Settings(home=tmp_path, kafka_bootstrap_servers=address)
        first = cluster_id(reachable)
        (java,) = [one for one in psutil.process_iter() if f"{tmp_path}/kafka" in _folder_of(one)]
        java.kill()
        wait_until(lambda: said or None, 30, "the notice")

        def again() -> bool | None:
            with suppress(KafkaUnavailable):
                return cluster_id(reachable, 1) == first
            return None

        assert wait_until(again, 60, "the broker")
    assert said == ["Kafka ended unexpectedly; it is started again"]


def _folder_of(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return process.cwd() if process.name() == "java" else ""
    return ""


def test_a_running_broker_of_the_same_folder_is_adopted_and_left_running(broker: EmbeddedBroker) -> None:
    with EmbeddedBroker(broker.folder, broker.port) as second:
        assert second.adopted and second.is_running and second.pid == broker.pid
    assert broker.is_running
    assert cluster_id(settings(broker))


def test_a_port_taken_by_another_broker_names_the_setting(broker: EmbeddedBroker, tmp_path: Path) -> None:
    with pytest.raises(PortTaken, match="STEAM_EMBEDDED_KAFKA_PORT"):
        EmbeddedBroker(tmp_path, broker.port).start()


def test_a_port_taken_by_something_else_names_the_setting(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(PortTaken, match="STEAM_EMBEDDED_KAFKA_PORT"),
    ):
        EmbeddedBroker(tmp_path, other.getsockname()[1]).start()


def test_a_broker_that_cannot_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path, free_port()):
        pass
    meta = tmp_path / "data" / "meta.properties"
    meta.write_text(meta.read_text().replace("node.id=1", "node.id=7"))
    with pytest.raises(BrokerFailed, match="Stored node id 7"):
        EmbeddedBroker(tmp_path, free_port()).start()


def test_a_broker_keeps_its_data_below_its_folder_whatever_its_name(tmp_path: Path) -> None:
    """Read as ISO-8859-1 with escapes, or as a list with commas, the name would be that of other folders."""
    folder = tmp_path / ANY_NAME / "kafka"
    with EmbeddedBroker(folder, free_port()):
        assert (folder / "data" / "meta.properties").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [Path(ANY_NAME).parts[0]]


@pytest.mark.parametrize("ending", rest_nightly([signal.SIGKILL, signal.SIGINT]))
def test_no_broker_outlives_the_process_that_started_it(ending: signal.Signals, tmp_path: Path) -> None:
    port = free_port()
    program = (
        "import sys, threading, pathlib\n"
        "from steam_assets.kafka.embedded_broker import EmbeddedBroker\n"
        "broker = EmbeddedBroker(pathlib.Path(sys.argv[1]), int(sys.argv[2]))\n"
        # The thread that starts the broker ends at once, which must not end the broker.
        "starter = threading.Thread(target=broker.start); starter.start(); starter.join()\n"
        "print(broker.pid, flush=True)\n"
        "threading.Event().wait()\n"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path), str(port)], stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    assert psutil.pid_exists(pid)
    os.kill(starter.pid, ending)
    starter.wait(30)
    starter.stdout.close()
    wait_until(
        lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE or None,
        30,
        "the end of the broker",
    )
    group = [process for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == str(tmp_path)]
    wait_until(lambda: not any(process.is_running() for process in group) or None, 15, "the end of its processes")


def test_an_unreachable_address_is_reported_within_the_deadline() -> None:
    nobody = Settings.model_validate({"kafka_bootstrap_servers": f"127.0.0.1:{free_port()}"})
    began = time.monotonic()
    with pytest.raises(KafkaUnavailable, match="STEAM_KAFKA_BOOTSTRAP_SERVERS"):
        cluster_id(nobody, deadline=2)
    assert in_time(time.monotonic() - began, 5)
