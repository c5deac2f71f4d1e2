"""Two concurrent commands on one home both finish; soak/test_two_runs.py has two for one partition."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steam_assets.loopback import free_port
from steam_assets_tests.faults.command_home import Home

DAY, WEEK = "2026-11-18", "2026-11-10"


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.process
@pytest.mark.nightly
def test_two_commands_share_a_new_home_and_its_broker(home: Home) -> None:
    """One starts the broker and stops it only when the other no longer needs it; both initialize the same instance."""
    own = {"STEAM_KAFKA_BOOTSTRAP_SERVERS": "", "STEAM_EMBEDDED_KAFKA_PORT": str(free_port())}
    shared = replace(home, environment={**home.environment, **own})
    commands = [shared.raw("first", "most_played", DAY), shared.raw("second", "top_sellers", WEEK)]
    assert [command.ends() for command in commands] == [0, 0], [command.output for command in commands]
    assert home.has_raw("most_played", DAY) and home.has_raw("top_sellers", WEEK)
    assert home.holders() == set()
