"""What a source is: the declaration that every other room works from.

Belongs here: the frozen dataclasses a source file fills in, and the rule of how far back a source can be asked.
Does not belong here: any one source (a file each beside this), HTTP, Kafka, paths, Dagster.

A source file says what to ask (``extract``), what a valid answer is (the ``parse`` of its requests) and how its
clean tables come out of raw envelopes (``Table.items``). Everything else is derived from that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from steam_assets.sources.cadence import Cadence, Window
from steam_assets.sources.host import Host

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

T = TypeVar("T")
Value = TypeVar("Value", covariant=True)
Options = TypeVar("Options", bound=BaseModel)


class InvalidAnswer(Exception):
    """An answer came, and it is not what the contract says; worth asking again, as such pages pass by themselves."""


class NotYet(InvalidAnswer):
    """The answer is of the period just before; the service comes to the present one within minutes."""


class NoOptions(BaseModel):
    """The options of a source that has none."""


@dataclass(frozen=True)
class Request(Generic[Value]):
    """One GET to ``host``, one of the source's ``hosts``.

    ``name`` says what it is for and stands in the envelope; ``params`` are unencoded and are encoded exactly once;
    ``parse`` turns the body into the source's model or raises InvalidAnswer; ``app_id`` is the app it is about.
    """

    host: Host
    name: str
    path: str
    params: Mapping[str, str]
    parse: Callable[[bytes], Value]
    app_id: int | None = None


@dataclass(frozen=True)
class Response(Generic[Value]):
    """What came back for a request, already parsed; ``url`` carries no secret, ``fetched_at`` is UTC."""

    request: Request[Value]
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    fetched_at: datetime
    value: Value


@dataclass(frozen=True)
class Rejected:
    """An app's answer that stayed unusable: kept with its ``reason``.

    ``items`` is how many items it counts for: 1, which is quarantined in clean, or 0 if the service has nothing for the
    app, which is then set aside in raw alone.
    """

    request: Request[object]
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    fetched_at: datetime
    reason: str
    items: int = 1


@dataclass(frozen=True)
class Answer:
    """A response and how many items of each clean table its body holds for the window asked about."""

    response: Response[object] | Rejected
    items: Mapping[str, int] = field(default_factory=dict[str, int])


class SourceClient(Protocol):
    """The way a source asks.

    ``ask(request)`` returns a Response, or raises: a SourceError when the host cannot be used (unreachable, blocked,
    limits used up) or when the answer stays invalid. ``ask.tolerant(request)`` returns a Rejected in that last case,
    for sources that ask about many apps and may not lose all of them to one.
    """

    def fetch(self, request: Request[T]) -> Response[T]: ...

    def fetch_or_reject(self, request: Request[T]) -> Response[T] | Rejected: ...


@dataclass(frozen=True)
class FetchRequest:
    """What one partition wants to know: its window and the apps to ask about (chart order).

    ``now`` is the moment of asking (UTC). ``options`` are the source's, as set; by default its own defaults. ``keyed``
    are the source's hosts for which a key is set.
    """

    window: Window
    now: datetime
    apps: Sequence[int] = ()
    options: BaseModel | None = None
    keyed: Collection[Host] = ()

    def given(self, options: type[Options]) -> Options:
        """The options as the source's own model. TypeError if they are another source's."""
        if self.options is None:
            return options()
        if not isinstance(self.options, options):
            raise TypeError(f"{type(self.options).__name__} are not the {options.__name__} that the source declares")
        return self.options


class History(StrEnum):
    """How far back a source can be asked."""

    LIVE = "live"
    """Only the present: an answer belongs to the window in which it was taken."""
    BY_WINDOW = "by_window"
    """The service takes a window; any finished one may be asked."""
    CARRIED = "carried"
    """The body carries the last few periods; the answer itself tells whether the window is among them."""

    def refusal(self, window: Window, now: datetime) -> str | None:
        """Why the source cannot be asked about ``window`` at ``now``; None if it can."""
        if now < window.start:
            return f"{window.key} has not begun (it is {now:%Y-%m-%d %H:%M} UTC)"
        if self is History.LIVE:
            if now in window:
                return None
            return (
                f"{window.key} is past and this source has only the present (it is {now:%Y-%m-%d %H:%M} UTC); "
                "it can come from Kafka while the topic retains it, or from the raw backup"
            )
        if now < window.end:
            return f"{window.key} ends at {window.end:%Y-%m-%d %H:%M} UTC; ask for it after that"
        return None

    def belongs(self, window: Window, fetched_at: datetime) -> bool:
        """Whether an answer that was fetched at that moment (aware) can be about the window."""
        return fetched_at in window if self is History.LIVE else fetched_at >= window.end


@dataclass(frozen=True)
class Column:
    """A column of a clean table. ``type`` is a Spark DDL type; ``unit`` is empty where a number has none.

    A whole number with a unit counts something, so one below zero is an underflow that cleaning removes. A
    number outside its ``bounds`` (both included) is set to the bound if rounding alone may have carried it there, and
    is unusable otherwise.
    """

    name: str
    type: str
    description: str
    unit: str = ""
    nullable: bool = True
    bounds: tuple[float, float] | None = None


@dataclass(frozen=True)
class Table:
    """A clean table of a source.

    ``items(raw)`` is pure: from a DataFrame of envelopes (lake/columns.py has its columns) it gives one row an
    item of the body, with this table's columns, plus ``item`` (the item's own text, for quarantine), ``problem``
    (null, or why the item is unusable), optionally ``changes`` (array<string>: what was altered in the row, and
    why), and the envelope's ``partition_key``, ``batch_id``, ``fetched_at``, ``sequence`` and ``source_sha256`` passed
    through.
    ``key`` is the natural key within a partition (newest ``fetched_at`` wins); ``rules`` are SQL conditions by name,
    each of which must be true for a row to be clean.

    ``picture``: a partition is one picture of a moment (a chart), which a newer answer replaces whole; otherwise it is
    a set of items, of which each is replaced by itself. ``ranked`` names the columns of which a partition has each
    value once; the first counts from 1 without a hole.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    items: Callable[[DataFrame], DataFrame]
    rules: Mapping[str, str] = field(default_factory=dict[str, str])
    asset: str = "clean"
    picture: bool = False
    ranked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """A source: a file with one of these, and its line in ``sources/__init__.py``, is all that the product asks for.

    ``hosts`` are all that its requests go to; the first is the one it is known by. ``apps_from`` names the source whose
    clean table of the same week lists the apps to ask about. ``options`` is a pydantic model with a default for each
    field; a field ``pages`` of the source ``news`` is the setting STEAM_NEWS_PAGES. ``due_after`` is how long after a
    window's end its data may come without being late; an answer of History.CARRIED has a period until ``carried_for``
    after its end. ``quarantine_limit`` is the share of items in quarantine above which the partition's check fails.
    ``demo_partitions`` is how many partitions the demo makes of it at most; None: as many as of its cadence.
    """

    name: str
    title: str
    description: str
    hosts: tuple[Host, ...]
    cadence: Cadence
    history: History
    extract: Callable[[SourceClient, FetchRequest], Iterator[Answer]]
    tables: tuple[Table, ...]
    apps_from: str | None = None
    options: type[BaseModel] = NoOptions
    due_after: timedelta = timedelta(0)
    carried_for: timedelta = timedelta(0)
    quarantine_limit: float = 0.01
    demo_partitions: int | None = None

    def newest_due(self, now: datetime) -> Window:
        """The newest window that is late if it is missing at ``now`` (aware)."""
        return self.cadence.latest_finished(now - self.due_after)

    def setting(self, option: str) -> str:
        """The name of an option's setting, as ``Settings`` has it."""
        return f"{self.name}_{option}"

    def settings(self) -> dict[str, tuple[Any, FieldInfo]]:
        """The settings that its options are, by name: type and pydantic field."""
        fields = self.options.model_fields
        return {self.setting(option): (info.annotation, copy(info)) for option, info in fields.items()}
