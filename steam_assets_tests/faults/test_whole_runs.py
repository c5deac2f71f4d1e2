"""Each fault of the simulator, and midnight, through whole runs: a partition is whole and right, or not there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple

import pytest

from steam_assets.ingestion.resolve_raw import RawResolver
from steam_assets.kafka.consumer import find_batches
from steam_assets.ledger.records import RawRecord
from steam_assets.orchestration import ingest_ops
from steam_assets.orchestration.launch import RunFailed
from steam_assets.orchestration.stages import Stage
from steam_assets.simulator import faults
from steam_assets.simulator.delivery import Reply
from steam_assets.sources import source_named
from steam_assets.sources.source import Source
from steam_assets_tests.deployment import NOW, Deployment
from steam_assets_tests.faults.conftest import HASTY

pytestmark = [pytest.mark.fault, pytest.mark.kafka, pytest.mark.slow]

SELLERS, NEWS, REVIEWS, MOST_PLAYED = map(source_named, ("top_sellers", "news", "reviews", "most_played"))


QUICK = replace(HASTY, answer_seconds=1, total_seconds=4)


class Case(NamedTuple):
    """A fault, and the source that meets it."""

    fault: faults.Fault
    source: Source = SELLERS
    apps: Sequence[int] = ()


CASES = [
    Case(faults.FixedBody()),
    Case(faults.TooManyRequests()),
    Case(faults.AccessDenied()),
    Case(faults.ServerError()),
    Case(faults.HtmlForJson()),
    Case(faults.EmptyResponse()),
    Case(faults.TruncatedBody()),
    Case(faults.TruncatedBody(content_length=False)),
    Case(faults.OversizedBody(megabytes=33)),
    Case(faults.GzipBomb(megabytes=33)),
    Case(faults.SlowBody()),
    Case(faults.ConnectionReset()),
    Case(faults.Redirect(location="http://169.254.169.254/")),
    Case(faults.WrongWeek()),
    Case(faults.OtherCountry()),
    Case(faults.OtherLanguage()),
    Case(faults.Drift(field="appid", literal='"abc"', every=5)),
    Case(faults.UnknownApp(contains='"appid":"570"'), NEWS, (730, 570)),
    Case(faults.RepeatedCursor(path="/IUserReviewsService/"), REVIEWS, (730,)),
    Case(faults.StaleBody(hours=24), MOST_PLAYED),
]


def kinds(base: type[faults.Fault] = faults.Fault) -> Iterator[type[faults.Fault]]:
    for kind in base.__subclasses__():
        if kind.__module__ == faults.__name__ and not kind.__name__.startswith("_"):
            yield kind
        yield from kinds(kind)


def failure(deployment: Deployment, case: Case, key: str) -> str:
    """The error of a run of raw data and its backup under the fault; empty if it succeeds."""
    deployment.simulator.faults.add(case.fault)
    with pytest.MonkeyPatch.context() as patched:
        # Such a run gives up within seconds instead of minutes.
        patched.setattr(ingest_ops, "RawResolver", partial(RawResolver, retry_policy=QUICK))
        try:
            deployment.run(case.source, key, stages=(Stage.RAW, Stage.RAW_BACKUP), apps=case.apps)
        except RunFailed as error:
            return str(error)
        finally:
            deployment.simulator.faults.clear()
    return ""


def test_every_fault_has_a_case() -> None:
    assert {type(case.fault) for case in CASES} == {*kinds()}


@pytest.mark.spark
@pytest.mark.nightly
def test_under_each_fault_a_run_leaves_a_whole_partition_or_none(deployment: Deployment) -> None:
    """Each case has a partition of its own. When the faults are over, all of them are there, and every count agrees."""
    before = len([case for case in CASES if case.source is SELLERS])
    good = SELLERS.cadence.containing(SELLERS.cadence.newest(NOW).start - timedelta(weeks=before)).key
    # A language that was ignored shows only beside an earlier response.
    deployment.run(SELLERS, good, stages=(Stage.RAW, Stage.RAW_BACKUP))
    asked: dict[str, tuple[Source, list[str]]] = {SELLERS.name: (SELLERS, [good])}
    failed = set[type[faults.Fault]]()
    for number, case in enumerate(CASES):
        newest = case.source.cadence.newest(NOW)
        back = number if case.source is SELLERS else 0
        key = case.source.cadence.containing(newest.start - timedelta(weeks=back)).key
        asked.setdefault(case.source.name, (case.source, []))[1].append(key)
        if said := failure(deployment, case, key):
            failed.add(type(case.fault))
            assert len(said) > 30 and "\n" not in said, case
            assert deployment.status(case.source, key).raw is None, case
            assert find_batches(deployment.settings, case.source, [key]) == [], case
    assert failed >= {faults.ServerError, faults.WrongWeek, faults.StaleBody}
    for source, keys in asked.values():
        deployment.run_range(source, min(keys), max(keys), tuple(Stage))
        for key in keys:
            status = deployment.status(source, key)
            assert status.up_to_date and status.raw is not None, (source.name, key)
            for batch in status.raw.included:
                assert batch.fetched == batch.published == batch.landed
            for table in status.tables:
                record = table.record
                assert record is not None
                assert record.items == status.published(table.table) == status.landed(table.table)
                assert record.items == record.clean + record.quarantined + record.duplicates


BEFORE, AFTER = datetime(2026, 11, 17, 23, 59, 58, tzinfo=UTC), datetime(2026, 11, 18, 0, 0, 3, tzinfo=UTC)


def across_midnight(deployment: Deployment) -> faults.Fault:
    """A fault that costs nothing but time: it is midnight when the response arrives."""

    class Midnight(faults.Fault, frozen=True):
        def change(self, reply: Reply, params: faults.Params) -> Reply:
            deployment.at(AFTER)
            return reply

    return Midnight(times=1)


def test_a_finished_week_that_is_fetched_across_midnight_keeps_its_key(deployment: Deployment) -> None:
    key = NEWS.cadence.newest(BEFORE).key
    deployment.at(BEFORE)
    deployment.simulator.faults.add(across_midnight(deployment))
    deployment.run(NEWS, key, stages=(Stage.RAW, Stage.RAW_BACKUP), apps=(730,))
    assert deployment.clock.now() == AFTER
    assert [*deployment.lake.raw(NEWS).records(RawRecord)] == [key]
    assert deployment.status(NEWS, key).raw_backed_up


def test_a_live_chart_that_arrives_after_midnight_belongs_to_neither_day(deployment: Deployment) -> None:
    """The next run, on the new day, stores the new day's chart under its own key."""
    deployment.at(BEFORE)
    deployment.simulator.faults.add(across_midnight(deployment))
    with pytest.raises(RunFailed, match="live data belongs only to the window in which it was fetched"):
        deployment.run(MOST_PLAYED, f"{BEFORE:%F}", stages=(Stage.RAW,))
    assert deployment.lake.raw(MOST_PLAYED).records(RawRecord) == {}
    deployment.at(NOW)
    deployment.run(MOST_PLAYED, f"{AFTER:%F}", stages=(Stage.RAW,))
    assert [*deployment.lake.raw(MOST_PLAYED).records(RawRecord)] == [f"{AFTER:%F}"]
