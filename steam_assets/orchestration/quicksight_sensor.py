"""QuickSight in Dagster: the asset that refreshes data sets, its job, and the sensor that detects new commits.

Belongs here: when a refresh is requested, and what the Dagster UI shows of it. Does not belong here: the API calls and
their results (visuals/quicksight.py).

These exist only if the settings name data sets. Requests are recorded in the clean root, not in a cursor: unchanged
data is never imported twice and the quota holds across restarts, however the asset is run.
"""

from collections.abc import Sequence

import dagster as dg
from pydantic import Field

from steam_assets.clock import Clock
from steam_assets.lake.clean_reader import CleanReader
from steam_assets.lake.lake import Lake
from steam_assets.orchestration.dagster_types import AssetJob
from steam_assets.orchestration.failures import permanent
from steam_assets.orchestration.insight_assets import insight_key, served_insights
from steam_assets.orchestration.plain_config import PlainConfig
from steam_assets.orchestration.previews import preview
from steam_assets.orchestration.run_status import UNFINISHED
from steam_assets.orchestration.source_assets import clean_key
from steam_assets.settings import Settings
from steam_assets.sources.source import Source
from steam_assets.visuals.quicksight import Outcome, QuickSightNotSetUp, QuickSightRefresh, committed_versions
from steam_assets.visuals.quicksight_history import QUOTA, History

QUICKSIGHT = dg.AssetKey(["visuals", "quicksight"])
JOB = "quicksight"


class QuickSightConfig(PlainConfig):
    """``again``: tables whose data sets are refreshed unconditionally, after the cause of a failed import was fixed."""

    again: list[str] = Field(default_factory=list)


def quicksight_assets(settings: Settings, sources: Sequence[Source]) -> list[dg.AssetsDefinition]:
    """The asset ``visuals/quicksight``, downstream of the tables that have a data set; none if no data set is named."""
    if not settings.quicksight_datasets:
        return []
    keys = {table.name: clean_key(source, table) for source in sources for table in source.tables}
    keys |= {insight.table: insight_key(insight) for insight in served_insights(sources)}
    unknown = sorted(set(settings.quicksight_datasets) - set(keys))
    if unknown:
        raise QuickSightNotSetUp(
            f"STEAM_QUICKSIGHT_DATASETS names unknown tables: {', '.join(unknown)}; the tables are {', '.join(keys)}"
        )
    return [_asset([keys[table] for table in settings.quicksight_datasets])]


def _asset(after: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    @dg.asset(
        key=QUICKSIGHT,
        deps=after,
        group_name="visuals",
        description="Refreshes the QuickSight data sets whose tables have new commits, waits for each import to "
        "finish, and compares its row count with the table's.",
        kinds={"quicksight"},
        pool="quicksight",
        tags={"stage": "visual"},
        config_schema=QuickSightConfig.fields(),
    )
    def quicksight(
        context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake], clock: dg.ResourceParam[Clock]
    ) -> dg.MaterializeResult:
        again = QuickSightConfig.of(context.op_execution_context).again
        try:
            versions, missing = committed_versions(lake.settings, CleanReader(lake.settings))
            work = QuickSightRefresh(lake.settings, clock)
            outcomes = work.refresh(versions, again=again)
        except QuickSightNotSetUp as error:
            raise permanent(str(error)) from error
        for table in missing:
            context.log.warning(f"{table} is not in Glue or has no data yet; it will be refreshed when it has")
        for outcome in outcomes:
            context.log.info(f"{outcome.asked.table}: {outcome.state}, {outcome.message}")
        failed = [outcome.message for outcome in outcomes if outcome.state == "failed"]
        if failed:
            raise permanent("; ".join(failed))
        return dg.MaterializeResult(metadata=_shown(outcomes, work.history.left(work.quota, clock.now())))

    return quicksight


def _shown(outcomes: Sequence[Outcome], left: int) -> dict[str, dg.MetadataValue]:
    rows: list[dict[str, object]] = [
        {
            "table": outcome.asked.table,
            "data set": outcome.asked.dataset_id,
            "state": outcome.state,
            "rows": outcome.asked.rows,
            "seconds": outcome.seconds,
            "message": outcome.message,
        }
        for outcome in outcomes
    ]
    return {
        "refreshed": dg.MetadataValue.int(sum(outcome.state == "completed" for outcome in outcomes)),
        "waiting": dg.MetadataValue.json({o.asked.table: o.message for o in outcomes if o.state == "waiting"}),
        "refreshes_left": dg.MetadataValue.int(left),
        "preview": preview(rows),
    }


def quicksight_jobs(settings: Settings) -> list[AssetJob]:
    """The job that refreshes the data sets; none if no data set is named."""
    if not settings.quicksight_datasets:
        return []
    job = dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.assets(QUICKSIGHT),
        description="Refreshes the QuickSight data sets whose tables have new commits.",
    )
    return [job]


def quicksight_sensor(settings: Settings, job: AssetJob, *, running: bool) -> dg.SensorDefinition:
    """The sensor that requests one run when tables with a data set have new commits on S3; off unless ``running``."""
    status = dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED

    @dg.sensor(
        name="quicksight_refresh",
        job=job,
        default_status=status,
        minimum_interval_seconds=300,
        description="Detects new commits of tables in Glue and requests a refresh of their QuickSight data sets. Not "
        "declarative automation: a condition knows neither Glue's commits nor QuickSight's quota of refreshes.",
    )
    def quicksight_refresh(
        context: dg.SensorEvaluationContext, lake: dg.ResourceParam[Lake], clock: dg.ResourceParam[Clock]
    ) -> dg.RunRequest | dg.SkipReason:
        if context.instance.get_runs(dg.RunsFilter(job_name=JOB, statuses=UNFINISHED), limit=1):
            return dg.SkipReason("a refresh is running")
        try:
            versions, missing = committed_versions(lake.settings, CleanReader(lake.settings))
        except QuickSightNotSetUp as error:
            return dg.SkipReason(str(error))
        now, history = clock.now(), History(lake.settings)
        due = history.due(versions, now)
        if not due:
            without = f"; not in Glue or empty: {', '.join(missing)}" if missing else ""
            return dg.SkipReason(f"nothing new for QuickSight{without}")
        tables = ", ".join(version.table for version in due)
        quota = QUOTA[settings.quicksight_edition]
        if history.left(quota, now) <= 0:
            free = history.next_free(now)
            return dg.SkipReason(f"{quota} refreshes in 24 hours are used up; {tables} from {free:%Y-%m-%d %H:%M} UTC")
        # The hour is in the key: a run that failed before it recorded anything, e.g. without Glue, is retried hourly.
        return dg.RunRequest(
            run_key=f"quicksight {history.digest(due)} {now:%Y-%m-%dT%H}", tags={"steam/changed": tables[:200]}
        )

    return quicksight_refresh
