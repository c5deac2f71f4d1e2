"""Two concurrent commands for one partition: one fetches it, and both finish."""

from __future__ import annotations

from datetime import timedelta

import pytest

from steam_assets.lake.backup import verify
from steam_assets.ledger.records import RawRecord
from steam_assets.sources import source_named
from steam_assets_tests.deployment import NOW
from steam_assets_tests.faults.command_home import Home
from steam_assets_tests.soak.conftest import Soak

WHOLE, SHORT = 200, 1
SOURCE = source_named("top_sellers")


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.process
@pytest.mark.kafka
@pytest.mark.nightly
def test_two_concurrent_commands_for_one_partition_fetch_it_once(soak: Soak, home: Home) -> None:
    newest = SOURCE.cadence.latest_finished(NOW)
    pairs = 0
    for pairs in soak.rounds("pairs of commands", WHOLE, SHORT):
        key = SOURCE.cadence.containing(newest.start - timedelta(weeks=pairs)).key
        pair = [home.raw(f"{pairs}-{which}", SOURCE.name, key) for which in range(2)]
        assert [command.ends() for command in pair] == [0, 0], [command.output for command in pair]
        record = home.lake.raw(SOURCE).record(RawRecord, key)
        assert record is not None
        assert len(record.batches) == 1
        assert verify(home.lake.raw(SOURCE), [record]) == []
    soak.found(
        "Two commands at once on one partition",
        f"{pairs + 1} pairs: one fetched it, both ended with exit code 0",
    )
