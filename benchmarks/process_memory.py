"""How much memory processes hold, as Linux tells it.

Belongs here: reading /proc. Does not belong here: whose memory is of interest (growth.py, stack_memory.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import psutil

KIB = 1024


def peak_of(pid: int) -> int:
    """The most bytes a process has had resident since ``reset_peak``."""
    return _field(Path(f"/proc/{pid}/status"), "VmHWM")


def reset_peak(pid: int) -> None:
    """Let the peak of a process begin anew at what it holds now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def java_of_this_process() -> int:
    """The id of the JVM that this process started. RuntimeError if there is none, or several."""
    found = [child.pid for child in psutil.Process().children(recursive=True) if child.name() == "java"]
    if len(found) != 1:
        raise RuntimeError(f"{len(found)} processes named java were started by this one, and one is expected")
    return found[0]


def shares(processes: Iterable[psutil.Process]) -> dict[psutil.Process, int]:
    """Proportional set size of each process in bytes: a page that several hold is counted in parts, once in all."""
    found: dict[psutil.Process, int] = {}
    for process in processes:
        try:
            found[process] = _field(Path(f"/proc/{process.pid}/smaps_rollup"), "Pss")
        except (FileNotFoundError, ProcessLookupError):
            # It has ended since it was listed.
            continue
    return found


def _field(file: Path, name: str) -> int:
    match = re.search(rf"^{name}:\s+(\d+) kB$", file.read_text(), re.MULTILINE)
    if match is None:
        raise ProcessLookupError(f"{file} tells no {name}: the process has ended")
    return int(match[1]) * KIB
