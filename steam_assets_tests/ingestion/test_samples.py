"""Several samples per day: each is a batch of the day it was taken; missed or lost samples are never made up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from steam_assets.extraction.errors import NotAvailable
from steam_assets.ingestion.landing import land
from steam_assets.ingestion.resolve_raw import Origin, RawResolver, Resolved
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.lake.iceberg_table import of_partitions
from steam_assets.lake.raw_tables import commit_batch
from steam_assets.ledger.freshness import freshness
from steam_assets.ledger.records import RawRecord
from steam_assets.simulator import Simulator
from steam_assets.sources import source_named
from steam_assets_tests.deployment import Deployment, deployment_in

pytestmark = pytest.mark.kafka

SAMPLED = replace(source_named("most_played"), sampled_every="minutes_between")
DAY = "2026-11-17"
MIDNIGHT = datetime(2026, 11, 17, tzinfo=UTC)
NEXT_DAY = MIDNIGHT + timedelta(days=1)


class Sampling:
    """A deployment that takes samples on one day."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment

    def resolve(self, moment: datetime) -> Resolved:
        self.deployment.at(moment)
        resolver = RawResolver(self.deployment.lake, self.deployment.clock)
        return resolver.resolve_raw(SAMPLED, DAY, tuple)

    def land(self, resolved: Resolved) -> None:
        lake = self.deployment.lake
        for receipt in resolved.receipts:
            landed = land(lake, SAMPLED, receipt, self.deployment.clock.now())
            commit_batch(lake.raw(SAMPLED), DAY, landed.batch, landed.files)

    def take(self, *moments: datetime) -> None:
        for moment in moments:
            self.land(self.resolve(moment))

    @property
    def taken(self) -> list[datetime]:
        """When each sample in the day's raw partition was taken."""
        record = self.deployment.lake.raw(SAMPLED).record(RawRecord, DAY)
        return [batch.fetched_at for batch in record.batches if batch.fetched_at] if record else []

    @property
    def asked(self) -> int:
        return len(self.deployment.simulator.requests)


@pytest.fixture
def sampling(tmp_path: Path, simulator: Simulator, broker: EmbeddedBroker) -> Iterator[Sampling]:
    yield Sampling(deployment_in(tmp_path, None, simulator, broker.address))
    simulator.clear_now()


def hours(*numbers: float) -> list[datetime]:
    return [MIDNIGHT + timedelta(hours=number) for number in numbers]


def test_each_run_on_the_day_adds_a_sample_and_a_later_run_none(sampling: Sampling) -> None:
    """Two runs in one minute add two. After midnight the day no longer changes, and the service is not asked."""
    sampling.take(*hours(1, 2, 2, 23.9))
    assert sampling.taken == hours(1, 2, 2, 23.9)
    asked = sampling.asked
    assert sampling.resolve(NEXT_DAY) == Resolved(Origin.PRESENT)
    assert sampling.asked == asked
    assert list(sampling.deployment.lake.raw(SAMPLED).records(RawRecord)) == [DAY]


def test_a_day_without_samples_is_a_gap(sampling: Sampling) -> None:
    asked = sampling.asked
    with pytest.raises(NotAvailable, match=f"gap: most_played {DAY}"):
        sampling.resolve(NEXT_DAY)
    assert sampling.asked == asked


def test_a_sample_that_was_published_but_not_landed_lands_with_the_next_one(sampling: Sampling) -> None:
    """Its run died in between; once the day is over, it is landed alone."""
    first, second, third = hours(1, 2, 3)
    sampling.resolve(first)
    sampling.take(second)
    assert sorted(sampling.taken) == [first, second]
    sampling.resolve(third)
    late = sampling.resolve(NEXT_DAY)
    assert (late.origin, len(late.receipts)) == (Origin.KAFKA, 1)
    sampling.land(late)
    assert sorted(sampling.taken) == [first, second, third]


def test_lost_files_are_restored_before_another_sample_is_taken(sampling: Sampling) -> None:
    """The batches are in the topic. Sampling first would leave a partition that refers to missing files."""
    sampling.take(*hours(1, 2))
    table = sampling.deployment.lake.raw(SAMPLED)
    loaded = table.load()
    assert loaded is not None
    lost, *_ = loaded.scan(row_filter=of_partitions([DAY])).plan_files()
    loaded.io.delete(lost.file.file_path)
    back = sampling.resolve(hours(3)[0])
    assert (back.origin, len(back.receipts)) == (Origin.KAFKA, 2)
    sampling.land(back)
    assert table.is_whole(DAY)
    sampling.take(*hours(4))
    assert sampling.taken == hours(1, 2, 4)


def test_an_open_day_is_neither_late_nor_unfinished_and_a_past_one_is(sampling: Sampling) -> None:
    """During the day uncleaned raw data is expected; the next morning it is reported as unfinished."""
    sampling.take(*hours(1))
    lake = sampling.deployment.lake
    assert freshness(lake, SAMPLED, hours(2)[0]).unfinished == ()
    assert freshness(lake, SAMPLED, NEXT_DAY).unfinished == (DAY,)
    assert freshness(lake, source_named("most_played"), hours(2)[0]).unfinished == (DAY,)
