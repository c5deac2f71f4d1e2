"""Collecting: a source's answers to one question, gathered into a sealed spool.

Belongs here: when a source may be asked, numbering and wrapping its answers, asking about several apps at once.
Does not belong here: how one request is made (http_client.py), publishing.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import TypeVar

from steam_assets.extraction.errors import NotAskable
from steam_assets.extraction.spool import Spool, SpoolWriter
from steam_assets.failpoints import failpoint
from steam_assets.kafka.envelope import Envelope
from steam_assets.sources.source import Answer, FetchRequest, History, Rejected, Request, Response, Source, SourceClient

T = TypeVar("T")

APPS_AT_ONCE = 8
APPS_AHEAD = 16
"""Apps whose answers may be held in memory while an earlier app is still being asked about."""


class Stopped(Exception):
    """Another app's question has failed, so this one is not asked any more."""


def extract(
    source: Source,
    fetch_request: FetchRequest,
    client: SourceClient,
    spool_folder: Path,
    *,
    progress: Callable[[int], None] = lambda envelopes: None,
) -> Spool:
    """Ask a source about a window and give the sealed batch; ``progress`` hears the number of envelopes so far.

    A batch that is sealed already, for the same question, is given again without asking. NotAskable if the source has
    no answer for the window, or if an answer of a live source came outside it; otherwise whatever ``ask`` raises.
    After an error nothing is left on disk.
    """
    key = fetch_request.window.key
    about = _about(fetch_request)
    if (earlier := Spool.sealed(spool_folder, source.name, key, about)) is not None:
        return earlier
    if (refusal := source.history.refusal(fetch_request.window, fetch_request.now)) is not None:
        raise NotAskable(f"gap: {source.name} {key} cannot be had. {refusal}.")
    Spool.sweep(spool_folder)
    with SpoolWriter(spool_folder, source.name, key) as writer:
        failpoint("ask:spool_open")
        for answer in _answers(source, fetch_request, client):
            _check_moment(source, fetch_request, answer)
            writer.append(
                Envelope.from_answer(
                    answer, source=source.name, partition_key=key, batch_id=writer.batch_id, sequence=writer.records
                )
            )
            failpoint("ask:answer_spooled")
            progress(writer.records)
        failpoint("ask:before_seal")
        spool = writer.seal(about)
    failpoint("ask:after_seal")
    return spool


def _about(fetch_request: FetchRequest) -> str:
    asked = f"{fetch_request.window.key} {fetch_request.page_budget} {','.join(str(app) for app in fetch_request.apps)}"
    return hashlib.sha256(asked.encode()).hexdigest()


def _check_moment(source: Source, fetch_request: FetchRequest, answer: Answer) -> None:
    moment = answer.response.fetched_at
    if source.history is History.LIVE and moment not in fetch_request.window:
        raise NotAskable(
            f"{source.name} answered at {moment:%Y-%m-%d %H:%M:%S} UTC, outside {fetch_request.window.key} "
            f"({fetch_request.window.start:%Y-%m-%d %H:%M} to {fetch_request.window.end:%Y-%m-%d %H:%M} UTC): the fetch ran past "
            "the window's end, and a live answer belongs only to the window it was taken in. Materialize the partition "
            "of that moment instead"
        )


def _answers(source: Source, fetch_request: FetchRequest, client: SourceClient) -> Iterator[Answer]:
    if source.apps_from is None or len(fetch_request.apps) < 2:
        return source.extract(client, fetch_request)
    return _by_app(source, fetch_request, client)


def _by_app(source: Source, fetch_request: FetchRequest, client: SourceClient) -> Iterator[Answer]:
    """The answers in the order of the apps, asked about several at once; the first failure stops them all."""
    stop = Event()
    stoppable = _Stoppable(client, stop)

    def of_app(app: int) -> list[Answer]:
        return list(source.extract(stoppable, replace(fetch_request, apps=(app,))))

    pool = ThreadPoolExecutor(APPS_AT_ONCE, thread_name_prefix=f"ask-{source.name}")
    running: deque[Future[list[Answer]]] = deque()
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
        # The answers on their way may take a minute: whoever presses Ctrl-C does not wait for them.
        pool.shutdown(wait=not interrupted, cancel_futures=True)


def _first(running: deque[Future[list[Answer]]]) -> list[Answer]:
    while not running[0].done():
        wait([future for future in running if not future.done()], return_when=FIRST_COMPLETED)
        for future in running:
            if future.done():
                future.result()
    return running.popleft().result()


class _Stoppable:
    """An ``SourceClient`` that asks nothing more once it was stopped."""

    def __init__(self, client: SourceClient, stop: Event) -> None:
        self._ask = client
        self._stop = stop

    def fetch(self, request: Request[T]) -> Response[T]:
        self._check()
        return self._ask(request)

    def fetch_or_reject(self, request: Request[T]) -> Response[T] | Rejected:
        self._check()
        return self._ask.fetch_or_reject(request)

    def _check(self) -> None:
        if self._stop.is_set():
            raise Stopped("another app's question has failed; see that error")
