"""Drift: an endpoint no longer responds as its source expects, and how it differs from the last good response.

Belongs here: what counts as drift, comparing two responses, recording it in the ledger. Does not belong here:
validating a response (each source's ``parse``), retries (extraction/).

A source that sends one request fails because of drift. One that fetches many apps continues without the rejected
responses, so it has drift if most of them are rejected or all are empty. A valid response may have items of another
shape, which cleaning quarantines one by one.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from urllib.parse import urlsplit

from steam_assets.extraction.errors import (
    EndpointGone,
    Evidence,
    NoDataForApp,
    SourceError,
    StaleResponse,
    Unreachable,
    UnusableResponse,
)
from steam_assets.ingestion.languages import languages_of, only_one, renamed
from steam_assets.kafka.envelope import Envelope
from steam_assets.lake.iceberg_table import IcebergTable, retry_on_contention
from steam_assets.lake.lake import Lake
from steam_assets.ledger.drift import DRIFT, Drift, drift_of
from steam_assets.ledger.records import RawRecord
from steam_assets.sources.source import Source

MOST_DIFFERENCES = 8
LONGEST_PROBLEM = 1000
FEWEST_ANSWERS = 3
"""Fewer rejected responses are not evidence about the endpoint."""
FEWEST_ITEMS = 5
"""With fewer items a field may be missing by chance."""


@dataclass(frozen=True)
class _Good:
    """The last good response of an endpoint."""

    partition_key: str
    fetched_at: datetime
    body: str


def drift_in_error(lake: Lake, source: Source, partition_key: str, error: SourceError, now: datetime) -> Drift | None:
    """Record the drift that a source's error shows; None if it shows none (blocked, unreachable, not available)."""
    if isinstance(error, StaleResponse | NoDataForApp):
        return None
    slow = isinstance(error, Unreachable) and error.evidence is not None and error.evidence.status == 200
    if not (slow or isinstance(error, EndpointGone | UnusableResponse)):
        return None
    evidence = error.evidence
    good = _last_good(lake.raw(source), urlsplit(evidence.url).path) if evidence else None
    return _noted(lake, source, partition_key, str(error), good, _sent(evidence), None, now)


def drift_in_answers(
    lake: Lake, source: Source, partition_key: str, answers: Iterable[Envelope], now: datetime
) -> Drift | None:
    """Record the drift that a source's responses show; None if they show none.

    Raises UnusableResponse with the drift if the responses are valid but are not those requested, so that their rows
    would be wrong.
    """
    seen, raw = _Answers(), lake.raw(source)
    for envelope in answers:
        seen.add(envelope)
    if (example := seen.example) is None:
        return None
    last_good = cache(partial(_last_good, raw))
    for path, answer in seen.longest.items():
        good = last_good(path)
        if good is not None and (ignored := seen.ignored(good, answer)):
            drift = _noted(lake, source, partition_key, ignored, good, answer.body, None, now)
            sent = Evidence(answer.url, answer.status, answer.headers, answer.body.encode(), answer.fetched_at)
            raise UnusableResponse(str(drift), evidence=sent)
    good, problem = last_good(urlsplit(example.url).path), None
    if source.app_by_app:
        problem = seen.problem(_had_items(raw))
    if problem is None and good is not None and differences(good.body, example.body, at_least=FEWEST_ITEMS):
        problem = "its items are of another shape"
    if problem is None:
        return None
    return _noted(lake, source, partition_key, problem, good, example.body, example.batch_id, now)


@dataclass
class _Answers:
    total: int = 0
    rejected: int = 0
    items: int = 0
    languages: Counter[str] = field(default_factory=Counter[str])
    longest: dict[str, Envelope] = field(default_factory=dict[str, Envelope])
    """The longest valid answer of each endpoint, by path."""
    example: Envelope | None = None
    """A rejected one if there is any, else the one with the most items."""
    reasons: dict[str, int] = field(default_factory=lambda: defaultdict[str, int](int))

    def add(self, envelope: Envelope) -> None:
        self.total += 1
        items = sum(envelope.items.values())
        self.items += items
        rejected = envelope.problem is not None and items > 0
        if envelope.problem is None:
            self.languages.update(languages_of(envelope.body))
            path = urlsplit(envelope.url).path
            if path not in self.longest or len(envelope.body) > len(self.longest[path].body):
                self.longest[path] = envelope
        if self.example is None or (not self.rejected and (rejected or items > sum(self.example.items.values()))):
            self.example = envelope
        if rejected and envelope.problem is not None:
            self.rejected += 1
            self.reasons[envelope.problem.split(": http")[0]] += 1

    def ignored(self, good: _Good, answer: Envelope) -> str | None:
        """Which parameter was ignored, compared with the endpoint's last good response; None if none was."""
        one = only_one(languages_of(good.body), self.languages)
        return one or renamed(_parsed(good.body), _parsed(answer.body))

    def problem(self, had_items: bool) -> str | None:
        if self.total < FEWEST_ANSWERS:
            return None
        if self.rejected * 2 > self.total:
            often = max(self.reasons, key=lambda reason: self.reasons[reason])
            return f"{self.rejected} of {self.total} responses are invalid; most common reason: {often}"
        if had_items and not self.items:
            return f"all {self.total} responses are empty, although earlier ones were not"
        return None


def _sent(evidence: Evidence | None) -> str:
    return evidence.body.decode("utf-8", "replace") if evidence else ""


def _noted(
    lake: Lake,
    source: Source,
    partition_key: str,
    problem: str,
    good: _Good | None,
    body: str,
    batch_id: str | None,
    now: datetime,
) -> Drift:
    drift = Drift(
        partition_key=partition_key,
        problem=problem[:LONGEST_PROBLEM],
        differences=tuple(differences(good.body, body)) if good else (),
        good_partition=good.partition_key if good else None,
        good_at=good.fetched_at if good else None,
        batch_id=batch_id,
        at=now,
    )
    raw = lake.raw(source)

    def change() -> None:
        raw.create()
        raw.pinned().commit({}, properties={DRIFT: drift})

    known = drift_of(lake, source)
    if known is None or (known.problem, known.differences) != (drift.problem, drift.differences):
        retry_on_contention(change)
    return drift


def _had_items(raw: IcebergTable) -> bool:
    records = raw.records(RawRecord)
    return bool(records) and any(records[max(records)].items.values())


def _last_good(raw: IcebergTable, path: str) -> _Good | None:
    """The newest valid response of the endpoint at that path, from the newest partition that has one."""
    for key in sorted(raw.records(RawRecord), reverse=True)[:3]:
        rows = raw.arrow([key], ("url", "fetched_at", "problem", "body", "items"))
        found = [row for row in (rows.to_pylist() if rows else []) if row["problem"] is None]
        same = [row for row in found if urlsplit(row["url"]).path == path]
        if good := max(same, key=lambda row: (sum(n for _, n in row["items"]), row["fetched_at"]), default=None):
            return _Good(key, good["fetched_at"], good["body"])
    return None


def differences(good: str, sent: str, at_least: int = 0) -> list[str]:
    """What a JSON response lacks, has in addition, or has with another type, compared with a good one.

    A field counts as missing only if every object at its path had it. All names with digits, such as dates, count as
    one. With ``at_least``, only differences in that many objects of both responses count, and new fields do not.
    """
    before, now = _parsed(good), _parsed(sent)
    if before is None:
        return []
    if now is None:
        start = " ".join(sent[:60].split())
        return [f"it is not JSON, but begins with {start!r}" if start else "it is empty"]
    expected, found = _Shape.of(before), _Shape.of(now)
    often = [path for path in expected.types if min(expected.above(path), found.above(path)) >= at_least]
    gone = [path for path in often if path not in found.types and expected.always(path)]
    lost = [f"`{path}` is missing" for path in gone if path.rpartition(".")[0].removesuffix("[]") not in gone]
    new = [f"`{path}` is new" for path in found.types if path not in expected.types and not at_least]
    changed = [
        f"`{path}` is {_words(found.types[path])}, not {_words(expected.types[path])}"
        for path in often
        if path in found.types and not found.types[path] & expected.types[path]
    ]
    return [*lost, *changed, *new][:MOST_DIFFERENCES]


def _parsed(text: str) -> object | None:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _words(kinds: set[str]) -> str:
    return " or ".join(sorted(kinds))


@dataclass
class _Shape:
    """The paths of a JSON value, with the types found there and how often each path and its objects occur."""

    types: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    counts: dict[str, int] = field(default_factory=lambda: defaultdict[str, int](int))

    @classmethod
    def of(cls, value: object) -> _Shape:
        shape = cls()
        for path, kind in _walk(value, ""):
            shape.types.setdefault(path, set()).add(kind)
            shape.counts[path] += 1
        return shape

    def above(self, path: str) -> int:
        """The number of objects at a field's path."""
        return self.counts.get(path.rpartition(".")[0], 0)

    def always(self, path: str) -> bool:
        return self.counts[path] >= self.above(path) or "*" in path


def _walk(value: object, path: str) -> Iterator[tuple[str, str]]:
    match value:
        case dict():
            yield path, "an object"
            for name, child in value.items():
                step = "*" if re.search(r"\d\d", str(name)) else str(name)[:80]
                yield from _walk(child, f"{path}.{step}" if path else step)
        case list():
            yield path, "a list"
            for child in value:
                yield from _walk(child, f"{path}[]")
        case bool():
            yield path, "true or false"
        case int() | float():
            yield path, "a number"
        case str():
            yield path, "a text"
        case _:
            return
