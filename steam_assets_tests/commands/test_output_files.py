"""An output path may name a link, a FIFO or a descriptor: what is there is written to, never replaced by a file."""

from __future__ import annotations

import os
import stat
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from steam_assets.cli import _run
from steam_assets.lake.lake import Lake
from steam_assets.visuals.dashboard.file import write_whole
from steam_assets_tests.processes import STEAM_ASSETS

CSV = '"a"\r\n1\r\n'


def by_sql(where: Path) -> bytes:
    assert not _run(["sql", "select 1 as a", "--csv", str(where)], debug=True)
    return CSV.encode()


def by_dashboard(where: Path) -> bytes:
    write_whole(where, b"<html>")
    return b"<html>"


@pytest.fixture(params=[by_sql, by_dashboard])
def write(
    request: pytest.FixtureRequest, market_lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Path], bytes]:
    """Write an output to a path; returns what it wrote."""
    monkeypatch.setenv("STEAM_HOME", str(market_lake.settings.home))
    return request.param


def test_a_link_is_followed(write: Callable[[Path], bytes], tmp_path: Path) -> None:
    link, target = tmp_path / "link", tmp_path / "target"
    link.symlink_to("target")
    # First the target does not exist, then it does.
    for _ in range(2):
        written = write(link)
        assert link.is_symlink() and target.read_bytes() == written
    assert sorted(tmp_path.iterdir()) == [link, target]


def test_an_existing_file_keeps_its_mode(write: Callable[[Path], bytes], tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    file.chmod(0o666)
    assert file.read_bytes() != write(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o666


def test_a_fifo_gets_the_content(write: Callable[[Path], bytes], tmp_path: Path) -> None:
    fifo, read = tmp_path / "fifo", list[bytes]()
    os.mkfifo(fifo)
    reader = threading.Thread(target=lambda: read.append(fifo.read_bytes()), daemon=True)
    reader.start()
    written = write(fifo)
    assert fifo.is_fifo()
    reader.join(60)
    assert read == [written]


@pytest.mark.process
def test_another_program_of_the_shell_gets_the_content(market_lake: Lake, tmp_path: Path) -> None:
    line = f'"$0" sql "select 1 as a" --home "$1" --csv >(cat > {tmp_path}/got); wait $!'
    command = ["bash", "-c", line, STEAM_ASSETS, str(market_lake.settings.home)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "got").read_bytes() == CSV.encode()
