"""Two concurrent commands on one home both finish."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steam_assets.kafka.embedded_broker import free_port
from steam_assets.ledger.records import RawRecord
from steam_assets.sources import source_named
from steam_assets_tests.faults.command_home import Home

DAY, WEEK = "2026-11-18", "2026-11-10"


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.process
def test_two_commands_share_a_new_home_and_its_broker(home: Home) -> None:
    """One starts the broker and stops it only when the other no longer needs it; both initialize the same instance."""
    own = {"STEAM_KAFKA_BOOTSTRAP_SERVERS": "", "STEAM_EMBEDDED_KAFKA_PORT": str(free_port())}
    shared = replace(home, environment={**home.environment, **own})
    commands = [shared.raw("first", "most_played", DAY), shared.raw("second", "top_sellers", WEEK)]
    assert [command.ends() for command in commands] == [0, 0], [command.output for command in commands]
    assert home.has_raw("most_played", DAY) and home.has_raw("top_sellers", WEEK)
    assert home.holders() == set()


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.kafka
@pytest.mark.process
def test_two_commands_on_one_partition_fetch_it_once(home: Home) -> None:
    commands = [home.raw(name, "top_sellers", WEEK) for name in ("first", "second")]
    assert [command.ends() for command in commands] == [0, 0], [command.output for command in commands]
    manifest = home.lake.raw(source_named("top_sellers")).record(RawRecord, WEEK)
    assert manifest is not None
    assert len(manifest.batches) == 1
