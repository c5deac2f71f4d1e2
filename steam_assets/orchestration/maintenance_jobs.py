"""The maintenance jobs: housekeeping, restore and the restore drill.

Belongs here: their config, and what they report to the Dagster UI. Does not belong here: the work itself (lake/), which
``steam-assets housekeeping``, ``restore`` and ``drill`` share.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

import dagster as dg
from pydantic import Field

from steam_assets.clock import Clock
from steam_assets.lake.backup import WouldOverwrite
from steam_assets.lake.housekeeping import Housekeeping, Line
from steam_assets.lake.lake import Lake
from steam_assets.lake.restore import Restored, Restorer, backed_up_partitions
from steam_assets.lake.restore import drill as run_drill
from steam_assets.lake.roots import on_s3
from steam_assets.orchestration.failures import permanent
from steam_assets.orchestration.plain_config import PlainConfig
from steam_assets.processes.temporary_folders import temporary_folder
from steam_assets.settings import private_folder
from steam_assets.sources.source import Source

DRILL_CRON = "0 3 2 * *"


class HousekeepingConfig(PlainConfig):
    """``apply`` deletes; without it the job only lists what it would delete. ``keep_days`` 0 is the setting's value."""

    apply: bool = False
    keep_days: int = Field(default=0, ge=0, le=36_500)


class RestoreConfig(PlainConfig):
    """What to restore: one ``source`` or all, one ``partition`` or all.

    ``to`` is another target (an absolute folder, or s3://bucket/prefix); without it, partitions are restored in place.
    ``overwrite`` replaces data that differs from its backup.
    """

    source: str = ""
    partition: str = ""
    overwrite: bool = False
    to: str = ""


class DrillConfig(PlainConfig):
    """One ``source``, or all."""

    source: str = ""


def maintenance_jobs(sources: Sequence[Source]) -> list[dg.JobDefinition]:
    """The jobs ``housekeeping``, ``restore`` and ``drill`` for these sources."""
    return [_housekeeping_job(sources), _restore_job(sources), _drill_job(sources)]


def drill_schedule(jobs: Sequence[dg.JobDefinition], *, running: bool) -> dg.ScheduleDefinition:
    """One drill per month: a backup that was never restored proves nothing."""
    return dg.ScheduleDefinition(
        name="drill_schedule",
        job=next(job for job in jobs if job.name == "drill"),
        cron_schedule=DRILL_CRON,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED,
        description=f"Proves that the backups can be restored; cron {DRILL_CRON}, UTC.",
    )


def _housekeeping_job(sources: Sequence[Source]) -> dg.JobDefinition:
    @dg.op(
        name="clear_old_primaries",
        description="Delete old primaries, each only after its backup has been verified. A dry run without `apply`.",
        config_schema=HousekeepingConfig.fields(),
    )
    def clear(context: dg.OpExecutionContext, lake: dg.ResourceParam[Lake], clock: dg.ResourceParam[Clock]) -> None:
        config = HousekeepingConfig.of(context)
        days = config.keep_days or lake.settings.housekeeping_keep_days
        work = Housekeeping(lake, sources, clock.now() - timedelta(days=days))
        lines = work.apply() if config.apply else work.plan()
        context.add_output_metadata(_lines_metadata(lines, applied=config.apply, older_than=f"{work.older_than:%F}"))

    @dg.job(
        name="housekeeping",
        description="Lists which primaries could be deleted and why; deletes them with `apply`. Backups are kept.",
    )
    def housekeeping() -> None:
        clear()

    return housekeeping


def _restore_job(sources: Sequence[Source]) -> dg.JobDefinition:
    @dg.op(
        name="restore_from_backups",
        description="Restore raw and clean partitions from their backups, and verify them by reading them back.",
        config_schema=RestoreConfig.fields(),
    )
    def restore_from_backups(context: dg.OpExecutionContext, lake: dg.ResourceParam[Lake]) -> None:
        config = RestoreConfig.of(context)
        restored: list[Restored] = []
        try:
            restorer = _restorer(lake, config.to)
            for source in _chosen(sources, config.source):
                keys = [key for key in backed_up_partitions(lake, source) if config.partition in ("", key)]
                for result in restorer.restore(source, keys, overwrite=config.overwrite):
                    context.log.info(f"{result.source} {result.partition_key}: {result.rows}")
                    restored.append(result)
        except (WouldOverwrite, ValueError) as error:
            raise permanent(str(error)) from error
        if not restored:
            raise permanent("there is no such backup; `steam-assets status` lists the partitions")
        _report(context, restored)

    @dg.job(
        name="restore",
        description="Restores a partition, a source or everything from the backups; `overwrite` replaces data.",
    )
    def restore() -> None:
        restore_from_backups()

    return restore


def _restorer(lake: Lake, to: str) -> Restorer:
    if not to:
        return Restorer.in_place(lake)
    if not on_s3(to) and not Path(to).is_absolute():
        # Its user does not know in which folder the run's process works.
        raise permanent(f"`to` is {to!r}; write an absolute path or s3://bucket/prefix")
    return Restorer.elsewhere(lake, to)


def _drill_job(sources: Sequence[Source]) -> dg.JobDefinition:
    @dg.op(
        name="restore_elsewhere_and_compare",
        description="Restore every backup into an empty folder, compare, and remove the folder.",
        config_schema=DrillConfig.fields(),
    )
    def restore_elsewhere(context: dg.OpExecutionContext, lake: dg.ResourceParam[Lake]) -> None:
        chosen = _chosen(sources, DrillConfig.of(context).source)
        private_folder(lake.settings.home)
        with temporary_folder("drill-", lake.settings.home) as folder:
            restored = list(run_drill(lake, chosen, folder.absolute()))
        _report(context, restored)

    @dg.job(
        name="drill",
        description="Proves that the backups can be restored. Fails if one cannot.",
    )
    def drill() -> None:
        restore_elsewhere()

    return drill


def _chosen(sources: Sequence[Source], name: str) -> Sequence[Source]:
    chosen = [source for source in sources if name in ("", source.name)]
    if not chosen:
        named = ", ".join(source.name for source in sources)
        raise permanent(f"unknown source in the run's config; use one of {named}")
    return chosen


def _report(context: dg.OpExecutionContext, restored: Sequence[Restored]) -> None:
    """Report the row counts as metadata; fail if a restored partition differs from its backup."""
    problems = [f"{r.source} {r.partition_key}: {problem}" for r in restored for problem in r.problems]
    metadata: dict[str, dg.MetadataValue] = {
        "partitions": dg.MetadataValue.int(len(restored)),
        "rows": dg.MetadataValue.int(sum(sum(r.rows.values()) for r in restored)),
        "problems": dg.MetadataValue.json(problems),
    }
    if problems:
        raise dg.Failure(description="; ".join(problems), metadata=metadata, allow_retries=False)
    context.add_output_metadata(metadata)


def _lines_metadata(lines: Iterable[Line], *, applied: bool, older_than: str) -> dict[str, dg.MetadataValue]:
    lines = list(lines)
    cleared = [line for line in lines if line.clear]
    rows = [
        dg.TableRecord(
            {
                "what": line.label,
                "partition": line.partition_key,
                "deleted" if applied else "would go": line.clear,
                "rows": line.rows,
                "why": line.reason,
            }
        )
        for line in lines
    ]
    return {
        "older_than": dg.MetadataValue.text(older_than),
        "applied": dg.MetadataValue.bool(applied),
        "partitions": dg.MetadataValue.int(len(cleared)),
        "rows": dg.MetadataValue.int(sum(line.rows for line in cleared)),
        **({"lines": dg.MetadataValue.table(rows)} if rows else {}),
    }
