"""Collecting: a source's answers to one question, gathered into a sealed spool.

Belongs here: when a source may be asked, numbering and wrapping its answers, asking about several apps at once.
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

from steam_assets.crash_points import reached
from steam_assets.ingestion.envelope import Envelope
from steam_assets.ingestion.errors import NotAskable
from steam_assets.ingestion.spool import Spool, SpoolWriter
from steam_assets.sources.source import Answer, Ask, History, Question, Rejected, Request, Response, Source

T = TypeVar("T")

APPS_AT_ONCE = 8
APPS_AHEAD = 16
"""Apps whose answers may be held in memory while an earlier app is still being asked about."""


class Stopped(Exception):
    """Another app's question has failed, so this one is not asked any more."""


def collect(
    source: Source,
    question: Question,
    ask: Ask,
    spool_folder: Path,
    *,
    progress: Callable[[int], None] = lambda envelopes: None,
) -> Spool:
    """Ask a source about a window and give the sealed batch; ``progress`` hears the number of envelopes so far.

    A batch that is sealed already, for the same question, is given again without asking. NotAskable if the source has
    no answer for the window, or if an answer of a live source came outside it; otherwise whatever ``ask`` raises.
    After an error nothing is left on disk.
    """
    key = question.window.key
    about = _about(question)
    if (earlier := Spool.sealed(spool_folder, source.name, key, about)) is not None:
        return earlier
    if (refusal := source.history.refusal(question.window, question.now)) is not None:
        raise NotAskable(f"gap: {source.name} {key} cannot be had. {refusal}.")
    Spool.sweep(spool_folder)
    with SpoolWriter(spool_folder, source.name, key) as writer:
        reached("ask:spool_open")
        for answer in _answers(source, question, ask):
            _check_moment(source, question, answer)
            writer.append(
                Envelope.from_answer(
                    answer, source=source.name, partition_key=key, batch_id=writer.batch_id, sequence=writer.records
                )
            )
            reached("ask:answer_spooled")
            progress(writer.records)
        reached("ask:before_seal")
        spool = writer.seal(about)
    reached("ask:after_seal")
    return spool


def _about(question: Question) -> str:
    options = question.options.model_dump_json() if question.options else ""
    keyed = sorted(host.name for host in question.keyed)
    asked = json.dumps([question.window.key, options, keyed, *question.apps])
    return hashlib.sha256(asked.encode()).hexdigest()


def _check_moment(source: Source, question: Question, answer: Answer) -> None:
    moment = answer.response.fetched_at
    if source.history is History.LIVE and moment not in question.window:
        raise NotAskable(
            f"{source.name} answered at {moment:%Y-%m-%d %H:%M:%S} UTC, outside {question.window.key} "
            f"({question.window.start:%Y-%m-%d %H:%M} to {question.window.end:%Y-%m-%d %H:%M} UTC): the fetch ran past "
            "the window's end, and a live answer belongs only to the window it was taken in. Materialize the partition "
            "of that moment instead"
        )


def _answers(source: Source, question: Question, ask: Ask) -> Iterator[Answer]:
    if source.apps_from is None or len(question.apps) < 2:
        return source.collect(ask, question)
    return _by_app(source, question, ask)


def _by_app(source: Source, question: Question, ask: Ask) -> Iterator[Answer]:
    """The answers in the order of the apps, asked about several at once; the first failure stops them all."""
    stop = Event()
    stoppable = _Stoppable(ask, stop)

    def of_app(app: int) -> list[Answer]:
        return list(source.collect(stoppable, replace(question, apps=(app,))))

    pool = ThreadPoolExecutor(APPS_AT_ONCE, thread_name_prefix=f"ask-{source.name}")
    running: deque[Future[list[Answer]]] = deque()
    interrupted = True
    try:
        for app in question.apps:
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
    """An ``Ask`` that asks nothing more once it was stopped."""

    def __init__(self, ask: Ask, stop: Event) -> None:
        self._ask = ask
        self._stop = stop

    def __call__(self, request: Request[T]) -> Response[T]:
        self._check()
        return self._ask(request)

    def tolerant(self, request: Request[T]) -> Response[T] | Rejected:
        self._check()
        return self._ask.tolerant(request)

    def _check(self) -> None:
        if self._stop.is_set():
            raise Stopped("another app's question has failed; see that error")
