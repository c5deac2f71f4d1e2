"""Periods are in UTC in any time zone and through any clock change of the machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from steam_assets.clock import Clock
from steam_assets.sources.cadence import EARLIEST, LATEST, Cadence, NoWindow, Window
from steam_assets.sources.source import History

LAST = timedelta(microseconds=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture(params=["America/Los_Angeles", "Asia/Kathmandu", "UTC"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ZoneInfo]:
    """The machine's time zone."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield ZoneInfo(request.param)
    monkeypatch.undo()
    time.tzset()


EDGES = [
    # A time, and the keys of its day, Tuesday week and month.
    ("2026-03-08T09:59:59.999999", "2026-03-08", "2026-03-03", "2026-03-01"),  # Los Angeles skips an hour
    ("2026-03-08T10:00:00", "2026-03-08", "2026-03-03", "2026-03-01"),
    ("2026-11-01T08:30:00", "2026-11-01", "2026-10-27", "2026-11-01"),  # Los Angeles repeats an hour
    ("2026-11-01T09:30:00", "2026-11-01", "2026-10-27", "2026-11-01"),
    ("2024-02-29T23:59:59.999999", "2024-02-29", "2024-02-27", "2024-02-01"),
    ("2024-03-01T00:00:00", "2024-03-01", "2024-02-27", "2024-03-01"),
    ("2026-02-28T23:59:59.999999", "2026-02-28", "2026-02-24", "2026-02-01"),
    ("2025-12-31T23:59:59.999999", "2025-12-31", "2025-12-30", "2025-12-01"),
    ("2026-01-01T00:00:00", "2026-01-01", "2025-12-30", "2026-01-01"),
    ("2026-12-31T23:59:59.999999", "2026-12-31", "2026-12-29", "2026-12-01"),  # ISO week 53
    ("2027-01-03T12:00:00", "2027-01-03", "2026-12-29", "2027-01-01"),  # still week 53
    ("2027-01-04T23:59:59.999999", "2027-01-04", "2026-12-29", "2027-01-01"),  # Monday: ISO week 1, our week ends
    ("2027-01-05T00:00:00", "2027-01-05", "2027-01-05", "2027-01-01"),
]


@pytest.mark.parametrize(("moment", "day", "week", "month"), EDGES)
def test_a_moment_belongs_to_the_same_windows_in_every_zone(
    zone: ZoneInfo, moment: str, day: str, week: str, month: str
) -> None:
    """Neither the machine's time zone nor that of the datetime changes the key; the clock is frozen."""
    with time_machine.travel(at(moment), tick=False):
        now = Clock().now()
        assert now == at(moment)
        for written in (now, now.astimezone(zone), datetime.now(UTC)):
            assert Cadence.DAILY.containing(written).key == day
            assert Cadence.WEEKLY.containing(written).key == week
            assert Cadence.MONTHLY.containing(written).key == month
    assert date.fromisoformat(week).strftime("%A") == "Tuesday"


@pytest.mark.parametrize("cadence", Cadence)
@given(days=st.timedeltas(timedelta(0), timedelta(days=366 * 17)))
def test_windows_are_contiguous(cadence: Cadence, days: timedelta) -> None:
    """Every moment is in exactly one window: its last microsecond is inside, and its end is the start of the next."""
    moment = at("2023-02-01T00:00:00") + days
    window = cadence.containing(moment)
    assert moment in window
    assert window.end - LAST in window and window.end not in window
    assert cadence.containing(window.end - LAST) == window
    assert cadence.containing(window.end).start == window.end
    assert cadence.window(window.key) == window
    assert cadence.latest_finished(moment).end == window.start
    assert cadence.latest_finished(window.end).key == window.key


def test_the_newest_finished_window_at_its_very_end() -> None:
    assert Cadence.DAILY.latest_finished(at("2026-01-01T00:00:00")).key == "2025-12-31"
    assert Cadence.DAILY.latest_finished(at("2026-01-01T00:00:00") - LAST).key == "2025-12-30"
    assert Cadence.WEEKLY.latest_finished(at("2027-01-05T00:00:00")).key == "2026-12-29"
    assert Cadence.WEEKLY.latest_finished(at("2027-01-04T23:59:59.999999")).key == "2026-12-22"
    assert Cadence.MONTHLY.latest_finished(at("2024-03-01T00:00:00")).key == "2024-02-01"
    assert Cadence.MONTHLY.latest_finished(at("2024-02-29T23:59:59.999999")).key == "2024-01-01"


def test_between_counts_leap_days_and_crosses_the_year(zone: ZoneInfo) -> None:
    """Both ends are included; DST, leap days, year ends and week 53 neither skip nor repeat a window."""
    assert [w.key for w in Cadence.DAILY.between("2024-02-28", "2024-03-01")] == [
        "2024-02-28",
        "2024-02-29",
        "2024-03-01",
    ]
    assert len(list(Cadence.DAILY.between("2024-01-01", "2024-12-31"))) == 366
    assert len(list(Cadence.DAILY.between("2026-01-01", "2026-12-31"))) == 365
    weeks = list(Cadence.WEEKLY.between("2026-12-22", "2027-01-12"))
    assert [w.key for w in weeks] == ["2026-12-22", "2026-12-29", "2027-01-05", "2027-01-12"]
    assert {w.end - w.start for w in weeks} == {timedelta(days=7)}
    assert [w.key for w in Cadence.MONTHLY.between("2025-11-01", "2026-02-01")] == [
        "2025-11-01",
        "2025-12-01",
        "2026-01-01",
        "2026-02-01",
    ]
    assert list(Cadence.DAILY.between("2026-01-02", "2026-01-01")) == []


def test_ranges_join_adjacent_windows_and_keep_gaps() -> None:
    assert Cadence.DAILY.ranges(["2026-01-01", "2025-12-31", "2026-01-03", "2025-12-31"]) == [
        ("2025-12-31", "2026-01-01"),
        ("2026-01-03", "2026-01-03"),
    ]
    assert Cadence.WEEKLY.ranges(["2027-01-05", "2026-12-29", "2026-12-15"]) == [
        ("2026-12-15", "2026-12-15"),
        ("2026-12-29", "2027-01-05"),
    ]
    assert Cadence.MONTHLY.ranges(["2024-03-01", "2024-02-01", "2023-12-01", "2024-01-01"]) == [
        ("2023-12-01", "2024-03-01")
    ]
    assert Cadence.MONTHLY.ranges([]) == []


@pytest.mark.parametrize(
    ("cadence", "key", "told"),
    [
        (Cadence.DAILY, "2026-02-29", "not a partition key"),
        (Cadence.DAILY, "2026-1-1x", "not a partition key"),
        (Cadence.DAILY, "../../etc", "not a partition key"),
        (Cadence.WEEKLY, "2026-12-31", "the one with that day is 2026-12-29"),
        (Cadence.MONTHLY, "2026-12-31", "the one with that day is 2026-12-01"),
    ],
)
def test_an_invalid_key_is_refused_with_the_nearest_one(cadence: Cadence, key: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        cadence.window(key)
    with pytest.raises(ValueError, match=told):
        cadence.ranges([key])


def test_one_day_has_one_key() -> None:
    """2026-1-1 and 2026-01-01 are the same window, so only one spelling may name a folder."""
    assert Cadence.DAILY.window("2026-01-01").key == "2026-01-01"
    with pytest.raises(ValueError, match="YYYY-MM-DD"):
        Cadence.DAILY.window("2026-1-1")


@pytest.mark.parametrize("cadence", Cadence)
@pytest.mark.parametrize("zone_hours", [-23, 0, 23])
def test_a_moment_that_no_window_can_contain_is_refused(cadence: Cadence, zone_hours: int) -> None:
    """As a ValueError, like any other wrong key: another producer may send any date. The last windows work."""
    far = timezone(timedelta(hours=zone_hours))
    for moment in map(at, ("0001-01-01T00:00:00", "1969-12-30T00:00:00", "9999-01-02T00:00:00", "9999-12-31T23:59:59")):
        with pytest.raises(NoWindow, match="1970 to 9998"):
            cadence.containing(moment.replace(tzinfo=far))
    for key in ("0001-01-01", "9999-12-31", "9999-12-01", "0000-00-00"):
        with pytest.raises(ValueError, match=r"1970 to 9998|not a partition key"):
            cadence.window(key)
    last = cadence.containing(LATEST - LAST)
    assert cadence.containing(EARLIEST).start <= EARLIEST and last.end >= LATEST
    assert [*cadence.between(last.key, last.key)] == [last]


def test_a_moment_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Cadence.DAILY.containing(datetime(2026, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    "edge", ["2026-03-08", "2026-11-01", "2024-02-29", "2025-12-31", "2026-01-01", "2026-12-31", "2027-01-03"]
)
def test_a_live_source_is_available_only_within_its_day(zone: ZoneInfo, edge: str) -> None:
    """From the first to the last microsecond of the UTC day, in any time zone of the machine."""
    window = Cadence.DAILY.window(edge)
    for moment, allowed in [
        (window.start - LAST, False),
        (window.start, True),
        (window.end - LAST, True),
        (window.end, False),
    ]:
        with time_machine.travel(moment, tick=False):
            refusal = History.LIVE.refusal(window, Clock().now())
        assert (refusal is None) is allowed, (moment, refusal)
        if refusal:
            assert f"it is {moment:%Y-%m-%d %H:%M} UTC" in refusal
            assert ("has not begun" in refusal) is (moment < window.start)
            assert ("only Kafka" in refusal) is (moment >= window.end)


@pytest.mark.parametrize("history", [History.BY_WINDOW, History.CARRIED])
@pytest.mark.parametrize(("cadence", "key"), [(Cadence.WEEKLY, "2026-12-29"), (Cadence.MONTHLY, "2024-02-01")])
def test_a_source_with_history_is_available_after_the_window_has_ended(
    zone: ZoneInfo, history: History, cadence: Cadence, key: str
) -> None:
    window = cadence.window(key)
    assert "fetch it after that" in (history.refusal(window, window.end - LAST) or "")
    assert history.refusal(window, window.end) is None
    assert history.refusal(window, window.end + timedelta(days=3650)) is None


def test_a_window_includes_its_start_and_excludes_its_end() -> None:
    window = Window(at("2026-01-01T00:00:00"), at("2026-01-02T00:00:00"))
    assert window.start in window and window.end not in window and window.end - LAST in window
