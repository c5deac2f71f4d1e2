"""Run config is used verbatim: environment variables are neither expanded nor leaked into errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from steam_assets.orchestration.build import build_defs
from steam_assets.orchestration.ingest_ops import PublishConfig
from steam_assets.orchestration.maintenance_jobs import HousekeepingConfig
from steam_assets.settings import Settings

SECRET = "41273999"
"""Only digits, so that it is valid for fields of every type."""


@pytest.fixture
def defs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dg.Definitions:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    return build_defs(settings=Settings(home=tmp_path / "home", quicksight_datasets={"reviews": "an-id"}))


def test_no_job_has_config_that_reads_the_environment(defs: dg.Definitions) -> None:
    jobs = list(defs.resolve_all_job_defs())
    assert {"housekeeping", "restore", "drill", "refresh"} <= {job.name for job in jobs}
    for job in jobs:
        kinds = job.get_job_snapshot().config_schema_snapshot.all_config_snaps_by_key
        assert not [kind for kind in kinds if kind.endswith("SourceType")], job.name


@pytest.mark.parametrize(
    ("job", "op", "field"),
    [
        ("drill", "restore_elsewhere_and_compare", "source"),
        ("restore", "restore_from_backups", "to"),
        ("restore", "restore_from_backups", "overwrite"),
        ("housekeeping", "clear_old_primaries", "apply"),
        ("housekeeping", "clear_old_primaries", "keep_days"),
    ],
)
def test_a_variable_in_config_is_refused_without_its_value(
    defs: dg.Definitions, tmp_path: Path, job: str, op: str, field: str
) -> None:
    config: dict[str, Any] = {"ops": {op: {"config": {field: {"env": "AWS_SECRET_ACCESS_KEY"}}}}}
    with pytest.raises(dg.DagsterInvalidConfigError, match=field) as refused:
        defs.resolve_job_def(job).execute_in_process(run_config=config)
    assert SECRET not in str(refused.value)
    assert not (tmp_path / "home").exists()


def test_a_refused_value_is_not_repeated() -> None:
    context = dg.build_op_context(op_config={"keep_days": -int(SECRET)})
    with pytest.raises(dg.Failure, match="keep_days: Input should be greater than or equal to 0") as refused:
        HousekeepingConfig.of(context)
    assert SECRET not in str(refused.value.description)


@pytest.mark.parametrize("app", [-1, 0, 1 << 32, 1 << 70])
def test_a_run_for_an_app_that_cannot_exist_is_refused(app: int) -> None:
    """Its source would be asked, and its failure retried for minutes."""
    context = dg.build_op_context(op_config={"apps": [730, app]})
    with pytest.raises(dg.Failure, match=r"apps\.1: Input should be .* correct it and launch the run again"):
        PublishConfig.of(context)


def test_missing_config_has_the_defaults_of_its_fields() -> None:
    schema = HousekeepingConfig.fields()
    given = {name: field.default_value for name, field in schema.items()}
    assert HousekeepingConfig.of(dg.build_op_context(op_config=given)) == HousekeepingConfig()
