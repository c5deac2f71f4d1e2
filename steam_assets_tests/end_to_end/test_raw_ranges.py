"""A range of raw partitions is one run, but each partition commits, resumes and fails on its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
import pytest

from steam_assets.ledger.records import RawRecord
from steam_assets.orchestration.build import build_defs
from steam_assets.orchestration.ingest_ops import PartitionBegins, unobserved
from steam_assets.orchestration.launch import Launcher, RunFailed
from steam_assets.orchestration.run_status import failed_partitions
from steam_assets.orchestration.source_assets import raw_key
from steam_assets.orchestration.stages import Stage
from steam_assets.simulator.faults import HtmlForJson, Redirect
from steam_assets.sources import source_named
from steam_assets.sources.source import Source
from steam_assets_tests.deployment import NOW, Deployment

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

SELLERS, PLAYED = source_named("top_sellers"), source_named("most_played")
WEEKS = [window.key for window in SELLERS.cadence.between("2026-10-06", "2026-11-10")]


class Collector:
    """Collects raw ranges on a deployment and reads what its instance recorded."""

    def __init__(self, deployment: Deployment, instance: dg.DagsterInstance) -> None:
        self.deployment, self.instance = deployment, instance
        self._known = len(deployment.simulator.requests)
        defs = build_defs(settings=deployment.settings, resource_overrides={"clock": deployment.clock})
        self._launcher = Launcher(defs, instance)

    def collect(
        self,
        keys: list[str],
        begins: PartitionBegins = unobserved,
        source: Source = SELLERS,
    ) -> list[str]:
        """Collect raw data in one run; return the keys it kept."""
        return self._launcher.range(source, (Stage.RAW,), keys, begins=begins).kept

    def landed(self, source: Source = SELLERS) -> list[str]:
        records = self.deployment.lake.raw(source).records(RawRecord)
        assert all(record.batches for record in records.values())
        return [*records]

    def shown(self, source: Source = SELLERS) -> dict[str, int]:
        """The messages that the Dagster UI shows for landed partitions."""
        wanted = dg.AssetRecordsFilter(asset_key=raw_key(source))
        found = [record.asset_materialization for record in self.instance.fetch_materializations(wanted, 1000).records]
        return {str(one.partition): int(str(one.metadata["landed"].value)) for one in found if one}

    def weeks_asked_for(self) -> set[str]:
        """The weeks whose charts were requested since the last call."""
        requests = [*self.deployment.simulator.requests]
        new, self._known = requests[self._known :], len(requests)
        sent = " ".join(str(one.params) for one in new if one.path.startswith("/IStoreTopSellersService"))
        return {key for key in WEEKS if start_of(key) in sent}


def start_of(week: str) -> str:
    """The week's start as requests give it: in Unix seconds."""
    return str(int(SELLERS.cadence.window(week).start.timestamp()))


def moved(week: str) -> Redirect:
    """Redirect requests for one week's chart."""
    return Redirect(contains=start_of(week), location="https://store.steampowered.com/")


@pytest.fixture
def collector(deployment: Deployment) -> Iterator[Collector]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Collector(deployment, instance)


def test_a_range_is_one_run_with_each_partitions_own_record(collector: Collector) -> None:
    begun: list[str] = []
    assert collector.collect(WEEKS, lambda _source, key: begun.append(key)) == []
    assert collector.landed() == begun == WEEKS
    assert collector.weeks_asked_for() == {*WEEKS}
    (run,) = collector.instance.get_runs()
    assert run.is_success
    lake = collector.deployment.lake
    records = lake.raw(SELLERS).records(RawRecord)
    assert collector.shown() == {key: sum(b.landed for b in record.batches) for key, record in records.items()}
    assert collector.collect(WEEKS) == WEEKS, "a second run keeps all"
    assert collector.weeks_asked_for() == set()


@pytest.mark.parametrize("bad", [[WEEKS[0], WEEKS[3]], WEEKS[-1:]])
def test_a_partition_fails_alone_and_the_next_run_fetches_no_other(collector: Collector, bad: list[str]) -> None:
    collector.deployment.simulator.faults.add(*(moved(week) for week in bad))
    good = [week for week in WEEKS if week not in bad]
    with pytest.raises(RunFailed) as failure:
        collector.collect(WEEKS)
    assert str(failure.value).startswith(f"{len(bad)} of {len(WEEKS)} partitions failed: {bad[0]}: ")
    assert all(f"{week}: " in str(failure.value) for week in bad)
    assert failure.value.committed(SELLERS, Stage.RAW) == collector.landed() == [*collector.shown()][::-1] == good
    assert {*failed_partitions(collector.instance, SELLERS, datetime.now(UTC), 1)} == {*bad}

    collector.deployment.simulator.faults.clear()
    collector.weeks_asked_for()
    assert collector.collect(WEEKS) == good
    assert collector.weeks_asked_for() == {*bad}
    assert collector.landed() == WEEKS
    assert failed_partitions(collector.instance, SELLERS, datetime.now(UTC), 1) == {}


def test_a_run_that_died_is_continued_where_it_stopped(collector: Collector) -> None:
    """Nothing was landed yet: published batches are found in the topic, and only the rest is fetched."""

    def dies(_source: Source, key: str) -> None:
        if key == WEEKS[3]:
            raise RuntimeError("the machine went away")

    with pytest.raises(RunFailed, match="the machine went away"):
        collector.collect(WEEKS, dies)
    assert collector.landed() == []
    assert collector.weeks_asked_for() == {*WEEKS[:3]}
    collector.collect(WEEKS)
    assert collector.weeks_asked_for() == {*WEEKS[3:]}
    assert collector.landed() == WEEKS


def test_the_rest_of_a_range_is_not_requested_from_a_source_that_is_down(collector: Collector) -> None:
    """It stops after two failed partitions in a row; partitions completed before them stay."""
    down = HtmlForJson(path="/IStoreTopSellersService")

    def goes_down(_source: Source, key: str) -> None:
        if key == WEEKS[2]:
            collector.deployment.simulator.faults.add(down)

    with pytest.raises(RunFailed, match=f"4 of {len(WEEKS)} partitions failed: {WEEKS[2]}"):
        collector.collect(WEEKS, goes_down)
    assert collector.weeks_asked_for() == {*WEEKS[:4]}
    assert collector.landed() == WEEKS[:2]


def test_a_range_of_a_live_source_has_today_and_names_the_gaps(collector: Collector) -> None:
    days = ["2026-11-16", "2026-11-17", f"{NOW:%Y-%m-%d}"]
    with pytest.raises(RunFailed, match=r"2 of 3 partitions failed: 2026-11-16: gap: .*; 2026-11-17: gap: "):
        collector.collect(days, source=PLAYED)
    assert collector.landed(PLAYED) == [*collector.shown(PLAYED)] == days[-1:]
