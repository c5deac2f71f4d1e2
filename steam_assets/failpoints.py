"""Failpoints: named steps at which a test can kill this process, as a power loss would.

Belongs here: the names of the steps, and the kill. Does not belong here: what the steps do.
The variable STEAM_FAILPOINT is for tests only; without it ``failpoint`` does nothing.
"""

from __future__ import annotations

import os
import signal

VARIABLE = "STEAM_FAILPOINT"

STEPS = (
    "fetch:slot_claimed",
    "fetch:spool_open",
    "fetch:response_spooled",
    "fetch:before_seal",
    "fetch:after_seal",
    "publish:before_send",
    "publish:after_send",
    "publish:after_commit",
    "land:after_files",
    "land:after_commit",
    "backup:after_files",
    "backup:after_commit",
    "clean:after_quarantine",
    "clean:after_commit",
    "restore:after_files",
    "restore:after_commit",
    "housekeeping:after_delete",
    "housekeeping:after_expiry",
)
"""Every failpoint in the code, for tests that iterate over them; a test compares this list with the code."""


def failpoint(step: str) -> None:
    """Kill this process with SIGKILL, without any clean-up, if STEAM_FAILPOINT names ``step``."""
    if os.environ.get(VARIABLE) == step:
        os.kill(os.getpid(), signal.SIGKILL)
