"""Extraction: fetch a source's responses for one window into a sealed spool.

Belongs here: when a source may be fetched, numbering and wrapping its responses, fetching several apps at once.
Does not belong here: how one request is made (http_client.py), publishing.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import TypeVar

from steam_assets.extraction.errors import NotAvailable
from steam_assets.extraction.spool import Spool, SpoolWriter
from steam_assets.failpoints import failpoint
from steam_assets.kafka.envelope import Envelope
from steam_assets.sources.source import (
    Fetched,
    FetchRequest,
    History,
    Rejected,
    Request,
    Response,
    Source,
    SourceClient,
)

T = TypeVar("T")

APPS_AT_ONCE = 8
APPS_AHEAD = 16
"""Apps whose responses may be held in memory while an earlier app is still being fetched."""


class Stopped(Exception):
    """Another app's request failed, so this one is no longer sent."""


def extract(
    source: Source,
    fetch_request: FetchRequest,
    client: SourceClient,
    spool_folder: Path,
    *,
    progress: Callable[[int], None] = lambda envelopes: None,
) -> Spool:
    """Fetch a window from a source and return the sealed batch; ``progress`` gets the number of envelopes so far.

    A batch already sealed for the same request is returned without fetching. So is one sealed for another (other apps,
    options or keys) if the window can no longer be fetched. Raises NotAvailable if there is none, and the source has no
    data for the window or a live source responded outside it; otherwise what ``client`` raises. After an error only
    what was sealed before is left on disk.
    """
    key, about = fetch_request.window.key, _about(fetch_request)
    if (same := Spool.sealed(spool_folder, source.name, key, about)) is not None:
        return same
    try:
        return _fetched(source, fetch_request, client, spool_folder, about, progress)
    except NotAvailable:
        if (earlier := Spool.sealed(spool_folder, source.name, key)) is None:
            raise
        return earlier


def _fetched(
    source: Source,
    fetch_request: FetchRequest,
    client: SourceClient,
    spool_folder: Path,
    about: str,
    progress: Callable[[int], None],
) -> Spool:
    key = fetch_request.window.key
    if (refusal := source.history.refusal(fetch_request.window, fetch_request.now)) is not None:
        raise NotAvailable(f"gap: {source.name} {key} is not available. {refusal}.")
    Spool.sweep(spool_folder)
    with SpoolWriter(spool_folder, source.name, key) as writer:
        failpoint("fetch:spool_open")
        for answer in _answers(source, fetch_request, client):
            _check_moment(source, fetch_request, answer)
            _check_name(source, answer)
            writer.append(
                Envelope.from_response(
                    answer, source=source.name, partition_key=key, batch_id=writer.batch_id, sequence=writer.records
                )
            )
            failpoint("fetch:response_spooled")
            progress(writer.records)
        failpoint("fetch:before_seal")
        spool = writer.seal(about)
    failpoint("fetch:after_seal")
    return spool


def _about(fetch_request: FetchRequest) -> str:
    options = fetch_request.options.model_dump_json() if fetch_request.options else ""
    keyed = sorted(host.name for host in fetch_request.keyed)
    identity = json.dumps([fetch_request.window.key, options, keyed, *fetch_request.apps])
    return hashlib.sha256(identity.encode()).hexdigest()


def _check_name(source: Source, answer: Fetched) -> None:
    name = answer.response.request.name
    if not source.sends(name):
        raise ValueError(f"{source.name} sends a request named {name!r}; add that name to its `requests`")


def _check_moment(source: Source, fetch_request: FetchRequest, answer: Fetched) -> None:
    moment, window = answer.response.fetched_at, fetch_request.window
    if source.history is History.LIVE and moment not in window:
        raise NotAvailable(
            f"{source.name} responded at {moment:%Y-%m-%d %H:%M:%S} UTC, outside {window.key} "
            f"({window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC): the fetch ran past "
            "the window's end, and live data belongs only to the window in which it was fetched. Materialize the "
            "partition of that time instead"
        )


def _answers(source: Source, fetch_request: FetchRequest, client: SourceClient) -> Iterator[Fetched]:
    if not source.app_by_app or len(fetch_request.apps) < 2:
        return source.extract(client, fetch_request)
    return _by_app(source, fetch_request, client)


def _by_app(source: Source, fetch_request: FetchRequest, client: SourceClient) -> Iterator[Fetched]:
    """The responses in the order of the apps, fetched concurrently; the first failure stops them all."""
    stop = Event()
    stoppable = _Stoppable(client, stop)

    def of_app(app: int) -> list[Fetched]:
        return list(source.extract(stoppable, replace(fetch_request, apps=(app,))))

    pool = ThreadPoolExecutor(APPS_AT_ONCE, thread_name_prefix=f"fetch-{source.name}")
    running: deque[Future[list[Fetched]]] = deque()
    interrupted = True
    try:
        for app in fetch_request.apps:
            running.append(pool.submit(of_app, app))
            if len(running) >= APPS_AHEAD:
                yield from _first(running)
        while running:
            yield from _first(running)
        interrupted = False
    except Exception:
        interrupted = False
        raise
    finally:
        stop.set()
        # Requests in flight may take a minute; Ctrl-C does not wait for them.
        pool.shutdown(wait=not interrupted, cancel_futures=True)


def _first(running: deque[Future[list[Fetched]]]) -> list[Fetched]:
    while not running[0].done():
        wait([future for future in running if not future.done()], return_when=FIRST_COMPLETED)
        for future in running:
            if future.done():
                future.result()
    return running.popleft().result()


class _Stoppable:
    """A ``SourceClient`` that sends no more requests once stopped."""

    def __init__(self, client: SourceClient, stop: Event) -> None:
        self._client = client
        self._stop = stop

    def fetch(self, request: Request[T]) -> Response[T]:
        self._check()
        return self._client.fetch(request)

    def fetch_or_reject(self, request: Request[T]) -> Response[T] | Rejected:
        self._check()
        return self._client.fetch_or_reject(request)

    def _check(self) -> None:
        if self._stop.is_set():
            raise Stopped("another app's request failed; see that error")
