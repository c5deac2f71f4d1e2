"""Dagster's partitions match the product's windows, and each schedule tick requests the window that has data."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator  # the daemon's time zone

from steam_assets.clock import Clock
from steam_assets.kafka import topic_reader
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.loopback import free_port
from steam_assets.orchestration.build import build_defs
from steam_assets.orchestration.partitions import partitions_by_cadence
from steam_assets.orchestration.run_history import forget_runs
from steam_assets.orchestration.stages import Stage
from steam_assets.settings import Settings
from steam_assets.simulator import Simulator
from steam_assets.sources import SOURCES, source_named
from steam_assets.sources.cadence import Cadence
from steam_assets_tests.deployment import deployment_in
from steam_assets_tests.nightly import rest_nightly

PARTITIONS = partitions_by_cadence(SOURCES)


@pytest.fixture(params=["America/Los_Angeles", "Asia/Kathmandu", "UTC"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The machine's time zone."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(scope="module")
def defs(tmp_path_factory: pytest.TempPathFactory, broker: EmbeddedBroker) -> dg.Definitions:
    """A deployment whose Kafka is reachable and empty."""
    settings = Settings(
        home=tmp_path_factory.mktemp("home"),
        kafka_bootstrap_servers=broker.address,
        kafka_topic_prefix=f"test-{uuid4().hex[:12]}",
    )
    return build_defs(settings=settings)


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """An instance without run history."""
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("instance"))) as made:
        yield made


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


def ticked(defs: dg.Definitions, instance: dg.DagsterInstance, name: str, moment: datetime) -> Sequence[dg.RunRequest]:
    """What the schedule requests at ``moment``."""
    return evaluated(defs, instance, name, moment, now=moment).run_requests or ()


def evaluated(defs: dg.Definitions, instance: dg.DagsterInstance, name: str, moment: datetime, *, now: datetime) -> Any:
    """The result of evaluating the tick of ``moment`` at ``now``."""
    resources = defs.resources or {}
    context = dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=moment,
        repository_def=defs.get_repository_def(),
        resources={"lake": resources["lake"], "clock": Clock(now)},
    )
    with pytest.MonkeyPatch.context() as patch:
        # Each tick would open the instance again, which takes ten times as long as the tick.
        patch.setattr(dg.DagsterInstance, "from_ref", lambda ref: nullcontext(instance))
        return defs.resolve_schedule_def(f"{name}_schedule").evaluate_tick(context)


def test_every_cadence_has_partitions() -> None:
    assert set(PARTITIONS) == set(Cadence)


@pytest.mark.parametrize("cadence", Cadence)
def test_partitions_agree_with_the_windows_key_by_key(cadence: Cadence, zone: str) -> None:
    """Keys, starts and ends in UTC agree across leap years, DST, year ends and ISO weeks 53."""
    now = datetime(2032, 3, 2, 12, tzinfo=UTC)
    definition = PARTITIONS[cadence]
    last = cadence.containing(now) if cadence is Cadence.DAILY else cadence.latest_finished(now)
    windows = list(cadence.between(cadence.first, last.key))
    assert definition.get_partition_keys(current_time=now) == [window.key for window in windows]
    for window in windows:
        theirs = definition.time_window_for_partition_key(window.key)
        assert (theirs.start.timestamp(), theirs.end.timestamp()) == (
            window.start.timestamp(),
            window.end.timestamp(),
        ), window.key


@pytest.mark.parametrize(
    ("moment", "keys"),
    [
        (datetime(2025, 12, 31, 23, 59, 59, 999999, UTC), ["2025-12-30", "2025-12-31"]),
        (datetime(2026, 1, 1, tzinfo=UTC), ["2025-12-31", "2026-01-01"]),
        (datetime(2024, 2, 29, 23, 59, 59, 999999, UTC), ["2024-02-28", "2024-02-29"]),
    ],
)
def test_the_present_day_is_a_partition_from_its_first_microsecond(moment: datetime, keys: list[str]) -> None:
    """A live snapshot is taken during its own day; tomorrow is not a partition yet."""
    assert PARTITIONS[Cadence.DAILY].get_partition_keys(current_time=moment)[-2:] == keys


TICKS = [
    # (cadence, time of the tick, requested key)
    ("daily", datetime(2026, 11, 18, 21, tzinfo=UTC), "2026-11-18"),
    ("daily", datetime(2026, 3, 8, 21, tzinfo=UTC), "2026-03-08"),
    ("daily", datetime(2024, 2, 29, 21, tzinfo=UTC), "2024-02-29"),
    ("daily", datetime(2025, 12, 31, 21, tzinfo=UTC), "2025-12-31"),
    ("weekly", datetime(2026, 11, 18, 6, tzinfo=UTC), "2026-11-10"),
    ("weekly", datetime(2026, 11, 4, 6, tzinfo=UTC), "2026-10-27"),
    ("weekly", datetime(2027, 1, 6, 6, tzinfo=UTC), "2026-12-29"),
    ("weekly", datetime(2024, 3, 6, 6, tzinfo=UTC), "2024-02-27"),
    ("monthly", datetime(2026, 11, 20, 6, tzinfo=UTC), "2026-10-01"),
    ("monthly", datetime(2026, 1, 20, 6, tzinfo=UTC), "2025-12-01"),
    ("monthly", datetime(2024, 3, 20, 6, tzinfo=UTC), "2024-02-01"),
]


@pytest.mark.parametrize(("name", "moment", "key"), TICKS)
def test_a_tick_requests_the_window_that_is_available(
    defs: dg.Definitions, idle: dg.DagsterInstance, zone: str, name: str, moment: datetime, key: str
) -> None:
    """Daily: the current day. Wednesday: the Tuesday week just ended. On the 20th: the previous month."""
    (request,) = ticked(defs, idle, name, moment)
    assert (request.partition_key, request.run_key) == (key, key)
    assert key in PARTITIONS[Cadence(name)].get_partition_keys(current_time=moment)
    window = Cadence(name).window(key)
    for source in (s for s in SOURCES if s.cadence.value == name):
        assert source.history.refusal(window, moment) is None


# The one zone with DST; the other tick tests run in every zone.
@pytest.mark.parametrize("zone", ["America/Los_Angeles"], indirect=True)
@pytest.mark.parametrize("name", rest_nightly(["weekly", "monthly", "daily"], kept=2))
def test_ticks_are_in_utc_and_at_the_time_of_publication(
    defs: dg.Definitions, idle: dg.DagsterInstance, zone: str, name: str
) -> None:
    """A year of ticks from the cron expression has one tick per window and leaves no window out."""
    schedule = defs.resolve_schedule_def(f"{name}_schedule")
    assert schedule.execution_timezone == "UTC"
    begin = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    asked: list[str] = []
    for moment in schedule_execution_time_iterator(begin, str(schedule.cron_schedule), "UTC"):
        if moment.timestamp() >= datetime(2027, 2, 1, tzinfo=UTC).timestamp():
            break
        (request,) = ticked(defs, idle, name, moment)
        asked.append(str(request.partition_key))
    assert asked == [window.key for window in Cadence(name).between(asked[0], asked[-1])]
    assert len(asked) == {"daily": 396, "weekly": 56, "monthly": 13}[name]


@pytest.mark.parametrize("automation", [False, True])
def test_schedules_are_off_unless_the_setting_turns_them_on(tmp_path: Path, automation: bool) -> None:
    defs = build_defs(settings=Settings(home=tmp_path, automation=automation))
    expected = dg.DefaultScheduleStatus.RUNNING if automation else dg.DefaultScheduleStatus.STOPPED
    for name in ("daily", "weekly", "monthly"):
        assert defs.resolve_schedule_def(f"{name}_schedule").default_status is expected


def switched_on(instance: dg.DagsterInstance, name: str, moment: datetime) -> None:
    """Dagster's stored state of a schedule that was turned on at ``moment``."""
    location = {"__class__": "RegisteredRepositoryLocationOrigin", "location_name": "steam_assets"}
    repository = {
        "__class__": "ExternalRepositoryOrigin",
        "repository_location_origin": location,
        "repository_name": "__repository__",
    }
    state = {
        "__class__": "InstigatorState",
        "job_specific_data": {
            "__class__": "ScheduleInstigatorData",
            "cron_schedule": Cadence(name).schedule_cron,
            "start_timestamp": moment.timestamp(),
        },
        "job_type": {"__enum__": "InstigatorType.SCHEDULE"},
        "origin": {
            "__class__": "ExternalJobOrigin",
            "external_repository_origin": repository,
            "job_name": f"{name}_schedule",
        },
        "status": {"__enum__": "InstigatorStatus.RUNNING"},
    }
    kept: Any = dg.deserialize_value(json.dumps(state))
    instance.add_instigator_state(kept)


def keys(evaluation: Any) -> list[str]:
    requests = evaluation.run_requests or ()
    return [request.partition_key or request.tags["dagster/partition"] for request in requests]


MONDAY = datetime(2026, 11, 16, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "now"),
    [
        # The latest missed tick: from the day before; during a day; in the first second after a day.
        (datetime(2026, 11, 18, 21, tzinfo=UTC), datetime(2026, 11, 19, 9, tzinfo=UTC)),
        (datetime(2026, 11, 19, 21, tzinfo=UTC), datetime(2026, 11, 19, 22, tzinfo=UTC)),
        (datetime(2026, 11, 18, 21, tzinfo=UTC), datetime(2026, 11, 19, tzinfo=UTC)),
    ],
)
def test_after_days_of_downtime_only_today_is_requested_from_a_live_source(
    defs: dg.Definitions, instance: dg.DagsterInstance, moment: datetime, now: datetime
) -> None:
    """Past days are gaps, so no run requests them and none can fail."""
    switched_on(instance, "daily", MONDAY)
    assert keys(evaluated(defs, instance, "daily", moment, now=now)) == ["2026-11-19"]


@pytest.mark.parametrize("cadence", Cadence)
def test_a_tick_that_is_tried_out_before_its_time_says_so(
    defs: dg.Definitions, instance: dg.DagsterInstance, cadence: Cadence
) -> None:
    """The Dagster UI evaluates a schedule for any time; a period that is not over was not missed."""
    later = evaluated(defs, instance, cadence.value, MONDAY + timedelta(days=400), now=MONDAY)
    assert (keys(later), later.skip_message.partition(": ")[0]) == ([], "gap")
    assert later.skip_message.endswith("its period is not over yet")


@pytest.mark.parametrize("cadence", Cadence)
def test_a_tick_before_the_first_partition_says_so(
    defs: dg.Definitions, instance: dg.DagsterInstance, cadence: Cadence
) -> None:
    early = evaluated(defs, instance, cadence.value, datetime(2020, 1, 1, 6, tzinfo=UTC), now=MONDAY)
    assert not early.run_requests and "is before the first partition" in early.skip_message


def test_a_tick_waits_once_for_a_kafka_that_does_not_respond(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not once per source: Dagster gives up a tick after a minute, and would request none of the missed windows."""
    wait = 2
    monkeypatch.setattr(topic_reader, "CONTACT_DEADLINE_SECONDS", wait)
    settings = Settings(home=tmp_path / "home", kafka_bootstrap_servers=f"127.0.0.1:{free_port()}")
    defs, moment = build_defs(settings=settings), datetime(2026, 11, 18, 6, tzinfo=UTC)
    began = time.monotonic()
    evaluation = evaluated(defs, instance, "weekly", moment + timedelta(days=364), now=moment)
    assert "its period is not over yet" in evaluation.skip_message
    assert wait <= time.monotonic() - began < wait * sum(source.cadence is Cadence.WEEKLY for source in SOURCES)


def test_a_tick_whose_window_is_no_longer_available_names_the_gap(
    defs: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    """The deployment's clock shows another day, so the live source cannot answer for this one."""
    late = evaluated(defs, instance, "daily", datetime(2026, 11, 18, 21, tzinfo=UTC), now=MONDAY)
    assert keys(late) == []
    assert "gap: daily 2026-11-18" in late.skip_message


def test_a_missed_day_that_kafka_still_holds_gets_a_run(
    tmp_path: Path, simulator: Simulator, broker: EmbeddedBroker, instance: dg.DagsterInstance
) -> None:
    """The day was published before the machine went to sleep, but not landed."""
    deployment = deployment_in(tmp_path, None, simulator, broker.address)
    source = source_named("most_played")
    deployment.run(source, "2026-11-18", stages=(Stage.RAW,))
    deployment.lose("raw", source, "2026-11-18")
    switched_on(instance, "daily", MONDAY)
    defs, now = build_defs(settings=deployment.settings), datetime(2026, 11, 20, 9, tzinfo=UTC)
    late = evaluated(defs, instance, "daily", datetime(2026, 11, 19, 21, tzinfo=UTC), now=now)
    assert keys(late) == ["2026-11-18", "2026-11-20"]
    held, _ = late.run_requests
    assert {key.path[0] for key in held.asset_selection} == {source.name}, "data of other sources for that day is lost"


def test_the_regular_tick_takes_a_later_snapshot_than_an_early_one(
    tmp_path: Path, simulator: Simulator, broker: EmbeddedBroker, idle: dg.DagsterInstance
) -> None:
    """The scheduled run takes a later snapshot, which replaces the one of an earlier run."""
    deployment = deployment_in(tmp_path, None, simulator, broker.address)
    deployment.run(source_named("most_played"), "2026-11-18", stages=(Stage.RAW,))
    defs, moment = build_defs(settings=deployment.settings), datetime(2026, 11, 18, 21, tzinfo=UTC)
    (request,) = ticked(defs, idle, "daily", moment)
    assert request.run_key == "2026-11-18"
    assert request.run_config["ops"]["most_played__raw"]["ops"]["publish_most_played"]["config"]["refetch"]


@pytest.mark.parametrize(
    ("name", "since", "moment", "expected"),
    [
        ("weekly", datetime(2026, 10, 27, tzinfo=UTC), datetime(2026, 11, 18, 6, tzinfo=UTC), 4),
        ("weekly", datetime(2026, 11, 11, 6, 0, 1, tzinfo=UTC), datetime(2026, 11, 18, 6, tzinfo=UTC), 1),
        ("weekly", datetime(2026, 11, 11, 5, 59, tzinfo=UTC), datetime(2026, 11, 18, 6, tzinfo=UTC), 2),
        ("monthly", datetime(2026, 9, 20, 7, tzinfo=UTC), datetime(2026, 11, 20, 6, tzinfo=UTC), 2),
        # A month no longer in the response is a gap: March, April and May were requested from April to June.
        ("monthly", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 11, 20, 6, tzinfo=UTC), 3),
    ],
)
def test_missed_windows_that_are_available_get_one_run_each(
    defs: dg.Definitions, instance: dg.DagsterInstance, name: str, since: datetime, moment: datetime, expected: int
) -> None:
    """Dagster evaluates only the latest missed tick, which also requests the windows of the earlier ones."""
    switched_on(instance, name, since)
    evaluation = evaluated(defs, instance, name, moment, now=moment + timedelta(days=1))
    cadence = Cadence(name)
    newest = cadence.latest_finished(moment + timedelta(seconds=1))
    windows = list(cadence.between(keys(evaluation)[0], newest.key))
    assert keys(evaluation) == [window.key for window in windows]
    assert len(windows) == expected
    assert [request.run_key for request in evaluation.run_requests] == keys(evaluation)


def test_a_window_that_a_schedule_requested_is_not_requested_again(
    defs: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    """Neither that window nor earlier ones are requested again, whatever the outcome of the run."""
    switched_on(instance, "weekly", datetime(2026, 10, 1, tzinfo=UTC))
    job = defs.resolve_job_def("weekly")
    tags = {"dagster/schedule_name": "weekly_schedule", "dagster/partition": "2026-10-27"}
    instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.FAILURE)
    moment = datetime(2026, 11, 18, 6, tzinfo=UTC)
    assert keys(evaluated(defs, instance, "weekly", moment, now=moment)) == ["2026-11-03", "2026-11-10"]


@pytest.mark.parametrize(
    ("name", "requested", "moment", "expected"),
    rest_nightly(
        [
            (
                "weekly",
                ["2026-10-20", "2026-10-27", "2026-11-03"],
                datetime(2026, 11, 18, 6, tzinfo=UTC),
                ["2026-11-10"],
            ),
            # An early snapshot of the 18th, taken after some days of downtime.
            ("daily", ["2026-11-12", "2026-11-18"], datetime(2026, 11, 18, 21, tzinfo=UTC), ["2026-11-18"]),
            # The oldest window was requested again after the others.
            (
                "weekly",
                ["2026-10-27", "2026-11-03", "2026-10-20"],
                datetime(2026, 11, 18, 6, tzinfo=UTC),
                ["2026-11-10"],
            ),
            (
                "monthly",
                ["2026-07-01", "2026-08-01"],
                datetime(2026, 11, 20, 6, tzinfo=UTC),
                ["2026-09-01", "2026-10-01"],
            ),
        ],
        kept=2,
        several=True,
    ),
)
def test_windows_are_not_requested_again_after_their_runs_were_forgotten(
    defs: dg.Definitions, instance: dg.DagsterInstance, name: str, requested: list[str], moment: datetime,
    expected: list[str],
) -> None:  # fmt: skip
    """STEAM_RUN_HISTORY_DAYS deletes runs; what a tick requests and reports as a gap does not depend on it."""
    switched_on(instance, name, datetime(2026, 1, 1, tzinfo=UTC))
    for key in requested:
        tags = {"dagster/schedule_name": f"{name}_schedule", "dagster/partition": key}
        instance.create_run_for_job(defs.resolve_job_def(name), tags=tags, status=dg.DagsterRunStatus.SUCCESS)
    assert len(forget_runs(instance, datetime.now(UTC) + timedelta(days=1))) == len(requested) - 1
    evaluation = evaluated(defs, instance, name, moment, now=moment)
    assert keys(evaluation) == expected and not evaluation.skip_message
