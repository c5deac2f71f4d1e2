"""Dagster's partitions are the product's windows, and a schedule's tick asks for the window that can be answered."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator  # what the daemon goes by

from steam_assets.orchestration.build import build_defs
from steam_assets.orchestration.partitions import partitions_by_cadence
from steam_assets.settings import Settings
from steam_assets.sources import SOURCES
from steam_assets.sources.cadence import Cadence

PARTITIONS = partitions_by_cadence(SOURCES)


@pytest.fixture(params=["America/Los_Angeles", "Asia/Kathmandu", "UTC"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The machine's own time zone."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(scope="module")
def defs(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build_defs(settings=Settings(home=tmp_path_factory.mktemp("home")))


def ticked(defs: dg.Definitions, instance: dg.DagsterInstance, name: str, moment: datetime) -> Sequence[dg.RunRequest]:
    """What the schedule asks for at a moment."""
    context = dg.build_schedule_context(
        instance=instance, scheduled_execution_time=moment, repository_def=defs.get_repository_def()
    )
    return defs.resolve_schedule_def(f"{name}_schedule").evaluate_tick(context).run_requests or ()


def test_every_cadence_has_partitions() -> None:
    assert set(PARTITIONS) == set(Cadence)


@pytest.mark.parametrize("cadence", Cadence)
def test_partitions_agree_with_the_windows_key_by_key(cadence: Cadence, zone: str) -> None:
    """Over leap years, DST, year ends and ISO weeks 53: the same keys, and for each the same start and end in UTC."""
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
    """A live snapshot is taken during the day it belongs to; tomorrow is none yet."""
    assert PARTITIONS[Cadence.DAILY].get_partition_keys(current_time=moment)[-2:] == keys


TICKS = [
    # (cadence, the moment of the tick, the key that is asked for)
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
def test_a_tick_asks_for_the_window_that_can_be_answered(
    defs: dg.Definitions, zone: str, name: str, moment: datetime, key: str
) -> None:
    """Daily the present day, Wednesday the Tuesday week that ended, on the 20th the month before; the source agrees."""
    with dg.DagsterInstance.ephemeral() as instance:
        (request,) = ticked(defs, instance, name, moment)
    assert (request.partition_key, request.run_key) == (key, key)
    assert key in PARTITIONS[Cadence(name)].get_partition_keys(current_time=moment)
    window = Cadence(name).window(key)
    for source in (s for s in SOURCES if s.cadence.value == name):
        assert source.history.refusal(window, moment) is None


@pytest.mark.parametrize("name", ["daily", "weekly", "monthly"])
def test_ticks_come_in_utc_and_when_the_data_does(defs: dg.Definitions, zone: str, name: str) -> None:
    """A year of ticks from the cron expression itself: one a window, each for another key, none left out."""
    schedule = defs.resolve_schedule_def(f"{name}_schedule")
    assert schedule.execution_timezone == "UTC"
    begin = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    keys: list[str] = []
    with dg.DagsterInstance.ephemeral() as instance:
        for moment in schedule_execution_time_iterator(begin, str(schedule.cron_schedule), "UTC"):
            if moment.timestamp() >= datetime(2027, 2, 1, tzinfo=UTC).timestamp():
                break
            (request,) = ticked(defs, instance, name, moment)
            keys.append(str(request.partition_key))
    assert keys == [window.key for window in Cadence(name).between(keys[0], keys[-1])]
    assert len(keys) == {"daily": 396, "weekly": 56, "monthly": 13}[name]


@pytest.mark.parametrize("automation", [False, True])
def test_schedules_are_off_unless_the_setting_turns_them_on(tmp_path: Path, automation: bool) -> None:
    defs = build_defs(settings=Settings(home=tmp_path, automation=automation))
    expected = dg.DefaultScheduleStatus.RUNNING if automation else dg.DefaultScheduleStatus.STOPPED
    for name in ("daily", "weekly", "monthly"):
        assert defs.resolve_schedule_def(f"{name}_schedule").default_status is expected
