"""The daily health check of each source: which partitions are missing, unfinished or failed.

Belongs here: the asset that shows a source's status in the Dagster UI, its check and its schedule. Does not belong
here: the comparison itself (ledger/freshness.py).
"""

from collections.abc import Sequence
from datetime import timedelta

import dagster as dg

from steam_assets.clock import Clock
from steam_assets.lake.lake import Lake
from steam_assets.ledger.freshness import Freshness, freshness
from steam_assets.orchestration.dagster_types import AssetJob
from steam_assets.orchestration.run_status import failed_partitions
from steam_assets.sources.source import Source

CHECK = "missing_and_failed_partitions"
RECENT_DAYS = 35
"""Number of days for which a gap that cannot be filled fails the check; older ones are only listed."""
CRON = "15 7 * * *"


def status_key(source: Source) -> dg.AssetKey:
    return dg.AssetKey([source.name, "status"])


def status_assets(sources: Sequence[Source]) -> list[dg.AssetsDefinition]:
    """One asset per source, with its status as metadata, and the check."""
    return [_status_asset(source) for source in sources]


def health_check_job(sources: Sequence[Source]) -> AssetJob:
    """The job that updates all of them; it reads a few small objects per partition and no data."""
    return dg.define_asset_job(
        "health_checks",
        selection=dg.AssetSelection.assets(*(status_key(source) for source in sources)),
        description="Lists the missing, unfinished and failed partitions of every source.",
    )


def health_check_schedule(job: AssetJob, *, running: bool) -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name="health_checks_schedule",
        job=job,
        cron_schedule=CRON,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED,
        description="Checks every source daily at 07:15 UTC, after the other scheduled runs.",
    )


def _status_asset(source: Source) -> dg.AssetsDefinition:
    key = status_key(source)

    @dg.asset(
        key=key,
        check_specs=[
            dg.AssetCheckSpec(
                CHECK,
                asset=key,
                description="No partition is late, failed, unfinished or a gap that can still be filled; "
                f"no other gap is less than {RECENT_DAYS} days old.",
            )
        ],
        group_name=source.name,
        description=f"Status of {source.title}: the newest partition, gaps and their reasons, unfinished and failed "
        "partitions.",
        kinds={"json"},
        tags={"stage": "status", "cadence": source.cadence.value},
    )
    def status(
        context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake], clock: dg.ResourceParam[Clock]
    ) -> dg.MaterializeResult:
        now = clock.now()
        report = freshness(lake, source, now)
        failed = failed_partitions(context.instance, source, now, RECENT_DAYS)
        recent = f"{now - timedelta(days=RECENT_DAYS):%Y-%m-%d}"
        fillable = [gap.partition_key for gap in report.gaps if gap.recoverable or gap.partition_key >= recent]
        problems = {
            "missing": fillable,
            "unfinished": list(report.unfinished),
            "failed": sorted(failed),
            "late": [f"newest is {report.newest or 'none'}"] if report.late else [],
        }
        return dg.MaterializeResult(
            metadata=_metadata(report),
            check_results=[
                dg.AssetCheckResult(
                    asset_key=key,
                    check_name=CHECK,
                    passed=not any(problems.values()),
                    severity=dg.AssetCheckSeverity.WARN,
                    metadata={name: dg.MetadataValue.json(found) for name, found in problems.items()}
                    | {"failed_runs": dg.MetadataValue.json(failed)},
                )
            ],
        )

    return status


def _metadata(report: Freshness) -> dict[str, dg.MetadataValue]:
    return {
        "summary": dg.MetadataValue.text(report.summary),
        "newest": dg.MetadataValue.text(report.newest or "none"),
        "late": dg.MetadataValue.bool(report.late),
        "partitions": dg.MetadataValue.int(len(report.partitions)),
        "gaps": dg.MetadataValue.json({gap.partition_key: gap.why for gap in report.gaps}),
        "unfinished": dg.MetadataValue.json(list(report.unfinished)),
    }
