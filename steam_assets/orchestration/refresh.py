"""Refresh: after new commits of clean partitions, recompute the affected insights and all visuals once.

Belongs here: the sensor, and the job it requests. Does not belong here: how commits are detected
(ledger/unrefreshed.py), which partitions they affect (insights/affected.py), what is computed and written.

Insights are daily, weekly or monthly and visuals have no partitions; assets with different partitions cannot share one
run of an asset job. One run per cadence, followed by one for the visuals, would each start Spark and publish the page
half-updated. So ``refresh`` is a job of ops that calls the same functions as the assets and records a materialization
for each partition: one run, one Spark session, and the assets are up to date in the Dagster UI as well.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import dagster as dg
from dagster_pyspark import LazyPySparkResource
from pydantic import Field

from steam_assets.clock import Clock
from steam_assets.extras import installed
from steam_assets.insights.affected import affected
from steam_assets.insights.insight import Insight
from steam_assets.insights.refresh_marker import Refreshing, finished
from steam_assets.insights.table import InsightInvalid, insight_table
from steam_assets.lake.lake import Lake
from steam_assets.lake.lost_manifests import rebuild_manifests
from steam_assets.ledger.commits import CURSOR, commits_since
from steam_assets.ledger.unrefreshed import Partitions, in_words
from steam_assets.orchestration.cursors import cursor_of
from steam_assets.orchestration.failures import permanent, tried_again
from steam_assets.orchestration.insight_assets import (
    InsightEngine,
    insight_check_results,
    insight_key,
    insight_metadata,
    served_insights,
)
from steam_assets.orchestration.plain_config import PlainConfig
from steam_assets.orchestration.run_status import UNFINISHED
from steam_assets.orchestration.visual_assets import (
    DASHBOARD,
    EXPORTS,
    TABLEAU,
    write_dashboard,
    write_exports,
    write_tableau,
)
from steam_assets.sources.source import Source

Shown: TypeAlias = Mapping[str, Mapping[str, dg.MetadataValue]]
"""Metadata by partition."""

JOB = "refresh"
INSIGHTS_OP = "refresh_insights"
NAMED_CHANGES = 200
"""Maximum characters of the tag that names what changed; the run's config has the full list."""
SIDE_BY_SIDE = 2
"""Insights computed at the same time; they share Spark's memory."""
NOT_DONE = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


class RefreshConfig(PlainConfig):
    """``changed``: partition keys by clean table; empty means all."""

    changed: Partitions = Field(default_factory=dict)


def refresh_job(sources: Sequence[Source]) -> dg.JobDefinition:
    """The job: insights of the changed partitions, then dashboard, exports of what changed, and the Tableau extract."""
    insights, with_tableau = _insights_op(sources), installed("tableau")

    @dg.job(
        name=JOB,
        description="Computes the insights affected by changed clean partitions, then the dashboard, exports and the "
        "Tableau extract. Without config: everything.",
    )
    def refresh() -> None:
        made = insights()
        visuals = [refresh_dashboard(made), refresh_exports(made)]
        if with_tableau:
            visuals.append(refresh_tableau(made))
        finish_refresh(made, visuals)

    return refresh


def _insights_op(sources: Sequence[Source]) -> dg.OpDefinition:
    @dg.op(
        name=INSIGHTS_OP,
        description="Computes each affected insight in one commit; returns the changed partitions of all tables.",
        config_schema=RefreshConfig.fields(),
    )
    def refresh_insights(
        context: dg.OpExecutionContext,
        lake: dg.ResourceParam[Lake],
        spark: dg.ResourceParam[LazyPySparkResource],
        clock: dg.ResourceParam[Clock],
    ) -> Partitions:
        changed = RefreshConfig.of(context).changed
        _require_known(changed, sources)
        with tried_again(context):
            return _make_insights(context, Refreshing(lake, sources), spark, clock, changed)

    return refresh_insights


def _require_known(changed: Partitions, sources: Sequence[Source]) -> None:
    """A permanent failure that names a table or a partition which does not exist."""
    cadences = {table.name: source.cadence for source in sources for table in source.tables}
    for table, keys in changed.items():
        if table not in cadences:
            raise permanent(f"the run's config names {table!r}, which is not a clean table: {', '.join(cadences)}")
        for key in keys:
            try:
                cadences[table].window(key)
            except ValueError as error:
                raise permanent(f"the run's config cannot be used: {table}: {error}") from error


def _make_insights(
    context: dg.OpExecutionContext,
    refreshing: Refreshing,
    spark: LazyPySparkResource,
    clock: Clock,
    asked: Partitions,
) -> Partitions:
    lake, sources = refreshing.lake, refreshing.sources
    changed = asked or refreshing.all
    served = {insight.name: insight for insight in served_insights(sources)}
    for insight in () if asked else served.values():
        if rebuild_manifests(insight_table(lake, insight), {}):
            context.log.warning(f"{insight.table}: a manifest was lost or damaged; computing its rows again")
    chosen = affected(list(served.values()), sources, lake, changed, clock.now())
    made = {table: list(keys) for table, keys in changed.items()}
    invalid: list[str] = []
    engine = InsightEngine(
        lake, [(served[name], keys) for name, keys in chosen.items()], sources, clock, lambda: spark.spark_session
    )

    def compute(name: str) -> Shown:
        insight, keys = served[name], chosen[name]
        return insight_metadata(lake, insight, sources, engine.compute(insight, keys))

    for name, metadata in _side_by_side(compute, list(chosen)):
        if isinstance(metadata, InsightInvalid):
            invalid.append(str(metadata))
            continue
        context.log.info(f"insight {name}: {len(chosen[name])} partitions, {chosen[name][0]} to {chosen[name][-1]}")
        _record(context, served[name], metadata)
        _record_checks(context, insight_check_results(lake, served[name], chosen[name]))
        made[served[name].table] = chosen[name]
    if invalid:
        raise permanent(" ".join(invalid))
    if changed:
        refreshing.made(changed)
    return made


def _side_by_side(
    compute: Callable[[str], Shown], names: Sequence[str]
) -> Iterator[tuple[str, Shown | InsightInvalid]]:
    """The result of each insight, in order. Planning and committing one leaves cores idle for another to use."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as threads:
        tasks = {name: threads.submit(compute, name) for name in names}
        try:
            for name, task in tasks.items():
                try:
                    yield name, task.result()
                except InsightInvalid as error:
                    yield name, error
        finally:
            threads.shutdown(wait=False, cancel_futures=True)


def _record(context: dg.OpExecutionContext, insight: Insight, metadata: Shown) -> None:
    """Record one materialization per partition, as the asset would."""
    for key, shown in metadata.items():
        context.log_event(
            dg.AssetMaterialization(insight_key(insight), partition=key if insight.cadence else None, metadata=shown)
        )


def _record_checks(context: dg.OpExecutionContext, results: Sequence[dg.AssetCheckResult]) -> None:
    for one in results:
        if one.asset_key is not None and one.check_name is not None:
            evaluation = dg.AssetCheckEvaluation(
                one.asset_key, one.check_name, one.passed, one.metadata, severity=one.severity
            )
            context.log_event(evaluation)  # pyright: ignore[reportArgumentType] - it takes them, and does not say so


@dg.op(description="Replaces the dashboard page.")
def refresh_dashboard(context: dg.OpExecutionContext, made: Partitions, lake: dg.ResourceParam[Lake]) -> None:
    _show(context, DASHBOARD, write_dashboard(lake.settings))


@dg.op(description="Exports the changed partitions of clean and insight tables.")
def refresh_exports(context: dg.OpExecutionContext, made: Partitions, lake: dg.ResourceParam[Lake]) -> None:
    _show(context, EXPORTS, write_exports(lake.settings, made))


@dg.op(description="Replaces the Tableau extract, and publishes it if a server is set.")
def refresh_tableau(context: dg.OpExecutionContext, made: Partitions, lake: dg.ResourceParam[Lake]) -> None:
    _show(context, TABLEAU, write_tableau(lake.settings))


@dg.op(description="Marks the refresh as finished.", ins={"visuals": dg.In(dg.Nothing)})
def finish_refresh(made: Partitions, lake: dg.ResourceParam[Lake]) -> None:
    finished(lake, made)


def _show(context: dg.OpExecutionContext, key: dg.AssetKey, shown: Mapping[str, dg.MetadataValue]) -> None:
    context.log_event(dg.AssetMaterialization(key, metadata=shown))


def refresh_sensor(sources: Sequence[Source], job: dg.JobDefinition, *, running: bool) -> dg.SensorDefinition:
    """The sensor that requests one refresh for all commits since the last one; off unless ``running``.

    While a refresh runs it waits: commits in the meantime go to the next one. The partitions of a failed refresh are
    added to the next one, so that a failure does not loop.
    """
    tables = [table for source in sources for table in source.tables]

    @dg.sensor(
        name="refresh_visuals",
        job=job,
        default_status=dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED,
        minimum_interval_seconds=120,
        description="Detects new commits of clean partitions, by any writer, and refreshes insights and visuals. Not "
        "declarative automation: conditions miss commits without an event in Dagster, and request a run per partition "
        "where this one requests a single run.",
    )
    def refresh_visuals(
        context: dg.SensorEvaluationContext, lake: dg.ResourceParam[Lake]
    ) -> dg.SensorResult | dg.SkipReason:
        new = commits_since(lake, tables, cursor_of(context, CURSOR))
        if not new.changed:
            return dg.SkipReason(_nothing_new(context.instance))
        under_way = context.instance.get_runs(dg.RunsFilter(job_name=JOB, statuses=UNFINISHED), limit=1)
        if under_way:
            return dg.SkipReason(f"refresh {under_way[0].run_id[:8]} is running; next: {in_words(new.changed)}")
        changed = _with_failed(context.instance, new.changed)
        context.log.info(f"changed: {in_words(changed)}")
        request = dg.RunRequest(
            run_key=f"refresh {new.digest}",
            run_config={"ops": {INSIGHTS_OP: {"config": {"changed": changed}}}},
            tags={"steam/changed": in_words(changed)[:NAMED_CHANGES]},
        )
        return dg.SensorResult(run_requests=[request], cursor=new.cursor)

    return refresh_visuals


def _failed(instance: dg.DagsterInstance) -> dg.DagsterRun | None:
    """The newest refresh, if it failed or was canceled."""
    newest = instance.get_runs(dg.RunsFilter(job_name=JOB), limit=1)
    return newest[0] if newest and newest[0].status in NOT_DONE else None


def _nothing_new(instance: dg.DagsterInstance) -> str:
    if failed := _failed(instance):
        return (
            f"refresh {failed.run_id[:8]} did not finish; the next one includes what it lacks. Without waiting: "
            "launch it again, or type `steam-assets refresh`"
        )
    return "no clean partition was committed since the last refresh"


def _with_failed(instance: dg.DagsterInstance, changed: Mapping[str, Sequence[str]]) -> Partitions:
    """The changes, plus those that the newest refresh should have computed and did not."""
    left: Partitions = {}
    if failed := _failed(instance):
        config: object = failed.run_config
        for name in ("ops", INSIGHTS_OP, "config"):
            config = config.get(name) if isinstance(config, Mapping) else None
        left = RefreshConfig.model_validate(config or {}).changed
    return {table: sorted({*changed.get(table, ()), *left.get(table, ())}) for table in sorted({*changed, *left})}
