"""A run is about the partitions that it was launched for, whatever its tags, or it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import pytest

from steam_assets.lake.lake import Lake
from steam_assets.orchestration.build import build_defs
from steam_assets.orchestration.partitions import RANGE_END, RANGE_START
from steam_assets.orchestration.run_status import PARTITION
from steam_assets.orchestration.source_assets import raw_key
from steam_assets.orchestration.stages import Stage, stage_keys
from steam_assets.settings import Settings
from steam_assets.sources import source_named
from steam_assets_tests.lake.raw_landing import land_rows, rows_of

SOURCE, WEEK = source_named("top_sellers"), "2026-10-06"


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> dg.JobDefinition:
    """The Dagster UI's job for any assets."""
    defs = build_defs(settings=Settings(home=tmp_path_factory.mktemp("home")))
    return defs.resolve_implicit_global_asset_job_def()


@pytest.mark.parametrize(
    "assets",
    [*(stage_keys(SOURCE, stage) for stage in (Stage.RAW, Stage.RAW_BACKUP, Stage.CLEAN_BACKUP)),
     [dg.AssetKey(["insights", "top_seller_moves"])]],
    ids=lambda keys: keys[0].path[-1],
)  # fmt: skip
@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({}, "without a partition; launch it again with one"),
        ({PARTITION: "2026-10-08"}, "the one with that day is 2026-10-06; launch the run again"),
        ({RANGE_START: WEEK, RANGE_END: "2026-10-16"}, "the one with that day is 2026-10-13; launch the run again"),
        ({RANGE_START: "2026-10-13", RANGE_END: WEEK}, "2026-10-13 to 2026-10-06 has no partitions"),
        ({PARTITION: "2022-12-27"}, "2022-12-27 is before the first partition, 2023-01-03"),
    ],
    ids=["none", "within a week", "range", "backwards", "too early"],
)
def test_a_run_for_partitions_that_do_not_exist_is_refused(
    job: dg.JobDefinition, assets: list[dg.AssetKey], tags: Mapping[str, str], said: str
) -> None:
    result = job.execute_in_process(asset_selection=assets, tags=dict(tags), raise_on_error=False)
    failed = result.filter_events(lambda event: event.is_step_failure)
    given = failed[0].step_failure_data.user_failure_data
    assert given is not None and said in (given.description or "")
    assert not result.filter_events(lambda event: event.is_step_materialization)


def test_a_check_that_the_ui_can_execute_alone_needs_no_partition(tmp_path: Path) -> None:
    land_rows(Lake(Settings(home=tmp_path)), SOURCE, WEEK, [*rows_of(1, WEEK, 1)], number=1)
    defs = build_defs(settings=Settings(home=tmp_path))
    (check,) = [
        one
        for one in defs.asset_checks or ()
        if isinstance(one, dg.AssetChecksDefinition)
        and one.check_keys == {dg.AssetCheckKey(raw_key(SOURCE), "no_dead_letters")}
    ]
    job = dg.define_asset_job("alone", selection=dg.AssetSelection.checks(check))
    alone = dg.Definitions(asset_checks=[check], jobs=[job], resources=defs.resources)
    result = alone.resolve_job_def("alone").execute_in_process(raise_on_error=False)
    assert [evaluation.passed for evaluation in result.get_asset_check_evaluations()] == [True]
