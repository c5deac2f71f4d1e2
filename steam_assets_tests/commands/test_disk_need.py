"""Before a range is run, its need for disk space is shown; a range that does not fit is refused with what to do."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
import typer

from benchmarks.raw_partition import put_batch
from steam_assets.commands.disk_need import require_space
from steam_assets.commands.terminal import Terminal
from steam_assets.lake.backup import back_up
from steam_assets.lake.lake import Lake
from steam_assets.settings import Settings
from steam_assets.sources import source_named
from steam_assets_tests.kafka.kafka_batches import KEY, envelopes, new_batch_id

SOURCE, BODY = source_named("news"), 300_000
NEW = ["2026-06-02", "2026-06-09", "2026-06-16"]


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """One partition with a backup."""
    made, batch_id = Lake(Settings(home=tmp_path)), new_batch_id()
    put_batch(made, SOURCE, KEY, batch_id, envelopes(SOURCE, batch_id, [BODY]))
    assert back_up(made.raw_twins(SOURCE), [KEY], datetime.now(UTC))[1] == []
    return made


def test_the_need_of_a_range_is_shown(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    require_space(lake, [(SOURCE, [KEY, *NEW])], Terminal())
    said = re.search(r"3 new partitions will take about ([\d.]+) MB; [\d.]+ [MG]B are free", capsys.readouterr().out)
    assert said is not None
    on_disk = sum(path.stat().st_size for path in lake.settings.home.rglob("*.parquet"))
    # Two of four copies are on the way, in the spool and in Kafka.
    assert float(said[1]) == pytest.approx(len(NEW) * 2 * on_disk / 1e6, rel=0.1, abs=0.1)


def test_a_range_that_does_not_fit_is_refused(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(10, 10, 100))
    with pytest.raises(typer.BadParameter, match=r"will take about .* but .* has only 0\.0 MB free; free up space"):
        require_space(lake, [(SOURCE, NEW)], Terminal())
    require_space(lake, [(SOURCE, [KEY])], Terminal())


def test_a_source_without_partitions_has_no_estimate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    require_space(Lake(Settings(home=tmp_path)), [(SOURCE, NEW)], Terminal())
    assert capsys.readouterr().out == ""
