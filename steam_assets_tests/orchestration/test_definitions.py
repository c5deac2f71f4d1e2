"""The definitions load identically in a bare interpreter, in dg, in the webserver and in the daemon."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
import yaml

from steam_assets.insights import INSIGHTS
from steam_assets.insights.table import insight_table
from steam_assets.lake.lake import Lake
from steam_assets.orchestration.build import build_defs
from steam_assets.settings import Settings
from steam_assets.sources import SOURCES
from steam_assets_tests.conftest import REPOSITORY

STAGES = ("raw", "raw_backup", "clean", "clean_backup")


@pytest.fixture(scope="module")
def defs(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build_defs(settings=Settings(home=tmp_path_factory.mktemp("defs")))


def run(*command: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"DAGSTER_HOME": str(home), "STEAM_HOME": str(home), "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=180
    )


def test_every_source_has_every_stage_with_its_table_columns(defs: dg.Definitions) -> None:
    """Assets have a group per source, kinds, owners and descriptions; clean assets have a column schema."""
    graph = defs.resolve_asset_graph()
    for source in SOURCES:
        for stage in STAGES:
            node = graph.get(dg.AssetKey([source.name, stage]))
            assert node.group_name == source.name
            assert node.owners and node.kinds and node.description
            assert node.partitions_def is not None
        for table in source.tables:
            node = graph.get(dg.AssetKey([source.name, table.asset]))
            schema = node.metadata["dagster/column_schema"]
            names = {column.name for column in schema.columns}
            assert {column.name for column in table.columns} < names
            assert node.freshness_policy is not None
            assert all(column.description for column in schema.columns)


def test_a_range_is_one_run_of_raw_and_one_of_the_later_stages(defs: dg.Definitions) -> None:
    """Raw has its own run: in a shared run, one failed raw partition would stop all later stages."""
    graph = defs.resolve_asset_graph()
    for source in SOURCES:
        raw, *later = (graph.get(dg.AssetKey([source.name, stage])).backfill_policy for stage in STAGES)
        assert {*later} == {dg.BackfillPolicy.single_run()}
        assert raw is not None and raw not in later
        every = source.cadence.between(
            source.cadence.first, source.cadence.containing(datetime(2049, 12, 1, tzinfo=UTC)).key
        )
        assert (raw.max_partitions_per_run or 0) >= sum(1 for _ in every)


def test_assets_name_the_tables_that_engines_open(defs: dg.Definitions, tmp_path: Path) -> None:
    """The name holds database and table but no catalog, because each engine has its own name for the catalog."""
    lake = Lake(Settings(home=tmp_path))
    tables = {dg.AssetKey(["insights", insight.name]): insight_table(lake, insight) for insight in INSIGHTS}
    for source in SOURCES:
        tables[dg.AssetKey([source.name, "raw"])] = lake.raw(source)
        tables[dg.AssetKey([source.name, "raw_backup"])] = lake.raw_backup(source)
        for table in source.tables:
            twins = lake.clean_twins(source, table)
            tables[dg.AssetKey([source.name, table.asset])] = twins.primary
            tables[dg.AssetKey([source.name, f"{table.asset}_backup"])] = twins.backup
    graph = defs.resolve_asset_graph()
    for key, opened in tables.items():
        assert graph.get(key).metadata["dagster/table_name"] == f"{opened.namespace}.{opened.name}"


def test_apps_of_news_and_reviews_come_from_the_same_weeks_chart(defs: dg.Definitions) -> None:
    """The dependency is in the asset graph, not only a convention."""
    graph = defs.resolve_asset_graph()
    for name in ("news", "reviews"):
        assert dg.AssetKey(["top_sellers", "clean"]) in graph.get(dg.AssetKey([name, "raw"])).parent_keys


def test_each_cadence_has_a_job_and_schedules_are_off_by_default(tmp_path: Path) -> None:
    """Nothing runs automatically by default; STEAM_AUTOMATION turns on the three schedules."""
    for automation in (False, True):
        made = build_defs(settings=Settings(home=tmp_path, automation=automation))
        for cadence in ("daily", "weekly", "monthly"):
            schedule = made.resolve_schedule_def(f"{cadence}_schedule")
            assert schedule.execution_timezone == "UTC"
            assert (schedule.default_status is dg.DefaultScheduleStatus.RUNNING) is automation


def test_workspace_and_dg_name_the_same_location() -> None:
    """Otherwise each tool would have its own run history."""
    workspace = yaml.safe_load((REPOSITORY / "workspace.yaml").read_text())
    (location,) = workspace["load_from"]
    project = tomllib.loads((REPOSITORY / "dg.toml").read_text())["project"]
    assert location["python_module"] == {
        "module_name": project["code_location_target_module"],
        "location_name": project["code_location_name"],
    }


@pytest.mark.slow
@pytest.mark.process
def test_dagster_loads_the_definitions_without_a_network(tmp_path: Path) -> None:
    """`dagster definitions validate` by workspace.yaml, in a fresh interpreter."""
    validated = run("dagster", "definitions", "validate", home=tmp_path)
    assert validated.returncode == 0, validated.stderr[-2000:]
    assert "steam_assets" in validated.stderr + validated.stdout


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.nightly
def test_dg_loads_the_definitions_without_a_network(tmp_path: Path) -> None:
    """`dg check defs` by dg.toml, which names the same module."""
    checked = run("dagster_dg_cli.cli", "check", "defs", home=tmp_path)
    assert checked.returncode == 0, checked.stdout[-2000:] + checked.stderr[-2000:]


def test_loading_the_definitions_starts_no_jvm_and_writes_nothing(tmp_path: Path) -> None:
    """The code server loads the definitions often, so loading must start no Spark session and create no folder."""
    code = (
        "import steam_assets.definitions as d; d.defs(); "
        "from pyspark import SparkContext; print('gateway:', SparkContext._gateway)"
    )
    environment = os.environ | {"STEAM_HOME": str(tmp_path / "home")}
    made = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert made.returncode == 0, made.stderr[-2000:]
    assert "gateway: None" in made.stdout
    assert not (tmp_path / "home").exists()


def test_all_automation_is_off_by_default(tmp_path: Path) -> None:
    for automation in (False, True):
        made = build_defs(settings=Settings(home=tmp_path, automation=automation))
        by_source = [f"{s}_{k}" for s in ("news", "reviews") for k in ("topic", "uncleaned")]
        for name in ["failure_alerts", "check_alerts", *by_source]:
            running = made.resolve_sensor_def(name).default_status is dg.DefaultSensorStatus.RUNNING
            assert running is automation
        schedule = made.resolve_schedule_def("health_checks_schedule")
        assert (schedule.default_status is dg.DefaultScheduleStatus.RUNNING) is automation
