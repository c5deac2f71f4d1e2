"""Which files of a folder ``--replay`` uses, which it skips, and which folders it rejects."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from steam_assets.cli import app
from steam_assets.commands.demo_steps import RECORDED_WEEKS, recorded_steps
from steam_assets.simulator.replay import RecordedPartition, Recording
from steam_assets.sources.cadence import Cadence


@pytest.mark.parametrize("command", ["demo", "simulate"])
@pytest.mark.parametrize("files", [None, (), ("notes.txt", "news/x.json")], ids=["none", "empty", "others"])
def test_a_folder_without_replayable_files_is_refused(
    command: str, files: tuple[str, ...] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what was expected, before Java or Kafka is needed."""
    monkeypatch.chdir(tmp_path)
    for name in files or ():
        (tmp_path / "given" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "given" / name).write_text("{}")
    if files is not None:
        (tmp_path / "given").mkdir(exist_ok=True)
    result = CliRunner().invoke(app, [command, "--replay", "given"], env={"COLUMNS": "900"})
    assert result.exit_code == 2
    expected = "GetWeeklyTopSellers*.json" if files is not None else "given is not a folder"
    assert expected in result.output
    assert all(name in result.output for name in files or ())
    assert not (tmp_path / "data").exists()


def test_every_recorded_period_is_a_step_or_left_out_with_a_reason() -> None:
    weeks = [window.key for window in Cadence.WEEKLY.between("2026-01-06", "2026-03-10")]
    old = "2022-12-27"
    recording = Recording(
        (
            RecordedPartition("most_played", "2022-12-31", datetime(2022, 12, 31, 5, tzinfo=UTC)),
            RecordedPartition("most_played", "2026-03-09", datetime(2026, 3, 9, 5, tzinfo=UTC)),
            RecordedPartition("top_sellers", old),
            RecordedPartition("top_sellers", weeks[0]),
            RecordedPartition("news", old, apps={730: 9}),
            *(RecordedPartition("news", week, apps={730: place + 1}) for place, week in enumerate(weeks)),
            RecordedPartition("reviews", weeks[0], apps={730: 1}),
            RecordedPartition("monthly_visits", "2022-12-01", datetime(2023, 1, 20, tzinfo=UTC)),
        )
    )
    steps, left = recorded_steps(recording)
    of_news = [step.key for step in steps if step.source.name == "news"]
    assert of_news == weeks[-RECORDED_WEEKS:], "the fullest, oldest first"
    assert len(steps) + sum(each.count for each in left) == len(recording.partitions)
    told = [str(each) for each in left]
    beyond = f"{len(weeks) - RECORDED_WEEKS} news partitions ({weeks[0]}, {weeks[1]}, {weeks[2]}, …): the 4 fullest"
    assert any(line.startswith(beyond) for line in told), told
    assert [line.split(" (")[0] for line in told if "before the first partition" in line] == [
        "1 most_played partition",
        "1 top_sellers partition",
        "1 news partition",
        "1 monthly_visits partition",
    ]
