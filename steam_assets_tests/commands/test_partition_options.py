"""Every command rejects an impossible partition in the same way, before anything is started or written."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from steam_assets.cli import app
from steam_assets.commands.partition_options import partition_of, partition_range, partitions_of
from steam_assets.lake.backup import back_up
from steam_assets.lake.lake import Lake
from steam_assets.lake.roots import ROOT_NAMES, open_root
from steam_assets.settings import Settings
from steam_assets.sources import SOURCES
from steam_assets.sources.cadence import Cadence
from steam_assets_tests.lake.raw_landing import KEY, NEWS, land
from steam_assets_tests.nightly import rest_nightly

NOW = datetime(2026, 11, 18, 21, tzinfo=UTC)
"""A Wednesday."""

WRONG = {
    "2023-99-01": "write YYYY-MM-DD, as in",
    "2026-11-2": "write YYYY-MM-DD",
    "20261110": "write YYYY-MM-DD",
    "2026-W46": "write YYYY-MM-DD",
    "٢٠٢٦-١١-١٠": "write YYYY-MM-DD",
    "../2026-11-10": "write YYYY-MM-DD",
    "": "write YYYY-MM-DD",
    "2026-11-11": "2026-11-10",
    "2023-01-02": "2023-01-03 or later",
    "0001-01-01": "2023-01-03 or later",
    "2026-11-17": "the newest partition is",
    "2027-01-05": "in the future",
    "9999-12-28": "in the future",
    "2026-10": "is a month",
}
"""Texts that are not a weekly partition, and what the error must say."""

COMMANDS = {
    "run": ("run", "news", "--from"),
    "run --to": ("run", "news", "--from", "2026-11-10", "--to"),
    "verify": ("verify", "--source", "news", "--partition"),
    "restore": ("restore", "--source", "news", "--partition"),
    "export": ("export", "--table", "news", "--partition"),
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STEAM_HOME", str(tmp_path))
    monkeypatch.setenv("STEAM_SIMULATED_NOW", NOW.isoformat())
    # Initialized and empty: an uninitialized place cannot be read at all.
    for root in ROOT_NAMES:
        open_root(Settings(), root)
    return tmp_path


def command(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, [*arguments], env={"COLUMNS": "400"})
    return done.exit_code, " ".join(done.output.split())


@pytest.mark.parametrize("text", WRONG)
@pytest.mark.parametrize("name", rest_nightly(COMMANDS, kept=3))
def test_every_command_refuses_an_invalid_partition(name: str, text: str, home: Path) -> None:
    """Exit code 2 and what to type, without a broker, Dagster instance or exported file."""
    code, said = command(*COMMANDS[name], text)
    assert code == 2, said
    assert WRONG[text] in said
    assert not {"kafka", "dagster", "exports"} & {found.name for found in home.iterdir()}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--to", "2026-11-10"), "type --from 2026-11-10 --to 2026-11-10"),
        (("--from", "2026-11-10", "--to", "2026-11-03"), "type --from 2026-11-03 --to 2026-11-10"),
    ],
)
def test_a_range_needs_its_start_before_its_end(options: tuple[str, ...], told: str) -> None:
    code, said = command("run", "weekly", *options)
    assert (code, told in said) == (2, True), said


@pytest.mark.parametrize("name", ["verify", "restore", "export"])
def test_a_valid_partition_that_does_not_exist_is_refused_too(name: str, home: Path) -> None:
    code, said = command(*COMMANDS[name], "2026-11-10")
    assert code == 2
    assert "`steam-assets status` lists the partitions" in said
    assert not (home / "exports").exists()


@pytest.mark.parametrize("name", ["status", "verify", "restore", "drill"])
def test_an_unknown_source_is_refused(name: str) -> None:
    code, said = command(name, "--source", "steam")
    assert code == 2
    assert ", ".join(source.name for source in SOURCES) in said


def test_an_existing_partition_may_be_in_the_future(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For example a partition of the demo, whose clock is simulated."""
    lake = Lake(Settings(home=home))
    land(lake)
    back_up(lake.raw_twins(NEWS), [KEY], NOW)
    monkeypatch.setenv("STEAM_SIMULATED_NOW", "2026-01-01T00:00:00Z")
    assert KEY > "2026-01-01"
    code, said = command("verify", "--source", NEWS.name, "--partition", KEY)
    assert code == 0, said


def test_a_month_may_be_written_as_people_write_it() -> None:
    assert partition_of("2026-10", Cadence.MONTHLY, NOW) == "2026-10-01"
    assert partition_range("2026-08", "2026-10", Cadence.MONTHLY, NOW, "") == ["2026-08-01", "2026-09-01", "2026-10-01"]
    assert partitions_of("2026-10", Cadence, NOW) == {Cadence.MONTHLY: "2026-10-01"}


def test_a_day_without_a_source_means_the_cadences_that_have_it() -> None:
    assert partitions_of("2026-11-10", Cadence, NOW) == {Cadence.DAILY: "2026-11-10", Cadence.WEEKLY: "2026-11-10"}
    with pytest.raises(typer.BadParameter, match="in the current month"):
        partitions_of("2026-11", Cadence, NOW)


@given(day=st.dates(date(1900, 1, 1), date(2200, 1, 1)), cadence=st.sampled_from(Cadence))
def test_every_day_is_a_partition_or_its_refusal_says_what_to_type(day: date, cadence: Cadence) -> None:
    """An accepted date is the start of a window that has begun; a suggested date is accepted."""
    first, newest = cadence.first, cadence.newest(NOW).key
    try:
        key = partition_of(day.isoformat(), cadence, NOW)
    except typer.BadParameter as error:
        advised = str(error).rsplit("--partition ", 1)[1][:10]
        assert partition_of(advised, cadence, NOW) == advised
        moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
        assert not first <= day.isoformat() <= newest or cadence.containing(moment).start != moment
    else:
        assert key == day.isoformat()
        assert first <= key <= newest
        assert cadence.window(key).start <= NOW + timedelta(0)
