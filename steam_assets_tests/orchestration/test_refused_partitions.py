"""A partition that cleaning refuses fails alone: the others of its range are cleaned, backed up and shown."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import pytest
from pyspark.sql import SparkSession

from steam_assets.clock import Clock
from steam_assets.lake.lake import Lake
from steam_assets.ledger.partition_status import SourceLedger
from steam_assets.orchestration.build import build_defs
from steam_assets.orchestration.launch import Launcher, RunFailed
from steam_assets.orchestration.source_assets import clean_key
from steam_assets.orchestration.stages import AFTER_RAW
from steam_assets.settings import Settings
from steam_assets.sources import source_named
from steam_assets_tests.deployment import GivenSpark, session_for
from steam_assets_tests.lake.raw_landing import NOW, batch_id, land_rows, rows_of

SOURCE = source_named("top_sellers")
WEEKS = ["2026-09-29", "2026-10-06", "2026-10-13", "2026-10-27"]
REFUSED = [WEEKS[1], WEEKS[3]]


def land_chart(lake: Lake, number: int, key: str, apps: list[int]) -> None:
    (row,) = rows_of(number, key, 1)
    ranks = [{"rank": rank, "appid": app} for rank, app in enumerate(apps, start=1)]
    items = [(SOURCE.name, len(apps))]
    body = {"body": json.dumps({"response": {"ranks": ranks}}), "items": items}
    land_rows(lake, SOURCE, key, [row | body | {"source": SOURCE.name, "request": "chart"}], number=number)


@pytest.mark.spark
def test_the_others_of_a_range_are_cleaned_backed_up_and_shown(tmp_path: Path, spark: SparkSession) -> None:
    settings = Settings(home=tmp_path)
    lake = Lake(settings)
    for number, key in enumerate(WEEKS, start=1):
        land_chart(lake, number, key, [7, 7] if key in REFUSED else [7, 8])
    given = {"clock": Clock(NOW), "spark": GivenSpark(session_for(spark, settings))}
    with dg.DagsterInstance.ephemeral() as instance:
        launcher = Launcher(build_defs(settings=settings, resource_overrides=given), instance)
        with pytest.raises(RunFailed) as failure:
            launcher.later_stages(SOURCE, AFTER_RAW, WEEKS)
        shown = instance.get_materialized_partitions(clean_key(SOURCE, SOURCE.tables[0]))
    ledger = SourceLedger.of(lake, SOURCE)
    good = [key for key in WEEKS if key not in REFUSED]
    assert [key for key in WEEKS if ledger.status(key).up_to_date] == good
    assert shown == {*good}
    for key in REFUSED:
        number = WEEKS.index(key) + 1
        assert f"{SOURCE.name} {key}: app_id 7 occurs twice; it was not committed" in str(failure.value)
        assert f"exclude {SOURCE.name} --partition {key} --batch {batch_id(number)}" in str(failure.value)
