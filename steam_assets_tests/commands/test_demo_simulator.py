"""The demo's simulator runs in a process of its own: it is steered from here, ends with its user, and may be killed."""

from __future__ import annotations

from datetime import timedelta

import psutil
import pytest
import requests

from steam_assets.commands.demo_simulator import SimulatorDied, demo_simulator
from steam_assets_tests.simulator.queries import NOW

pytestmark = [pytest.mark.process, pytest.mark.slow]


def started() -> psutil.Process:
    (process,) = [child for child in psutil.Process().children() if "--multiprocessing-fork" in child.cmdline()]
    return process


def test_it_has_the_time_it_is_told_and_may_be_silent() -> None:
    with demo_simulator(seed=7, apps=20, reviews_per_app_week=5) as simulator:
        process = started()

        def dated() -> str:
            return requests.head(simulator.url, timeout=60).headers["date"]

        simulator.at(NOW, silent=False)
        first = dated()
        simulator.at(NOW + timedelta(days=1), silent=False)
        assert dated() != first
        simulator.at(NOW, silent=True)
        assert "<html" in requests.get(simulator.url, timeout=60).text.lower()
    assert not process.is_running()


def test_if_it_is_killed_the_message_says_what_to_do() -> None:
    with demo_simulator(seed=7, apps=20, reviews_per_app_week=5) as simulator:
        started().kill()
        with pytest.raises(SimulatorDied, match="run the demo again"):
            simulator.at(NOW, silent=False)
