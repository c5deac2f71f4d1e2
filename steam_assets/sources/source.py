"""The declaration of a source, from which everything else is derived.

Belongs here: the frozen dataclasses that a source file fills in, and the rule for which windows a source can provide.
Does not belong here: any particular source (one file each in this package), HTTP, Kafka, paths, Dagster.

A source file defines which requests to send (``extract``), what a valid response is (the ``parse`` of its requests) and
how its clean tables are read from raw envelopes (``Table.items``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

from pydantic import BaseModel

from steam_assets.masking import visible
from steam_assets.sources.cadence import Cadence, Window
from steam_assets.sources.host import Host

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

T = TypeVar("T")
Value = TypeVar("Value", covariant=True)
Options = TypeVar("Options", bound=BaseModel)


class InvalidResponse(Exception):
    """A response does not match the contract; worth retrying, because such responses are often temporary.

    Its message may quote the response: characters that cannot be shown, or encoded, become U+FFFD.
    """

    def __init__(self, message: str) -> None:
        super().__init__(visible(message))


class NotYet(InvalidResponse):
    """The response is for the previous period; the service publishes the current one within minutes."""


class NotCarried(InvalidResponse):
    """The response is valid, but the service does not have the requested period, which a retry does not change."""


class NoOptions(BaseModel):
    """The options of a source without any."""


@dataclass(frozen=True)
class Request(Generic[Value]):
    """One GET to ``host``, one of the source's ``hosts``.

    ``name`` describes its purpose and is stored in the envelope; ``params`` are unencoded and are encoded exactly once;
    ``parse`` turns the body into the source's model or raises InvalidResponse; ``app_id`` is the app it is for.
    """

    host: Host
    name: str
    path: str
    params: Mapping[str, str]
    parse: Callable[[bytes], Value]
    app_id: int | None = None


@dataclass(frozen=True)
class Response(Generic[Value]):
    """The parsed response to a request; ``url`` contains no secret, ``fetched_at`` is UTC."""

    request: Request[Value]
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    fetched_at: datetime
    value: Value


@dataclass(frozen=True)
class Rejected:
    """An app's response that stayed unusable, kept with its ``reason``.

    ``items`` is how many items it counts as: 1, which is quarantined in clean, or 0 if the service has nothing for the
    app; then it is kept in raw only.
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
class Fetched:
    """A response, and how many items of each clean table its body holds for the requested window."""

    response: Response[object] | Rejected
    items: Mapping[str, int] = field(default_factory=dict[str, int])

    @classmethod
    def counted(cls, response: Response[Mapping[str, int]]) -> Self:
        """A response that was parsed into the number of its items, by table."""
        return cls(response, response.value)


class SourceClient(Protocol):
    """Sends a source's requests.

    ``fetch`` returns a Response, or raises a SourceError if the host cannot be used (unreachable, blocked, limits used
    up) or the response stays invalid. ``fetch_or_reject`` returns a Rejected in the latter case, for sources that fetch
    many apps and must not lose all of them because of one.
    """

    def fetch(self, request: Request[T]) -> Response[T]: ...

    def fetch_or_reject(self, request: Request[T]) -> Response[T] | Rejected: ...


@dataclass(frozen=True)
class FetchRequest:
    """What to fetch for one partition: its window and its apps (those on charts first, in their order).

    ``now`` is the time of the request (UTC). ``options`` are the source's, as set; by default its own defaults.
    ``keyed`` are the source's hosts for which a key is set.
    """

    window: Window
    now: datetime
    apps: Sequence[int] = ()
    options: BaseModel | None = None
    keyed: Collection[Host] = ()

    def given(self, options: type[Options]) -> Options:
        """The options as the source's own model. Raises TypeError if they are another source's."""
        if self.options is None:
            return options()
        if not isinstance(self.options, options):
            raise TypeError(f"{type(self.options).__name__} are not the {options.__name__} that the source declares")
        return self.options


class History(StrEnum):
    """Which past windows a source can provide."""

    LIVE = "live"
    """Only the present: a response belongs to the window in which it was fetched."""
    BY_WINDOW = "by_window"
    """The service accepts a window as a parameter; any finished one can be fetched."""
    CARRIED = "carried"
    """The body has the last few periods; only the response shows whether the window is among them."""

    def refusal(self, window: Window, now: datetime) -> str | None:
        """Why the source cannot provide ``window`` at ``now`` (aware); None if it can."""
        if now < window.start:
            return f"{window.key} has not begun (it is {now:%Y-%m-%d %H:%M} UTC)"
        if self is History.LIVE:
            if now in window:
                return None
            return (
                f"{window.key} is past and this source has only live data (it is {now:%Y-%m-%d %H:%M} UTC); "
                "only Kafka, while the topic retains it, or the raw backup can provide it"
            )
        if now < window.end:
            return f"{window.key} ends at {window.end:%Y-%m-%d %H:%M} UTC; fetch it after that"
        return None

    def belongs(self, window: Window, fetched_at: datetime) -> bool:
        """Whether a response fetched at that time (aware) can be for the window."""
        return fetched_at in window if self is History.LIVE else fetched_at >= window.end


class Sensitivity(StrEnum):
    """What a value may reveal, and so whether a release of the data contains it."""

    OPEN = "open"
    """Nothing about a person; released."""
    TEXT = "text"
    """Written by a person or a publisher; released only on request."""
    PERSON = "person"
    """Names a person or leads to one, also under a pseudonym; never released."""


_INITIALISMS = {"id": "ID", "gid": "GID", "url": "URL", "us": "US"}


@dataclass(frozen=True)
class Column:
    """A column of a clean table. ``type`` is a Spark DDL type; ``unit`` is empty if a number has none.

    A whole number with a unit is a count, so a negative one is an underflow that cleaning removes. A number outside its
    ``bounds`` (both inclusive) is set to the bound if rounding alone may explain it, and is unusable otherwise. Parts
    of a whole and relative changes have the unit ``share``: 0.25 is 25 %.

    ``value`` is SQL of a source's column, over the rows of ``exploded`` (json_body.py), typed or as text; by default it
    is the item's field of the same name: ``rank`` is ``entry.rank``. It is stated with ``of``.
    """

    name: str
    type: str
    description: str
    unit: str = ""
    nullable: bool = True
    bounds: tuple[float, float] | None = None
    sensitivity: Sensitivity = Sensitivity.OPEN
    stated: str | None = None

    def of(self, value: str) -> Self:
        """The same column with that ``value``."""
        return replace(self, stated=value)

    def described(self, description: str) -> Self:
        """The same column with the description that it needs in another table."""
        return replace(self, description=description)

    @property
    def value(self) -> str:
        """SQL of its value over the rows of ``exploded``: as stated, or the item's field of its name."""
        return self.stated or f"entry.{self.name}"

    @property
    def caption(self) -> str:
        """The display name: ``app_id`` is "App ID"."""
        first, *rest = (_INITIALISMS.get(word, word) for word in self.name.split("_"))
        return " ".join([first[:1].upper() + first[1:], *rest])


@dataclass(frozen=True)
class Table:
    """A clean table of a source.

    ``items(raw)`` is pure: from a DataFrame of envelopes (lake/columns.py has its columns; without rejected ones that
    count no item of this table) it returns one row per item
    of the body, with this table's columns, plus ``problem`` (null, or why the item is unusable: among others, which of
    the ``rules`` it breaks), ``item`` (its own text, for quarantine; null without a problem), ``changes``
    (array<string>: what was altered in the row, and why), and the envelope's ``partition_key``, ``batch_id``,
    ``fetched_at``, ``sequence`` and ``source_sha256`` unchanged. ``shaped`` (json_body.py) makes such rows.
    ``key`` is the natural key within a partition (newest ``fetched_at`` wins); ``rules`` are SQL conditions by name,
    each of which must be true for a row to be clean.

    ``full_snapshot``: a partition is a full snapshot (a chart), which a newer response replaces completely; otherwise
    it is a set of items, each replaced individually. ``ranked`` names the columns whose values are unique within a
    partition; the first counts from 1 without gaps. If a partition has several charts, ``charts`` names the columns
    that tell them apart, and ``ranked`` holds within each.

    ``pseudonymous``: rows hold hashes under the reviewers' key, the column ``hash_key`` of ``raw``.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    items: Callable[[DataFrame], DataFrame]
    rules: Mapping[str, str] = field(default_factory=dict[str, str])
    asset: str = "clean"
    full_snapshot: bool = False
    ranked: tuple[str, ...] = ()
    charts: tuple[str, ...] = ()
    pseudonymous: bool = False


@dataclass(frozen=True)
class Source:
    """A source: a file that declares one, and a line in ``sources/__init__.py``, is all that the product needs.

    ``hosts`` are all hosts that its requests go to, its main host first. ``requests`` are the names of its requests, as
    regular expressions; an envelope with another name is not the source's. ``count`` gives the items of each table in a
    response's body, by the window, the request's name and the body; InvalidResponse if the body is invalid. Landing
    counts with it again, because envelopes may be another producer's. ``apps_from`` names the sources whose charts
    (their first clean tables) list the apps to fetch: the chart of the same partition, which must exist, or, of another
    cadence, the newest one. With ``watched``, the apps of the setting STEAM_WATCHLIST are fetched as well.
    ``app_by_app``: ``extract`` gets one app at a time, and several run at once; otherwise it gets all apps.
    ``sampled_every`` names the option with the minutes between two samples (sampling.py) of a source whose days have
    many: each adds a batch to the present day's partition, which is cleaned after the day ends. ``options`` is a
    pydantic model with a default for each field; the field ``page_budget`` of the source ``news`` is
    the setting STEAM_NEWS_PAGE_BUDGET. ``due_after`` is how long after a window's end its data may arrive without being
    late; with History.CARRIED, responses have a period until ``carried_for`` after its end. ``quarantine_limit`` is
    the share of quarantined items above which the partition's check fails. ``demo_partitions`` is the maximum number of
    partitions in the demo; None: the same as for its cadence.
    """

    name: str
    title: str
    description: str
    hosts: tuple[Host, ...]
    cadence: Cadence
    history: History
    requests: tuple[str, ...]
    extract: Callable[[SourceClient, FetchRequest], Iterator[Fetched]]
    count: Callable[[Window, str, bytes], Mapping[str, int]]
    tables: tuple[Table, ...]
    apps_from: tuple[str, ...] = ()
    watched: bool = False
    app_by_app: bool = False
    sampled_every: str | None = None
    options: type[BaseModel] = NoOptions
    due_after: timedelta = timedelta(0)
    carried_for: timedelta = timedelta(0)
    quarantine_limit: float = 0.01
    demo_partitions: int | None = None

    def sends(self, request: str) -> bool:
        """Whether one of its requests has that name."""
        return any(re.fullmatch(name, request) for name in self.requests)

    @property
    def about_apps(self) -> bool:
        """Whether it is fetched for given apps, of which one may have an unusable response without affecting others."""
        return bool(self.apps_from or self.watched)

    def newest_due(self, now: datetime) -> Window:
        """The newest window that is late if it is missing at ``now`` (aware)."""
        return self.cadence.latest_finished(now - self.due_after)

    def is_open(self, window: Window, now: datetime) -> bool:
        """Whether more samples may come into the window; until then it is not cleaned or reported as incomplete."""
        return self.sampled_every is not None and now in window

    def setting(self, option: str) -> str:
        """The name of an option's setting in ``Settings``."""
        return f"{self.name}_{option}"

    def settings(self) -> dict[str, tuple[object, object]]:
        """The settings of its options, by name: type and pydantic field."""
        fields = self.options.model_fields
        return {self.setting(option): (info.annotation, copy(info)) for option, info in fields.items()}
