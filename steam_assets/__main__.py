"""The program ``steam-assets``: runs a command in its own session and forwards the signals that end it.

Belongs here: forwarding signals from a terminal or a service manager, exit codes. Does not belong here: the commands
(cli.py), slow imports.

However this process ends, the command and everything it started end too (processes/supervised.py).
"""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from steam_assets.processes.forked import forked
from steam_assets.processes.supervised import Supervised, ending

GRACE_SECONDS = 4.0
PROGRAM = "steam_assets.cli"
STDERR = 2


def main() -> int:
    """Run the command given on the command line; return its exit code, or 128 + the signal that ended it."""
    _open_standard_streams()
    ends = ending()
    awaited = ends | {signal.SIGCHLD, signal.SIGIO, signal.SIGTSTP}
    for number in awaited:
        # sigwait() does not receive an ignored signal.
        signal.signal(number, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    named = _named_descriptors(sys.argv[1:])
    command = forked(sys.argv[1:], GRACE_SECONDS) or Supervised(
        [sys.executable, "-P", "-m", PROGRAM, *sys.argv[1:]], grace=GRACE_SECONDS, held=True, reads=True, passed=named
    )
    while (code := command.poll()) is None:
        number = signal.sigwait(awaited)
        if number == signal.SIGTSTP:
            _pause(command)
        elif number in ends:
            command.end()
            _print_error("Interrupted; nothing is left running, and finished work is kept.")
            return 128 + number
    if code < 0:
        command.end()
        name = signal.Signals(-code).name
        _print_error(f"{name} ended the command (it may have run out of memory); finished work is kept.")
        return 128 - code
    return code


def _open_standard_streams() -> None:
    """Open /dev/null for each standard stream that is closed: a pipe or file opened later would take its place."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= STDERR:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def _named_descriptors(arguments: Sequence[str]) -> list[int]:
    """The open descriptors that arguments name, as a shell does for ``>(program)``."""
    named = [int(found[1]) for text in arguments if (found := re.search(r"/(?:dev|proc/self)/fd/(\d+)$", text))]
    return [descriptor for descriptor in named if Path(f"/dev/fd/{descriptor}").exists()]


def _pause(command: Supervised) -> None:
    """Stop together with the command on Ctrl-Z, until the shell continues both."""
    command.send(signal.SIGSTOP)
    os.kill(os.getpid(), signal.SIGSTOP)
    command.send(signal.SIGCONT)


def _print_error(line: str) -> None:
    # The terminal may have been closed.
    with suppress(OSError):
        os.write(STDERR, f"{line}\n".encode())


if __name__ == "__main__":
    sys.exit(main())
