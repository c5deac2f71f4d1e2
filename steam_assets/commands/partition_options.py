"""Parsing partition options: one meaning in all commands, checked before anything is started.

Belongs here: parsing partitions, and what to type instead of an invalid one. Does not belong here: which partitions
exist (ledger/).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steam_assets.sources.cadence import Cadence

import typer

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")


def partition_of(
    text: str, cadence: Cadence, now: datetime, option: str = "--partition", kept: Iterable[str] = ()
) -> str:
    """The partition key that ``text`` names; a month may be written as YYYY-MM.

    Raises BadParameter, with what to type, for a text that is not a date, for a day on which no partition of the
    cadence starts, and for one before the first partition or after the newest at ``now`` (aware) that is not among
    ``kept``.
    """
    try:
        return _key(text, cadence, now, option, kept)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def partitions_of(
    text: str, cadences: Iterable[Cadence], now: datetime, option: str = "--partition", kept: Iterable[str] = ()
) -> dict[Cadence, str]:
    """The same for several cadences: the key of each that has the partition. Raises BadParameter if none has."""
    from steam_assets.sources.cadence import Cadence

    found: dict[Cadence, str] = {}
    problems: dict[Cadence, str] = {}
    for cadence in cadences:
        try:
            found[cadence] = _key(text, cadence, now, option, kept)
        except ValueError as error:
            problems[cadence] = str(error)
    if not found:
        meant = Cadence.MONTHLY if _MONTH.fullmatch(text) else next(iter(problems))
        raise typer.BadParameter(problems.get(meant) or next(iter(problems.values())), param_hint=option)
    return found


def partition_range(first: str | None, last: str | None, cadence: Cadence, now: datetime, default: str) -> list[str]:
    """The keys from ``--from`` to ``--to``, oldest first; ``--from`` alone is one key; without both, ``default``."""
    if first is None:
        if last is not None:
            raise typer.BadParameter(f"--to needs --from; type --from {last} --to {last}", param_hint="--to")
        return [default]
    start = partition_of(first, cadence, now, "--from")
    end = partition_of(last, cadence, now, "--to") if last is not None else start
    if end < start:
        raise typer.BadParameter(f"{end} is before --from {start}; type --from {end} --to {start}", param_hint="--to")
    return [window.key for window in cadence.between(start, end)]


def _key(text: str, cadence: Cadence, now: datetime, option: str, kept: Iterable[str]) -> str:
    from steam_assets.sources.cadence import Cadence

    newest = cadence.newest(now).key
    day = _day(text, cadence, option, newest)
    written = day.isoformat()
    if written in kept:
        return written
    if written < cadence.first:
        raise ValueError(f"{text} is before the first {cadence} partition; type {option} {cadence.first} or later")
    if written >= cadence.containing(cadence.window(newest).end).key:
        raise ValueError(
            f"{_too_late(text, written, cadence, now)}; the newest partition is {newest}: type {option} {newest}"
        )
    key = cadence.containing(datetime.combine(day, time(), UTC)).key
    if key != written:
        starts = "a Tuesday" if cadence is Cadence.WEEKLY else "the first of a month"
        raise ValueError(
            f"{text} is a {day:%A}, but a {cadence} partition starts on {starts}; it is in the {cadence.period} of "
            f"{key}: type {option} {key}"
        )
    return key


def _day(text: str, cadence: Cadence, option: str, newest: str) -> date:
    from steam_assets.sources.cadence import Cadence

    is_month = _MONTH.fullmatch(text) is not None
    try:
        if not is_month and not _DAY.fullmatch(text):
            raise ValueError
        day = date.fromisoformat(f"{text}-01" if is_month else text)
    except ValueError:
        raise ValueError(f"{text!r} is not a date; write YYYY-MM-DD, as in {option} {newest}") from None
    if is_month and cadence is not Cadence.MONTHLY:
        raise ValueError(f"{text} is a month, but a {cadence} partition is a {cadence.period}: type {option} {newest}")
    return day


def _too_late(text: str, day: str, cadence: Cadence, now: datetime) -> str:
    present = cadence.containing(now)
    if day < f"{present.end:%Y-%m-%d}":
        return f"{text} is in the current {cadence.period}, which ends on {present.end:%Y-%m-%d} (UTC)"
    return f"{text} is in the future (it is {now:%Y-%m-%d %H:%M} UTC)"
