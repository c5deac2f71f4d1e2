"""Tables never cut off a partition key, number or name, in narrow terminals or in pipes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from steam_assets.cli import app
from steam_assets.commands.partition_table import partition_table
from steam_assets.commands.status import LATE
from steam_assets.commands.terminal import Terminal
from steam_assets.lake.backup import back_up
from steam_assets.lake.lake import Lake
from steam_assets.ledger.content import EMPTY
from steam_assets.ledger.partition_status import PartitionStatus, SourceLedger, TableStatus
from steam_assets.ledger.records import CleanRecord
from steam_assets.settings import Settings
from steam_assets.sources import SOURCES
from steam_assets_tests.lake.raw_landing import KEY, NEWS, land

NOW = datetime(2026, 11, 18, 21, tzinfo=UTC)
LARGE = 1_234_567_890


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STEAM_HOME", str(tmp_path))
    lake = Lake(Settings(home=tmp_path))
    land(lake)
    back_up(lake.raw_twins(NEWS), [KEY], NOW)
    return tmp_path


def printed(width: int | None, *arguments: str) -> list[str]:
    env = {"COLUMNS": str(width) if width else None}
    done = CliRunner().invoke(app, [*arguments], env=env)
    assert done.exit_code == (LATE if "status" in arguments else 0), done.output
    return done.output.splitlines()


@pytest.mark.parametrize("width", [80, 60, None])
@pytest.mark.parametrize("command", [("status",), ("housekeeping",), ("housekeeping", "--keep-days", "1")])
def test_keys_and_sentences_are_whole(command: tuple[str, ...], width: int | None, home: Path) -> None:
    """A partition is one line with its whole key; a reason is printed once and not in a narrow column."""
    lines = printed(width, *command)
    row = next(line for line in lines if KEY in line and NEWS.name in line)
    assert "…" not in "\n".join(lines)
    if command[0] == "housekeeping":
        assert re.search(rf"{NEWS.name}/raw +{KEY} +\d+ rows", row)
        (reason,) = [line for line in lines if line.startswith(("Kept:", "Would be deleted:"))]
        assert len(reason.split()) > 3


def every_status() -> list[PartitionStatus]:
    """A cleared partition of each source with ten-digit counts, so that each cell has its maximum length."""
    record = CleanRecord(
        table="x", partition_key=KEY, raw_digest="", items=LARGE, clean=LARGE, quarantined=LARGE, duplicates=LARGE,
        content=EMPTY, snapshot_id=1, committed_at=NOW,
    )  # fmt: skip
    return [
        PartitionStatus(
            source=source.name,
            partition_key=KEY,
            raw=None,
            raw_present=True,
            raw_backed_up=True,
            tables=tuple(TableStatus(t.name, record, None, current=True, backed_up=True) for t in source.tables),
            cleared=True,
        )
        for source in SOURCES
    ]


@pytest.mark.parametrize("width", [60, 80, 200])
def test_nothing_is_cut_however_long_the_cells(width: int) -> None:
    """Long cells wrap onto the next line with all their characters in order."""
    console = Terminal(width=width)
    with console.capture() as captured:
        console.print(partition_table(every_status(), "[red]title", width))
    text = captured.get()
    assert "…" not in text and "[red]title" in text
    assert text.count(KEY) == len(SOURCES)
    letters = "".join(text.split())
    tables = [table.name for source in SOURCES for table in source.tables]
    assert letters.count("only") == len(tables)
    if width >= 80:
        assert sum(len(part) for part in re.findall(r"\d+", text)) >= 3 * len(str(LARGE)) * len(tables)


def test_fetched_published_and_landed_share_a_column_in_a_narrow_terminal(home: Path) -> None:
    lake = Lake(Settings(home=home))
    status = SourceLedger.of(lake, NEWS).status(KEY)
    console = Terminal(width=60)
    with console.capture() as captured:
        console.print(partition_table([status], "", 60))
    assert f" {status.landed(NEWS.tables[0].name)} " in captured.get()
