"""The demo's simulator runs in a process of its own: it is steered from here, ends with its user, and may be killed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import psutil
import pytest
import requests

from steam_assets.commands.demo_simulator import DemoSimulator, SimulatorDied, demo_simulator
from steam_assets_tests.simulator.queries import CHART, NOW, PLAYERS

pytestmark = [pytest.mark.process, pytest.mark.slow]


def started() -> psutil.Process:
    (process,) = [child for child in psutil.Process().children() if "--multiprocessing-fork" in child.cmdline()]
    return process


def chart_of(simulator: DemoSimulator) -> requests.Response:
    return requests.get(simulator.url + PLAYERS, params={"input_json": json.dumps(CHART)}, timeout=60)


def test_it_has_the_time_it_is_told_and_may_be_silent() -> None:
    with demo_simulator(seed=7, apps=20, reviews_per_app_week=5) as simulator:
        process = started()

        for day in range(2):
            now = NOW + timedelta(days=day)
            simulator.at(now, silent=False)
            chart = chart_of(simulator).json()["response"]
            assert now - timedelta(days=1) < datetime.fromtimestamp(chart["last_update"], UTC) <= now
        simulator.at(NOW, silent=True)
        assert "<html" in chart_of(simulator).text.lower()
    assert not process.is_running()


def test_if_it_is_killed_the_message_says_what_to_do() -> None:
    with demo_simulator(seed=7, apps=20, reviews_per_app_week=5) as simulator:
        started().kill()
        with pytest.raises(SimulatorDied, match="run the demo again"):
            simulator.at(NOW, silent=False)
