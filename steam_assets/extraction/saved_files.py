"""Responses that a user saved as files, which are tried before the network.

Belongs here: which files of a host's drop folder are tried, in what order, and which are skipped. Does not belong here:
what a valid body is (each source's ``parse``), the network (http_client.py).
"""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from steam_assets.clock import CLOCKS_DIFFER
from steam_assets.extraction import transport
from steam_assets.sources.source import InvalidResponse, Request, Response

T = TypeVar("T")

log = logging.getLogger(__name__)


def saved_response(
    folder: Path | None,
    request: Request[T],
    skipped: list[str],
    *,
    now: datetime,
    may_be_of: Callable[[datetime], bool],
) -> Response[T] | None:
    """The newest manually saved response that is valid for the request; its time is the file's modification time.

    ``skipped`` receives the reasons why newer files are not valid; among them, that a file's time is after ``now``
    (aware) or is one at which, according to ``may_be_of``, the response cannot have been collected.
    """
    for path in _newest_first(folder):
        body = _read(path)
        if body is None:
            continue
        try:
            value = request.parse(body)
        except InvalidResponse as error:
            _skip(path, f"not a valid response to {request.name}: {error}", skipped, f"{error}")
            continue
        saved_at = _modified(path)
        if saved_at is None or saved_at > now + CLOCKS_DIFFER or not may_be_of(saved_at):
            when = f", {saved_at:%Y-%m-%d %H:%M} UTC," if saved_at else ""
            command = f"touch {shlex.quote(str(path.absolute()))}"
            _skip(path, f"its modification time{when} cannot be when it was saved. Next: {command}", skipped)
            continue
        return Response(request, f"file:{quote(os.fsencode(path.name))}", 200, {}, body, saved_at, value)
    return None


def _skip(path: Path, why: str, skipped: list[str], in_short: str = "") -> None:
    log.warning("skipping %s: %s", path, why)
    skipped.append(f"{path.name}: {in_short or why}")


def _read(path: Path) -> bytes | None:
    if path.stat().st_size > transport.MAX_BODY_BYTES:
        log.warning("skipping %s: it is larger than the maximum response size", path)
        return None
    try:
        return transport.to_utf8(path.read_bytes(), "")[0]
    except PermissionError:
        log.warning("skipping %s: this user has no permission to read it", path)
        return None


def _modified(path: Path) -> datetime | None:
    """When the file was modified (UTC); None if that is outside the years 1 to 9999."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _newest_first(folder: Path | None) -> Iterator[Path]:
    if folder is None or not folder.is_dir():
        return iter(())
    named = list(folder.glob("*.json"))
    # Opening a pipe would block until something writes to it.
    files = [path for path in named if path.is_file()]
    for path in sorted(set(named) - set(files)):
        log.warning("skipping %s: not a regular file", path)
    return iter(sorted(files, key=lambda path: path.stat().st_mtime, reverse=True))
