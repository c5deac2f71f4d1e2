"""The simulator starts and stops cleanly, in this process and in a separate one."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest
import requests

from steam_assets.simulator import Simulator, SimulatorError

FOREGROUND = "from steam_assets.simulator import Simulator; Simulator(apps=10).run(lambda url: print(url, flush=True))"


def test_a_taken_port_is_named() -> None:
    with Simulator(apps=10) as sim:
        port = int(sim.url.rsplit(":", 1)[1])
        with (
            pytest.raises(SimulatorError, match=rf"{port} cannot be used .* choose another port"),
            Simulator(port=port),
        ):
            pass


def test_the_server_has_an_address_only_while_it_runs() -> None:
    simulator = Simulator(apps=10)
    with pytest.raises(SimulatorError, match="not running"):
        _ = simulator.url
    with simulator:
        url = simulator.url
        assert requests.get(f"{url}/nowhere", timeout=30).status_code == 404
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(f"{url}/nowhere", timeout=30)
    with pytest.raises(SimulatorError, match="not running"):
        _ = simulator.url


def test_it_leaves_no_thread_behind_even_with_an_open_connection() -> None:
    before = threading.active_count()
    with Simulator(apps=10) as sim, requests.Session() as session:
        assert session.get(f"{sim.url}/nowhere", timeout=30).status_code == 404
    assert threading.active_count() == before


def test_in_the_foreground_it_prints_its_address_and_ends_on_interrupt() -> None:
    with subprocess.Popen([sys.executable, "-c", FOREGROUND], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        try:
            answer = requests.get(f"{url}/ISteamNews/GetNewsForApp/v2/", params={"appid": 730, "count": 1}, timeout=30)
            assert answer.json()["appnews"]["count"] > 0
            process.send_signal(signal.SIGINT)
            process.wait(20)
        finally:
            process.kill()
