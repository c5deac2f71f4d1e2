"""``build_defs``: builds the definitions, for production, the command line and tests alike.

Belongs here: assembling the parts. Does not belong here: the parts.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import cast

import dagster as dg
from dagster_pyspark import LazyPySparkResource

from steam_assets.clock import Clock
from steam_assets.lake.lake import Lake
from steam_assets.orchestration.alerts import failure_alerts
from steam_assets.orchestration.asset_details import with_details
from steam_assets.orchestration.check_alerts import check_alerts
from steam_assets.orchestration.health_checks import health_check_job, health_check_schedule, status_assets
from steam_assets.orchestration.ingest_ops import FetchObserver
from steam_assets.orchestration.insight_assets import insight_assets, insight_key, served_insights
from steam_assets.orchestration.io_managers import IcebergIOManager, RawIOManager
from steam_assets.orchestration.maintenance_jobs import drill_schedule, maintenance_jobs
from steam_assets.orchestration.partitions import Partitions, partitions_by_cadence
from steam_assets.orchestration.quicksight_sensor import quicksight_assets, quicksight_jobs, quicksight_sensor
from steam_assets.orchestration.refresh import refresh_job, refresh_sensor
from steam_assets.orchestration.resources import (
    CleaningResource,
    ClockResource,
    SparkResource,
    SparkSessions,
    lake_resource,
)
from steam_assets.orchestration.run_history import run_history_sensors
from steam_assets.orchestration.run_ownership import dead_runs_sensor, owning_executor
from steam_assets.orchestration.sampling_schedules import sampling_schedules
from steam_assets.orchestration.schedules import cadence_schedules, source_jobs
from steam_assets.orchestration.sensors import source_sensors
from steam_assets.orchestration.source_assets import source_assets, source_checks, tables_by_key
from steam_assets.orchestration.submitted_cleaning import Submission, submission
from steam_assets.orchestration.visual_assets import visual_assets
from steam_assets.settings import Settings
from steam_assets.sources import SOURCES
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Source

_prepared: list[tuple[Settings, dg.Definitions]] = []


def prepare() -> None:
    """Build the definitions for this process's settings, so that processes forked from it need not."""
    defs = build_defs(settings=Settings())
    dg.Definitions.validate_loadable(defs)
    _prepared[:] = [(Settings(), defs)]


def build_defs(
    *,
    settings: Settings | None = None,
    sources: Sequence[Source] = SOURCES,
    resource_overrides: Mapping[str, object] | None = None,
) -> dg.Definitions:
    """The definitions of a deployment.

    ``settings`` defaults to the environment's; ``resource_overrides`` replaces objects by the key of their resource
    (``lake``, ``clock``, ``spark``, ``submission``), or other resources (``raw_io``, ``iceberg_io``,
    ``fetch_observer``).
    """
    settings = settings or Settings()
    if _prepared and not resource_overrides and sources is SOURCES and _prepared[0][0] == settings:
        return _prepared[0][1]
    # Long in Dagster but still marked beta; one warning per asset and sensor would bury the real ones.
    warnings.filterwarnings("ignore", category=dg.BetaWarning, message="Parameter `(backfill_policy|owners)`")
    warnings.filterwarnings("ignore", category=dg.BetaWarning, message="Function `build_column_schema_change_checks`")
    # Intended: a scheduled job runs one partition, and a range is requested from the assets.
    warnings.filterwarnings("ignore", message="Asset job .* materializes assets with varying BackfillPolicies")
    submitted = settings.spark_runner != "in-process"
    parts = _parts_of_product(submitted) if sources is SOURCES else _parts_of(sources, submitted)
    assets = {source.name: with_details(parts.of_source[source.name], settings, [source]) for source in sources}
    jobs = source_jobs(sources, assets, parts.partitions)
    health_check = health_check_job(sources)
    refresh = refresh_job(sources)
    quicksight = quicksight_jobs(settings)
    maintenance = maintenance_jobs(sources)
    on = settings.automation
    return dg.Definitions(
        assets=[
            *(asset for group in assets.values() for asset in group),
            *with_details([*parts.others, *quicksight_assets(settings, sources)], settings, sources),
        ],
        asset_checks=parts.checks,
        jobs=[*jobs, health_check, refresh, *quicksight, *maintenance],
        schedules=[
            *cadence_schedules(sources, jobs, running=on),
            *sampling_schedules(settings, sources, jobs, running=on),
            health_check_schedule(health_check, running=on),
            drill_schedule(maintenance, running=on),
        ],
        sensors=[
            *source_sensors(sources, jobs, running=on),
            refresh_sensor(sources, refresh, running=on),
            *(quicksight_sensor(settings, job, running=on) for job in quicksight),
            failure_alerts(settings, running=on),
            check_alerts(settings, running=on),
            dead_runs_sensor(),
            *run_history_sensors(settings),
        ],
        resources=_resources(settings, sources, resource_overrides or {}),
        executor=owning_executor,
    )


@dataclass(frozen=True)
class _Parts:
    """Assets and checks that depend on no setting but where Spark cleans."""

    partitions: Mapping[Cadence, Partitions]
    of_source: Mapping[str, Sequence[dg.AssetsDefinition]]
    others: Sequence[dg.AssetsDefinition]
    checks: Sequence[dg.AssetChecksDefinition]


@cache
def _parts_of_product(submitted: bool) -> _Parts:
    """Kept, as they take most of the time of ``build_defs``."""
    return _parts_of(SOURCES, submitted)


def _parts_of(sources: Sequence[Source], submitted: bool) -> _Parts:
    partitions = partitions_by_cadence(sources)
    by_name = {source.name: source for source in sources}
    return _Parts(
        partitions,
        {s.name: source_assets(s, by_name, partitions[s.cadence], submitted=submitted) for s in sources},
        [*insight_assets(sources, partitions), *visual_assets(sources), *status_assets(sources)],
        [
            *(check for source in sources for check in source_checks(source)),
            *dg.build_column_schema_change_checks(assets=[insight_key(one) for one in served_insights(sources)]),
        ],
    )


@dg.io_manager
def _handed_on(context: dg.InitResourceContext) -> dg.IOManager:
    """Dagster's IO manager for values passed between ops, in its usual place; without config, which reads env vars."""
    return dg.FilesystemIOManager().create_io_manager(context)


def _resources(settings: Settings, sources: Sequence[Source], overrides: Mapping[str, object]) -> dict[str, object]:
    lake = cast("Lake", overrides.get("lake") or Lake(settings))
    clock = cast("Clock", overrides.get("clock") or Clock.from_settings(settings))
    spark = cast("LazyPySparkResource", overrides.get("spark") or SparkSessions.of(settings))
    cleaning = cast("Submission | None", overrides.get("submission") or submission(settings))
    return {
        "raw_io": RawIOManager(lake, spark, {source.name: source for source in sources}),
        "iceberg_io": IcebergIOManager(lake, spark, clock, tables_by_key(sources)),
        "fetch_observer": FetchObserver(),
        "io_manager": _handed_on,
        **overrides,
        "lake": lake_resource(lake),
        "clock": ClockResource.of(clock, time=clock.fixed.isoformat() if clock.fixed else "the system's"),
        "spark": SparkResource.of(spark, where="Spark Connect" if settings.spark_remote else settings.spark_master),
        "submission": CleaningResource.of(cleaning, runner=settings.spark_runner),
    }
