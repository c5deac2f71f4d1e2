"""The memory of processes, as reported by Linux.

Belongs here: reading /proc. Does not belong here: which processes to measure (growth.py, stack_memory.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import psutil

KIB = 1024


def peak_of(pid: int) -> int:
    """The peak resident set size of a process since ``reset_peak``, in bytes."""
    return _field(Path(f"/proc/{pid}/status"), "VmHWM")


def reset_peak(pid: int) -> None:
    """Reset the peak of a process to its current resident set size."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def java_of_this_process() -> int:
    """The process id of the JVM that this process started. Raises RuntimeError if there is none, or several."""
    found = [child.pid for child in psutil.Process().children(recursive=True) if child.name() == "java"]
    if len(found) != 1:
        raise RuntimeError(f"expected one child process named java, found {len(found)}")
    return found[0]


def shares(processes: Iterable[psutil.Process]) -> dict[psutil.Process, int]:
    """The proportional set size of each process in bytes: shared pages are divided among the processes."""
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
        raise ProcessLookupError(f"{file} has no {name}: the process has ended")
    return int(match[1]) * KIB
