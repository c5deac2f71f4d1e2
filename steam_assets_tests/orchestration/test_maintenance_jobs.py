"""Housekeeping, restore and drill as jobs: their default behaviour and the metadata they show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from pyspark.sql import SparkSession

from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.lake.backup import verify
from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.lake.lake import Lake
from steam_assets.ledger.content import Content
from steam_assets.ledger.records import CleanRecord, RawRecord
from steam_assets.loopback import LOOPBACK, free_port
from steam_assets.orchestration.build import build_defs
from steam_assets.settings import Settings
from steam_assets.simulator import Simulator
from steam_assets.sources import source_named
from steam_assets_tests.deployment import Deployment, GivenSpark, deployment_in

SELLERS, KEY = source_named("top_sellers"), "2026-11-03"
OPS = {
    "housekeeping": "clear_old_primaries",
    "restore": "restore_from_backups",
    "drill": "restore_elsewhere_and_compare",
}


@pytest.fixture(scope="module")
def deployment(
    tmp_path_factory: pytest.TempPathFactory, spark: SparkSession, simulator: Simulator, broker: EmbeddedBroker
) -> Iterator[Deployment]:
    made = deployment_in(tmp_path_factory.mktemp("care-jobs"), spark, simulator, broker.address)
    made.run(SELLERS, KEY)
    yield made
    simulator.clear_now()


def run(deployment: Deployment, job: str, **config: Any) -> dg.ExecuteInProcessResult:
    overrides = {"clock": deployment.clock, "spark": GivenSpark(deployment.session)}
    defs = build_defs(settings=deployment.settings, resource_overrides=overrides)
    return executed(defs, job, config)


def executed(defs: dg.Definitions, job: str, config: Mapping[str, Any]) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def(job).execute_in_process(
        run_config={"ops": {OPS[job]: {"config": config}}}, raise_on_error=False
    )


def shown(result: dg.ExecuteInProcessResult) -> Mapping[str, Any]:
    """The output's metadata, as plain values."""
    assert result.success, result.all_events
    (output,) = result.filter_events(lambda event: event.event_type_value == "STEP_OUTPUT")
    return {
        key: value.records if isinstance(value, dg.TableMetadataValue) else value.value
        for key, value in output.step_output_data.metadata.items()
    }


def failure(result: dg.ExecuteInProcessResult) -> str:
    (failed,) = result.filter_events(lambda event: event.is_step_failure)
    given = failed.step_failure_data.user_failure_data
    assert given is not None and given.description is not None
    return given.description


def rows(table: IcebergTable) -> Content:
    return table.stored([KEY])[KEY].content


@pytest.mark.parametrize(
    ("job", "config", "said"),
    [
        ("housekeeping", {"keep_days": -1}, "keep_days: Input should be greater than or equal to 0"),
        ("housekeeping", {"keep_days": 36_501}, "keep_days: Input should be less than or equal to 36500"),
        ("housekeeping", {"keep_days": 1 << 70}, "keep_days: Input should be less than or equal to 36500"),
        ("restore", {"to": "elsewhere"}, "write an absolute path or s3://bucket/prefix"),
        ("restore", {"to": "~/elsewhere"}, "write an absolute path or s3://bucket/prefix"),
        ("restore", {"to": "s3:/bucket/lake"}, "write an absolute path or s3://bucket/prefix"),
        ("restore", {"to": "/proc/elsewhere"}, "give another location"),
        ("restore", {"to": "/dev/null/elsewhere"}, "/dev/null is not a folder; correct the address"),
        ("restore", {"to": f"/tmp/{'x' * 300}"}, "(File name too long); give another location"),
        ("restore", {"to": "s3://steam-nowhere/lake"}, "s3://steam-nowhere/lake cannot be read"),
    ],
)
def test_config_that_cannot_be_used_is_named_with_what_to_write(
    tmp_path: Path, job: str, config: dict[str, Any], said: str
) -> None:
    settings = Settings(home=tmp_path, s3_endpoint_url=f"http://{LOOPBACK}:{free_port()}")
    assert said in failure(executed(build_defs(settings=settings), job, config))


@pytest.mark.parametrize("automation", [False, True])
def test_the_drill_is_monthly_and_off_unless_automation_is_on(tmp_path: Path, automation: bool) -> None:
    defs = build_defs(settings=Settings(home=tmp_path, automation=automation))
    schedule = defs.resolve_schedule_def("drill_schedule")
    expected = dg.DefaultScheduleStatus.RUNNING if automation else dg.DefaultScheduleStatus.STOPPED
    assert (schedule.job_name, schedule.execution_timezone, schedule.default_status) == ("drill", "UTC", expected)
    assert str(schedule.cron_schedule).endswith(" * *")
    assert {"housekeeping", "restore"}.isdisjoint(s.job_name for s in defs.schedules or ())  # pyright: ignore[reportAttributeAccessIssue]


def kept(deployment: Deployment) -> dict[str, str]:
    """The rows and ledger records of both primaries."""
    return deployment.digests("raw") | deployment.digests("clean")


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.spark
@pytest.mark.kafka
@pytest.mark.slow
def test_housekeeping_is_a_dry_run_then_clears_and_restore_brings_it_back(deployment: Deployment) -> None:
    """Without config, housekeeping only lists what it would delete.

    With ``apply`` it deletes, and a restore undoes that.
    """
    before, good = files(deployment.settings.home), kept(deployment)
    young = shown(run(deployment, "housekeeping"))
    assert (young["applied"], young["partitions"], young["rows"]) == (False, 0, 0)
    plan = shown(run(deployment, "housekeeping", keep_days=5))
    assert plan["partitions"] == 2 and plan["rows"] > 0
    assert [line.data["would go"] for line in plan["lines"]] == [True, True]
    assert files(deployment.settings.home) == before

    done = shown(run(deployment, "housekeeping", keep_days=5, apply=True))
    assert (done["applied"], done["partitions"], done["rows"]) == (True, 2, plan["rows"])
    assert deployment.status(SELLERS, KEY).cleared

    back = shown(run(deployment, "restore", source="top_sellers", partition=KEY))
    assert (back["partitions"], back["problems"]) == (1, [])
    assert deployment.status(SELLERS, KEY).up_to_date
    assert kept(deployment) == good


@pytest.mark.spark
@pytest.mark.kafka
@pytest.mark.slow
def test_restore_goes_elsewhere_and_never_over_other_data(deployment: Deployment, tmp_path: Path) -> None:
    twins = deployment.clean_twins(SELLERS)
    table = twins.primary
    deployment.session.sql(f"UPDATE {table.identifier} SET name = 'mine' WHERE rank = 1")
    mine = rows(table)
    assert "restore with --overwrite" in failure(run(deployment, "restore"))
    assert rows(table) == mine
    shown(run(deployment, "restore", to=str(tmp_path / "apart")))
    assert rows(table) == mine
    roots = {"raw_root": str(tmp_path / "apart" / "raw"), "clean_root": str(tmp_path / "apart" / "clean")}
    apart = Lake(deployment.settings.model_copy(update=roots))
    raw = apart.raw(SELLERS).records(RawRecord)
    assert list(raw) == [KEY] and verify(apart.raw(SELLERS), raw.values()) == []
    clean = apart.clean(SELLERS.tables[0]).record(CleanRecord, KEY)
    assert clean is not None and clean == table.record(CleanRecord, KEY)
    assert verify(apart.clean(SELLERS.tables[0]), [clean]) == []
    shown(run(deployment, "restore", overwrite=True))
    assert rows(table) == rows(twins.backup) != mine
    assert "unknown source" in failure(run(deployment, "restore", source="steam"))
    assert "there is no such backup" in failure(run(deployment, "restore", partition="2020-01-07"))
    assert "contains or is inside" in failure(run(deployment, "restore", to=str(deployment.settings.home)))


@pytest.mark.spark
@pytest.mark.kafka
@pytest.mark.slow
def test_a_drill_shows_what_it_compared_and_fails_on_a_backup_that_differs(deployment: Deployment) -> None:
    """It leaves no temporary folder, whether it succeeds or fails."""
    before = {path.name for path in deployment.settings.home.iterdir()}
    fine = shown(run(deployment, "drill"))
    assert (fine["partitions"], fine["problems"]) == (1, [])
    assert fine["rows"] > 0
    backup = deployment.clean_twins(SELLERS).backup
    good = backup.snapshot_id()
    deployment.session.sql(f"DELETE FROM {backup.identifier} WHERE rank = 1")
    assert KEY in failure(run(deployment, "drill"))
    deployment.session.sql(f"CALL clean_backup.system.set_current_snapshot('{backup.namespace}.top_sellers', {good})")
    assert {path.name for path in deployment.settings.home.iterdir()} == before
