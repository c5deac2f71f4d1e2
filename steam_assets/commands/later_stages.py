"""The demo's stages after raw, in a separate process, while the next source is fetched.

Belongs here: that process, the order of its runs, and their progress. Does not belong here: what the stages do.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from types import TracebackType

    from rich.progress import Progress, TaskID

    from steam_assets.orchestration.launch import Launcher
    from steam_assets.settings import Settings
    from steam_assets.sources.source import Source

DIED = (
    "the cleaning process was killed, possibly for lack of memory: the demo needs 3 GB. Run it again; it continues "
    "where it stopped"
)


class LaterStages:
    """Cleans and backs up one source after another at the simulated time ``now`` (UTC), then makes all visuals.

    Each method raises RunFailed if one of its runs failed before; the context raises it if the process died.
    """

    def __init__(self, settings: Settings, now: datetime, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task
        self._runs: dict[str, Future[None]] = {}
        self._descriptions: dict[str, str] = {}
        spawn = multiprocessing.get_context("spawn")
        self._process = ProcessPoolExecutor(1, spawn, initializer=_Worker.open, initargs=(settings, now))
        # Without a task the process would not start before the first source is fetched.
        self._process.submit(int)

    def __enter__(self) -> LaterStages:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None:
            for process in multiprocessing.active_children():
                process.terminate()
        self._process.shutdown(cancel_futures=True)
        if isinstance(error, BrokenProcessPool):
            from steam_assets.orchestration.launch import RunFailed

            raise RunFailed(DIED) from error

    def add(self, source: Source, keys: Collection[str]) -> None:
        """Clean these partitions after those that were added before."""
        _wait(run for run in self._runs.values() if run.done())
        text = f"{source.title}: raw backup, clean, clean backup"
        self._submit(source.name, text, _Worker.clean, source.name, [*keys])

    def wait_for(self, sources: Collection[str]) -> None:
        """Wait until those of these sources that were added are clean."""
        _wait(run for name, run in self._runs.items() if name in sources)

    def finish(self) -> None:
        """Wait for all partitions, then for the insights and visuals."""
        self._submit("refresh", "Insights, dashboard, exports", _Worker.refresh)
        _wait(self._runs.values())
        self._progress.update(self._task, description="All stages are done")

    def _submit(self, name: str, description: str, run: Callable[..., None], *given: object) -> None:
        self._descriptions[name] = description
        self._runs[name] = self._process.submit(run, *given)
        self._show()
        self._runs[name].add_done_callback(lambda _: self._show())

    def _show(self) -> None:
        waiting = [self._descriptions[name] for name, run in [*self._runs.items()] if not run.done()]
        description, *_ = [*waiting, "Waiting for raw data"]
        self._progress.update(self._task, completed=len(self._runs) - len(waiting), description=description)


def _wait(runs: Iterable[Future[None]]) -> None:
    for run in [*runs]:
        run.result()


class _Worker:
    """What the process runs."""

    launcher: ClassVar[Launcher]
    kept_open: ClassVar[ExitStack] = ExitStack()
    """Dagster's instance, for as long as the process lives."""

    @classmethod
    def open(cls, settings: Settings, now: datetime) -> None:
        from steam_assets.processes.garbage_collection import collect_less_often
        from steam_assets.spark.early_session import begin_session

        collect_less_often()
        begin_session(settings)
        from steam_assets.clock import Clock
        from steam_assets.orchestration.build import build_defs
        from steam_assets.orchestration.launch import Launcher, local_instance

        definitions = build_defs(settings=settings, resource_overrides={"clock": Clock(now)})
        cls.launcher = Launcher(definitions, cls.kept_open.enter_context(local_instance(settings)))

    @classmethod
    def clean(cls, name: str, keys: Sequence[str]) -> None:
        from steam_assets.orchestration.stages import AFTER_RAW
        from steam_assets.sources import source_named

        cls.launcher.later_stages(source_named(name), AFTER_RAW, keys)

    @classmethod
    def refresh(cls) -> None:
        cls.launcher.refresh()
