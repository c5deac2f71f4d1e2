"""`steam-assets verify` reads everything, partitions only in the backup too, and never reports success for nothing."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from benchmarks.raw_partition import put_batch
from steam_assets.cli import app
from steam_assets.insights.freshness import INSIGHT as FRESHNESS
from steam_assets.insights.table import insight_table, replace_small
from steam_assets.lake.backup import back_up
from steam_assets.lake.columns import arrow_schema
from steam_assets.lake.lake import Lake
from steam_assets.settings import Settings
from steam_assets.sources import source_named
from steam_assets_tests.kafka.kafka_batches import KEY, envelopes, new_batch_id
from steam_assets_tests.query.market_lake import freshness

SOURCE = source_named("news")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STEAM_HOME", str(tmp_path))
    return tmp_path


def verify(*options: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["verify", *options])
    return done.exit_code, " ".join(done.output.split())


def backed_up(home: Path) -> Lake:
    lake = Lake(Settings(home=home))
    batch_id = new_batch_id()
    put_batch(lake, SOURCE, KEY, batch_id, envelopes(SOURCE, batch_id, [200_000]))
    back_up(lake.raw_twins(SOURCE), [KEY], datetime.now(UTC))
    return lake


def test_an_empty_lake_is_not_reported_as_intact(home: Path) -> None:
    code, said = verify()
    assert code == 2
    assert "nothing has been collected in" in said


def test_good_copies_are_reported_as_good(home: Path) -> None:
    backed_up(home)
    code, said = verify()
    assert code == 0
    assert said.endswith("1 partition verified: raw and clean data and their backups are intact.")


@pytest.mark.parametrize("lost", ["", "warehouse/steam_raw/news/data"])
def test_a_lost_raw_root_is_a_problem_even_with_a_good_backup(home: Path, lost: str) -> None:
    backed_up(home)
    shutil.rmtree(home / "raw" / lost)
    code, said = verify()
    assert code == 1
    assert KEY in said


def test_a_damaged_backup_is_named(home: Path) -> None:
    backed_up(home)
    copy = next((home / "raw-backup" / "warehouse").rglob("*.parquet"))
    kept = bytearray(copy.read_bytes())
    kept[len(kept) // 2] ^= 1
    copy.write_bytes(kept)
    code, said = verify()
    assert code == 1
    assert copy.name in said


@pytest.mark.parametrize("lost", ["data/**/*.parquet", "metadata/*-m0.avro", "metadata/snap-*.avro"])
def test_a_damaged_insight_is_named_with_the_command_that_computes_it_anew(home: Path, lost: str) -> None:
    lake = backed_up(home)
    table = insight_table(lake, FRESHNESS)
    rows = pa.Table.from_pylist(freshness(lake), arrow_schema(table.create()))
    replace_small(lake, FRESHNESS, rows, ["all"])
    assert verify()[0] == 0
    (file,) = Path(table.location.removeprefix("file://")).glob(lost)
    file.write_bytes(file.read_bytes()[:200])
    code, said = verify()
    assert code == 1
    assert file.name in said
    assert "steam-assets refresh --all" in said
    assert verify("--source", SOURCE.name)[0] == 0
