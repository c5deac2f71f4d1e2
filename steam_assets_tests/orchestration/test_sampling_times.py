"""Sample times within a day are the same every day, in UTC, for any interval."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from dagster._utils.schedules import schedule_execution_time_iterator  # the daemon's time zone

from steam_assets.sources.sampling import FIRST_MINUTE, MINUTES_A_DAY, crons, minutes_of_day


@pytest.fixture(params=["America/New_York", "Australia/Lord_Howe", "UTC"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The machine's time zone."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("every", [10, 25, 60, 90, 7 * 60, MINUTES_A_DAY])
@pytest.mark.parametrize("day", [datetime(2026, 4, 4, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)])
def test_ticks_match_the_days_samples_when_local_clocks_change(every: int, day: datetime, zone: str) -> None:
    """Each sample has exactly one tick, also on days when a local clock repeats or skips an hour."""
    due = [day + timedelta(days=n, minutes=minutes) for n in (0, 1) for minutes in minutes_of_day(every)]
    end = day + timedelta(days=2)
    ticks: list[datetime] = []
    for moment in schedule_execution_time_iterator(day.timestamp(), crons(every), "UTC"):
        if moment.timestamp() >= end.timestamp():
            break
        ticks.append(moment.astimezone(UTC))
    assert ticks == due
    assert due[0] == day + timedelta(minutes=FIRST_MINUTE)
    assert {later - earlier for earlier, later in pairwise(due) if later.date() == earlier.date()} <= {
        timedelta(minutes=every)
    }


def test_hourly_samples_are_one_cron_expression() -> None:
    assert crons(60) == [f"{FIRST_MINUTE} * * * *"]
