"""The program ``steam-assets``: a command in a session of its own, and the signals that end it.

Belongs here: passing on what a terminal or a service manager sends, exit codes. Does not belong here: the commands
(cli.py); nothing is imported here that takes time.

Whatever ends this process, the command and all that it started end, too (processes/supervised.py).
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

from steam_assets.processes.supervised import Supervised, ending

GRACE_SECONDS = 4.0


def main() -> int:
    """Run the command line's command; its exit code, or 128 + the number of the signal that ended it."""
    ends = ending()
    awaited = ends | {signal.SIGCHLD, signal.SIGTSTP}
    for number in awaited:
        # An ignored signal would not arrive, not even at sigwait().
        signal.signal(number, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    command = Supervised(
        [sys.executable, "-P", "-m", "steam_assets.cli", *sys.argv[1:]], grace=GRACE_SECONDS, held=True
    )
    while (code := command.poll()) is None:
        number = signal.sigwait(awaited)
        if number == signal.SIGTSTP:
            _pause(command)
        elif number in ends:
            command.end()
            _say("Interrupted; nothing is left running, and what was finished is kept.")
            return 128 + number
    if code < 0:
        command.end()
        _say(f"{signal.Signals(-code).name} ended the command (perhaps memory ran out); what was finished is kept.")
        return 128 - code
    return code


def _pause(command: Supervised) -> None:
    """Stop with the command at Ctrl-Z, until the shell lets both go on."""
    command.send(signal.SIGSTOP)
    os.kill(os.getpid(), signal.SIGSTOP)
    command.send(signal.SIGCONT)


def _say(line: str) -> None:
    # The terminal may be gone.
    with suppress(OSError):
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
