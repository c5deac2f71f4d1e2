"""What a failed command prints: one line on the terminal, with details in a log file that the line names.

Belongs here: choosing that line, the log files, and keeping libraries and JVMs off the terminal. Does not belong here:
the errors themselves, exit codes of usage errors (cli.py).
"""

from __future__ import annotations

import io
import logging
import os
import platform
import re
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from steam_assets.masking import visible
from steam_assets.root_cause import root_cause

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from steam_assets.settings import Settings

PACKAGE = Path(__file__).resolve().parents[1]
DEBUG_VARIABLE = "STEAM_DEBUG"
KEPT_LOGS = 20
LONGEST_LINE = 600
LARGEST_NOISE = 1 << 20
"""How many bytes, the last ones, of the output of libraries and JVMs go into a log."""


class Noise:
    """What JVMs and libraries wrote to standard error while it was kept off the terminal."""

    def __init__(self, file: io.BufferedRandom | None = None) -> None:
        self._file = file

    def text(self) -> str:
        if self._file is None:
            return ""
        size = self._file.seek(0, io.SEEK_END)
        self._file.seek(max(0, size - LARGEST_NOISE))
        return self._file.read().decode(errors="replace")


@contextmanager
def off_the_terminal() -> Iterator[Noise]:
    """Keep everything but ``sys.stderr`` itself off the terminal: JVMs, Python's loggers, warnings and threads.

    Meanwhile file descriptor 2, which child processes inherit, points to an unnamed file, and ``sys.stderr`` to the
    terminal. Warnings of our own loggers are shown.
    """
    terminal, before = os.dup(2), sys.stderr
    with tempfile.TemporaryFile() as file, os.fdopen(terminal, "w", 1, errors="backslashreplace") as shown_to_user:
        before.flush()
        os.dup2(file.fileno(), 2)
        sys.stderr = shown_to_user
        try:
            _route_loggers(shown_to_user)
            yield Noise(file)
        finally:
            sys.stderr = before
            os.dup2(shown_to_user.fileno(), 2)


def _route_loggers(terminal: TextIO) -> None:
    hidden = os.fdopen(2, "w", 1, errors="backslashreplace", closefd=False)
    handler = logging.StreamHandler(hidden)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    logging.captureWarnings(True)
    ours = logging.StreamHandler(terminal)
    ours.setLevel(logging.WARNING)
    ours.setFormatter(_MessageAlone())
    logging.getLogger("steam_assets").addHandler(ours)

    def from_thread(failed: threading.ExceptHookArgs) -> None:
        traceback.print_exception(failed.exc_type, failed.exc_value, failed.exc_traceback, file=hidden)

    def ignored(failed: sys.UnraisableHookArgs) -> None:
        traceback.print_exception(failed.exc_type, failed.exc_value, failed.exc_traceback, file=hidden)

    threading.excepthook, sys.unraisablehook = from_thread, ignored


class _MessageAlone(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return visible(record.getMessage())


def one_line(error: BaseException) -> str:
    """What happened, in one line without secrets; for an error of Spark or Java, its root cause."""
    line = " ".join(root_cause(_message(error)).split())
    if not explains_itself(error):
        kind = type(error).__name__
        line = f"{kind}: {line}" if line else kind
    line = masked(line)
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"


def _message(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename is not None else ""
        return f"{error.strerror}{where}"
    return str(error)


def is_expected(error: BaseException) -> bool:
    """Whether it is one of our own errors that need no log: the message states the problem and the next step."""
    return type(error).__module__.startswith("steam_assets.") and not getattr(error, "details", "")


def explains_itself(error: BaseException) -> bool:
    """Whether the message is enough: one of our error classes, an OS error, or a plain error raised in our code."""
    if type(error).__module__.startswith("steam_assets.") or (isinstance(error, OSError) and error.strerror):
        return True
    frames = traceback.extract_tb(error.__traceback__)
    raised_here = bool(frames) and Path(frames[-1].filename).is_relative_to(PACKAGE)
    return raised_here and type(error) in (ValueError, RuntimeError, FileNotFoundError)


def write_log(error: BaseException, noise: Noise) -> Path | None:
    """Write all details into a new file and return its path; None if no folder is writable.

    The folder is HOME/logs, else one in the system's temporary folder; the newest ``KEPT_LOGS`` files are kept.
    """
    settings = _settings()
    trace = "".join(traceback.format_exception(error))
    parts = [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, Python {platform.python_version()}, {platform.platform()}",
        " ".join(sys.argv),
        trace,
        str(getattr(error, "details", "")),
        noise.text(),
    ]
    text = masked("\n\n".join(part for part in parts if part))
    name = f"{datetime.now(UTC):%Y-%m-%dT%H%M%S}-{os.getpid()}.log"
    folders = [settings.home.absolute() / "logs"] if settings else []
    for folder in [*folders, Path(tempfile.gettempdir()) / f"steam-assets-logs-{os.getuid()}"]:
        try:
            return _write(folder, name, text)
        except OSError:
            continue
    return None


def _write(folder: Path, name: str, text: str) -> Path:
    from steam_assets.settings import private_folder

    private_folder(folder)
    path = folder / name
    # Never follow a link that another user has put into a shared temporary folder.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", errors="replace") as file:
        file.write(text)
    for old in sorted(folder.glob("*.log"))[:-KEPT_LOGS]:
        old.unlink(missing_ok=True)
    return path


def masked(text: str) -> str:
    """The text without secrets of the settings and without credentials in URLs."""
    from steam_assets.masking import shown, without_secrets

    settings = _settings()
    return without_secrets(settings, text) if settings else shown(text)


def _settings() -> Settings | None:
    from steam_assets.settings import Settings

    try:
        return Settings()
    except Exception:
        return None


def refused_settings(error: ValidationError | SettingsError) -> dict[str, str]:
    """What is wrong with each invalid setting, by its variable, without the value."""
    from pydantic_settings import SettingsError

    if isinstance(error, SettingsError):
        named = re.search(r'field "(\w+)"', str(error))
        variable = f"STEAM_{named[1].upper()}" if named else "STEAM_…"
        return {variable: """it is not JSON; write an object, such as '{"name": "value"}'"""}
    problems: dict[str, str] = {}
    for each in error.errors(include_input=False, include_context=False):
        variable = f"STEAM_{str((each['loc'] or ('?',))[0]).upper()}"
        # The first is about what was written, others may follow from it.
        problems.setdefault(variable, each["msg"].removeprefix("Value error, ").replace("Input should", "it should"))
    return problems
