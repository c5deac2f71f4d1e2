"""Temporary folders of ended processes are deleted; those of running processes and of other machines stay."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from steam_assets.extraction.spool import Spool, SpoolWriter
from steam_assets.processes.identity import ProcessIdentity, left_by_the_dead
from steam_assets.processes.temporary_folders import temporary_folder

HERE = ProcessIdentity.current()
DYING = """
import os, sys
from pathlib import Path
from steam_assets.extraction.spool import SpoolWriter
from steam_assets.processes.temporary_folders import temporary_folder
where = Path(sys.argv[1])
with temporary_folder("work-", where) as folder:
    (folder / "half").write_bytes(b"half")
    with SpoolWriter(where / "spool", "news", "2026-11-10") as writer:
        os._exit(9)
"""


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """A folder in which a process died with all its temporary files open."""
    assert subprocess.run([sys.executable, "-c", DYING, str(tmp_path)], timeout=60, check=False).returncode == 9
    return tmp_path


def files(folder: Path) -> list[str]:
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if not name.endswith((".lock", ".lock~")))


def test_folders_of_living_processes_are_kept_and_others_removed(left: Path) -> None:
    assert len(files(left)) == 2
    with temporary_folder("mine-", left) as mine, SpoolWriter(left / "spool", "reviews", "2026-11-10"):
        (mine / "kept").touch()
        Spool.sweep(left / "spool")
        names = files(left)
        assert len(names) == 2
        assert {name.split("/")[0].split("~")[0] for name in names} == {"mine-", "spool"}
        assert any(name.startswith("spool/reviews/") for name in names)
    assert files(left) == []


def test_a_sealed_spool_outlives_its_process(tmp_path: Path) -> None:
    with SpoolWriter(tmp_path, "news", "2026-11-10") as writer:
        writer.seal("all")
    Spool.sweep(tmp_path)
    assert Spool.sealed(tmp_path, "news", "2026-11-10", "all") is not None


@pytest.mark.parametrize(
    ("whose", "dead"),
    [
        (HERE, False),
        (replace(HERE, started=HERE.started - 500, since_boot=HERE.since_boot - 500), True),
        (replace(HERE, host="another-machine", started=HERE.started - 500, since_boot=HERE.since_boot - 500), False),
    ],
    ids=["this process", "an earlier one of its id", "another machine's"],
)
def test_a_mark_identifies_its_process(whose: ProcessIdentity, dead: bool) -> None:
    assert left_by_the_dead(whose.mark) is dead


@pytest.mark.parametrize("text", ["", "audit", "0123456789ab", HERE.mark + "_1", HERE.mark.rpartition("_")[0]])
def test_a_folder_without_a_valid_mark_belongs_to_no_process(text: str) -> None:
    assert not left_by_the_dead(text)
