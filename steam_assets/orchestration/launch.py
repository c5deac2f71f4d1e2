"""Running stages of sources from a command or a script, as runs that the Dagster UI shows too.

Belongs here: selecting assets by stage, and one run per partition or range. Does not belong here: what runs do,
printing.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from uuid import uuid4

import dagster as dg
from filelock import FileLock

from steam_assets.disk_space import disk_is_full
from steam_assets.extraction.spool import Spool
from steam_assets.ingestion.resolve_raw import Origin, spool_folder
from steam_assets.lake.catalogs import unusable_catalog
from steam_assets.lake.roots import ROOT_NAMES, on_s3
from steam_assets.orchestration.dagster_home import prepare_dagster_home
from steam_assets.orchestration.failures import ATTENDED, SHOWN_FAILURES
from steam_assets.orchestration.ingest_ops import FetchObserver, PartitionBegins, unobserved
from steam_assets.orchestration.interruption import interruptible
from steam_assets.orchestration.partitions import RANGE_END, RANGE_START
from steam_assets.orchestration.refresh import INSIGHTS_OP
from steam_assets.orchestration.refresh import JOB as REFRESH
from steam_assets.orchestration.run_ownership import abandon, attended_tags, end_dead_runs
from steam_assets.orchestration.stages import Stage, stage_keys
from steam_assets.orchestration.unusable_storage import unusable_storage
from steam_assets.outages import outage_in
from steam_assets.processes.temporary_folders import sweep_dead
from steam_assets.root_cause import root_cause
from steam_assets.settings import Settings, private_folder
from steam_assets.sources.source import Source

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""The instance stores the events for the Dagster UI; a command shows only progress and failures."""


@dataclass(frozen=True)
class Finished:
    """The outcome of a run that succeeded: its failed checks, and the keys of existing raw partitions that it kept."""

    failed_checks: list[str]
    kept: list[str]


class RunFailed(Exception):
    """A run failed; the message is the first failure in one line, ``details`` holds all of them with tracebacks.

    ``made`` are the assets that were committed although others failed, by partition. ``permanent``: each failure is one
    that a retry cannot fix, and so about the data of some partitions.
    """

    def __init__(
        self,
        message: str,
        details: str = "",
        made: Mapping[str, Collection[dg.AssetKey]] | None = None,
        *,
        permanent: bool = False,
    ) -> None:
        super().__init__(message)
        self.details = details
        self.permanent = permanent
        self._made = made or {}

    @classmethod
    def of(cls, failures: Sequence[RunFailed]) -> RunFailed:
        """One failure for several runs; its message has those of the first."""
        shown = [str(failure) for failure in failures[:SHOWN_FAILURES]]
        more = [f"and {len(failures) - len(shown)} more"] if len(failures) > len(shown) else []
        details = "\n".join(failure.details for failure in failures if failure.details)
        return cls("; ".join(shown + more), details, permanent=all(failure.permanent for failure in failures))

    def committed(self, source: Source, stage: Stage) -> list[str]:
        """The partitions for which all assets of a stage were committed."""
        return sorted(key for key, assets in self._made.items() if {*stage_keys(source, stage)} <= {*assets})


class UnwritableStorage(Exception):
    """Dagster's storage cannot be written to; the message states why and what to do."""


class Launcher:
    """Runs assets of ``defs`` in this process, recorded in ``instance``.

    A user waits for these runs: a failure ends a run at once, without a retry, and so does Ctrl-C
    (KeyboardInterrupt).
    """

    def __init__(self, defs: dg.Definitions, instance: dg.DagsterInstance) -> None:
        self._job = defs.resolve_implicit_global_asset_job_def()
        self._refresh = defs.resolve_job_def(REFRESH)
        self._observer = cast("FetchObserver", (defs.resources or {})["fetch_observer"])
        self._instance = instance

    def partition(
        self, source: Source, stages: Sequence[Stage], key: str, *, apps: Sequence[int] = (), refetch: bool = False
    ) -> Finished:
        """Run the stages for one partition. Raises RunFailed if the run does not succeed."""
        return self._run(source, stages, run_config=_fetching(source, apps, refetch), partition_key=key)

    def range(
        self,
        source: Source,
        stages: Sequence[Stage],
        keys: Sequence[str],
        *,
        apps: Sequence[int] = (),
        refetch: bool = False,
        begins: PartitionBegins = unobserved,
    ) -> Finished:
        """Run the stages for all partitions from the first key to the last, in one run.

        ``begins`` is called before each partition is fetched. Raises RunFailed if the run does not succeed.
        """
        tags = {RANGE_START: keys[0], RANGE_END: keys[-1]}
        with self._observer.reporting_to(begins):
            return self._run(source, stages, run_config=_fetching(source, apps, refetch), tags=tags)

    def later_stages(self, source: Source, stages: Sequence[Stage], keys: Collection[str]) -> list[str]:
        """Run stages after raw for these partitions, one run per contiguous range; return the failed checks.

        A partition that is refused stops no other: the next ranges run, and those of its own range that were cleaned
        are backed up. Then RunFailed is raised, of which the message names the first failures. A failure that is not
        about the data of partitions is raised at once.
        """
        checks, failures = list[str](), list[RunFailed]()
        for ends in source.cadence.ranges(keys):
            try:
                checks += self.range(source, stages, ends).failed_checks
            except RunFailed as error:
                if not error.permanent:
                    raise
                failures.append(error)
                if Stage.CLEAN in stages and Stage.CLEAN_BACKUP in stages:
                    cleaned = error.committed(source, Stage.CLEAN)
                    checks += self.later_stages(source, (Stage.CLEAN_BACKUP,), cleaned)
        if failures:
            raise RunFailed.of(failures)
        return checks

    def refresh(self, changed: Mapping[str, Sequence[str]] | None = None) -> None:
        """Compute the insights of the changed clean partitions (default: all), then the visuals, in one run.

        Raises RunFailed if the run fails.
        """
        config = {"changed": {table: list(keys) for table, keys in (changed or {}).items()}}
        self._execute(self._refresh, run_config={"ops": {INSIGHTS_OP: {"config": config}}} | QUIET)

    def _run(
        self,
        source: Source,
        stages: Sequence[Stage],
        *,
        run_config: Mapping[str, object],
        tags: Mapping[str, str] | None = None,
        partition_key: str | None = None,
    ) -> Finished:
        result = self._execute(
            self._job,
            asset_selection=[key for stage in stages for key in stage_keys(source, stage)],
            run_config={**run_config, **QUIET},
            tags=tags,
            partition_key=partition_key,
        )
        origins = _origins(result, source)
        return Finished(_failed_checks(result), [key for key in origins if origins[key] == Origin.PRESENT.value])

    def _execute(
        self,
        job: dg.JobDefinition,
        *,
        run_config: Mapping[str, object],
        tags: Mapping[str, str] | None = None,
        asset_selection: Sequence[dg.AssetKey] | None = None,
        partition_key: str | None = None,
    ) -> dg.ExecuteInProcessResult:
        run_id = str(uuid4())
        try:
            with interruptible():
                result = job.execute_in_process(
                    instance=self._instance,
                    raise_on_error=False,
                    run_id=run_id,
                    tags=attended_tags(run_id, {ATTENDED: "true", **(tags or {})}),
                    run_config=run_config,
                    asset_selection=asset_selection,
                    partition_key=partition_key,
                )
        except Exception as error:
            # Dagster could not record the event and may be unable to record this one, too.
            cause = _unrecorded(error)
            if cause is None:
                raise
            with suppress(Exception):
                abandon(self._instance, run_id, cause)
            raise RunFailed(cause) from None
        if not result.success:
            failure = _first_failure(result)
            reason = _explained(failure) or root_cause(failure)
            raise RunFailed(reason, _details(result), _made(result), permanent=_is_permanent(result))
        return result


def _fetching(source: Source, apps: Sequence[int], refetch: bool) -> dict[str, object]:
    asked = {"ops": {f"publish_{source.name}": {"config": {"apps": [*apps], "refetch": refetch}}}}
    return {"ops": {f"{source.name}__raw": asked}} if apps or refetch else {}


def _failed_checks(result: dg.ExecuteInProcessResult) -> list[str]:
    """Failed checks of severity ERROR; the others are shown in the Dagster UI."""
    return [
        _check(evaluation)
        for evaluation in result.get_asset_check_evaluations()
        if not evaluation.passed and evaluation.severity is dg.AssetCheckSeverity.ERROR
    ]


def _origins(result: dg.ExecuteInProcessResult, source: Source) -> dict[str, str]:
    """Where each raw partition came from, as the publish op reported it; empty if that op did not run."""
    for event in result.filter_events(lambda e: e.is_successful_output):
        if event.step_key and event.step_key.endswith(f"publish_{source.name}"):
            origins = cast("dict[str, str]", event.step_output_data.metadata["origins"].value)
            return dict(origins)
    return {}


def _made(result: dg.ExecuteInProcessResult) -> dict[str, set[dg.AssetKey]]:
    """The assets that a failed run committed, by partition."""
    made: dict[str, set[dg.AssetKey]] = {}
    for event in result.filter_events(lambda e: e.is_step_materialization):
        if event.materialization.partition:
            made.setdefault(event.materialization.partition, set()).add(event.materialization.asset_key)
    return made


def _is_permanent(result: dg.ExecuteInProcessResult) -> bool:
    """Whether all its failures are ``permanent`` ones (failures.py)."""
    failures = result.filter_events(lambda e: e.is_step_failure)
    return bool(failures) and all(event.step_failure_data.user_failure_data for event in failures)


def _written_to() -> list[Path]:
    """The local folders that a run writes to."""
    settings = Settings()
    roots = [settings.root(name) for name in ROOT_NAMES]
    folders = [settings.home, Path(tempfile.gettempdir()), *(Path(root) for root in roots if not on_s3(root))]
    return [*folders, Path(os.environ["DAGSTER_HOME"])] if "DAGSTER_HOME" in os.environ else folders


def _explained(failure: str) -> str | None:
    """What to do about a failure of a run that was caused by a full disk, an outage, or a catalog's SQLite file."""
    found = disk_is_full(failure, _written_to()) or outage_in(failure) or unusable_catalog(Settings(), failure)
    return str(found) if found else None


def _unrecorded(error: Exception) -> str | None:
    """Why Dagster could not write to its storage, and what to do; None for any other error."""
    full, home = disk_is_full(str(error), _written_to()), os.environ.get("DAGSTER_HOME")
    return full or (unusable_storage(str(error), Path(home)) if home else None)


def _first_failure(result: dg.ExecuteInProcessResult) -> str:
    for event in result.filter_events(lambda e: e.is_step_failure):
        error = event.step_failure_data.error
        cause = error.cause if error and error.cause else error
        if event.step_failure_data.user_failure_data and event.step_failure_data.user_failure_data.description:
            return event.step_failure_data.user_failure_data.description
        return cause.message.strip() if cause else "a step failed"
    failed = _failed_checks(result)
    return f"failed checks: {', '.join(failed)}" if failed else "the run failed; the Dagster UI has its log"


def _details(result: dg.ExecuteInProcessResult) -> str:
    failures = [event.step_failure_data.error for event in result.filter_events(lambda e: e.is_step_failure)]
    return "\n".join(error.to_string() for error in failures if error)


def _check(evaluation: dg.AssetCheckEvaluation) -> str:
    return f"{evaluation.asset_key.to_user_string()}: {evaluation.check_name}"


@contextmanager
def local_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The instance of ``DAGSTER_HOME`` (default: ``HOME/dagster``), set up from the checkout's dagster.yaml.

    First it ends the runs and removes the temporary folders of processes that died.
    """
    private_folder(settings.home)
    Spool.sweep(spool_folder(settings))
    for folder in (settings.home, Path(tempfile.gettempdir())):
        sweep_dead(folder)
    with ExitStack() as stack:
        try:
            # Two commands at once must not both create the databases of a new instance.
            with FileLock(settings.home / "instance.lock"):
                prepare_dagster_home(settings)
                instance = stack.enter_context(dg.DagsterInstance.get())
                ended = end_dead_runs(instance)
        except Exception as error:
            cause = _unrecorded(error)
            if cause is None:
                raise
            raise UnwritableStorage(cause) from None
        for sentence in ended:
            sys.stderr.write(f"{sentence[0].upper()}{sentence[1:]}.\n")
        yield instance
