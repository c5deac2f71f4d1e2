"""Collected data is in folders that only their owner can enter, whoever creates them first."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from steam_assets.cli import app
from steam_assets.commands.diagnostics import Noise, write_log
from steam_assets.extraction.spool import SpoolWriter
from steam_assets.ingestion.resolve_raw import spool_folder
from steam_assets.lake.lake import Lake
from steam_assets.orchestration.launch import local_instance
from steam_assets.settings import Settings
from steam_assets.sources import SOURCES
from steam_assets.spark.reviewer_key import reviewer_key
from steam_assets_tests.nightly import rest_nightly


def spool(settings: Settings) -> None:
    with SpoolWriter(spool_folder(settings), "news", "2026-11-03"):
        pass


def raw(settings: Settings) -> None:
    Lake(settings).raw(SOURCES[0]).create()


def clean(settings: Settings) -> None:
    Lake(settings).clean(SOURCES[0].tables[0]).create()


def dagster(settings: Settings) -> None:
    with local_instance(settings):
        pass


def tour(settings: Settings) -> None:
    assert CliRunner().invoke(app, ["tour"], env={"STEAM_HOME": str(settings.home)}).exit_code == 0


def log(settings: Settings) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEAM_HOME", str(settings.home))
        written = write_log(RuntimeError("failed"), Noise())
    assert written is not None and written.is_relative_to(settings.home)


MAKERS: list[Callable[[Settings], object]] = [spool, raw, clean, dagster, reviewer_key, log, tour]


@pytest.fixture(autouse=True)
def usual_umask(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode)


@pytest.mark.parametrize("make", rest_nightly(MAKERS, kept=len(MAKERS) - 1))
def test_home_is_private_to_its_owner_whichever_command_creates_it(
    make: Callable[[Settings], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    home = tmp_path / "data" / "home"
    make(Settings(home=home))
    assert mode(home) == mode(home.parent) == 0o700


def test_roots_outside_home_are_private_to_their_owner(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", raw_root=str(tmp_path / "disk" / "raw"))
    raw(settings)
    assert mode(tmp_path / "disk") == mode(tmp_path / "disk" / "raw") == 0o700


def test_an_existing_folder_keeps_its_mode(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o2750)
    raw(Settings(home=home))
    assert mode(home) == 0o2750
