"""The test of the design: a sixth source is one file and one line, and gets everything else from them.

``ROLLUP`` is what that file would hold: Steam's daily roll-up of peaks (GetMostPlayedGames), which the product does not
collect. It goes through raw, backups and clean, with checks and a place in the daily job and schedule.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg
import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steam_assets.orchestration.build import build_defs
from steam_assets.sources import SOURCES
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.json_body import decode_service, exploded, moment_of, shaped
from steam_assets.sources.source import (
    Answer,
    Column,
    FetchRequest,
    History,
    InvalidAnswer,
    Request,
    Source,
    SourceClient,
    Table,
)
from steam_assets_tests.deployment import Deployment

pytestmark = [pytest.mark.spark, pytest.mark.kafka, pytest.mark.slow]

KEY = "2026-11-17"


def extract(client: SourceClient, fetch_request: FetchRequest) -> Iterator[Answer]:
    def parse(body: bytes) -> int:
        answer = decode_service(body)
        day = datetime.fromtimestamp(answer["rollup_date"], UTC)
        if day != fetch_request.window.start:
            raise InvalidAnswer(f"the roll-up is of {day:%Y-%m-%d}, not of {fetch_request.window.key}")
        return len(answer["ranks"])

    path = "/ISteamChartsService/GetMostPlayedGames/v1/"
    response = client.fetch(
        Request("rollup", path, {"input_json": json.dumps({"context": {"country_code": "US"}})}, parse)
    )
    yield Answer(response, {"peak_rollup": response.value})


def items(raw: DataFrame) -> DataFrame:
    entries = exploded(
        raw,
        shape="response struct<rollup_date: string, ranks: array<{item}>>",
        array="{whole}.response.ranks",
        item="rank bigint, appid bigint, peak_in_game bigint",
        keep={"rolled_up": "try_cast({whole}.response.rollup_date as bigint)"},
    )
    values = {
        "rank": "entry.rank",
        "app_id": "entry.appid",
        "players_peak": "entry.peak_in_game",
        "day": f"to_date({moment_of('rolled_up')})",
    }
    return shaped(entries, TABLE.columns, values, required=("rank", "app_id"))


TABLE = Table(
    name="peak_rollup",
    description="Steam's daily roll-up of peak players.",
    columns=(
        Column("day", "date", "Day (UTC) of the roll-up."),
        Column("rank", "int", "Place by peak.", nullable=False),
        Column("app_id", "bigint", "Steam's number of the app.", nullable=False),
        Column("players_peak", "bigint", "Most players at once on that day.", "players"),
    ),
    key=("rank",),
    items=items,
    rules={"rank_from_1": "rank >= 1"},
)

ROLLUP = Source(
    name="peak_rollup",
    title="Peak roll-up",
    description="Steam's own daily list of peaks.",
    cadence=Cadence.DAILY,
    history=History.LIVE,
    extract=extract,
    tables=(TABLE,),
)


@pytest.mark.parametrize("deployment", ["disk", "s3"], indirect=True)
def test_sixth_source_runs_through_to_its_clean_backup(deployment: Deployment) -> None:
    """Nothing but the declaration above is new, and its partition is fetched, landed, clean, backed up and verified."""
    with_six = replace(deployment, sources=(*SOURCES, ROLLUP))
    with_six.at(datetime(2026, 11, 17, 21, tzinfo=UTC))
    with_six.run(ROLLUP, KEY)
    status = with_six.status(ROLLUP, KEY)
    assert status.up_to_date
    rows = with_six.rows(ROLLUP)
    assert rows.count() == status.published("peak_rollup") > 0
    assert rows.select(F.count_distinct("app_id")).first() == (rows.count(),)


def test_sixth_source_has_assets_checks_job_and_schedule(deployment: Deployment) -> None:
    """Its assets are in the graph and in the daily job, its checks are there, and no other source lost any."""
    defs = build_defs(settings=deployment.settings, sources=(*SOURCES, ROLLUP))
    graph = defs.resolve_asset_graph()
    keys = {key.to_user_string() for key in graph.get_all_asset_keys()}
    assert {f"peak_rollup/{stage}" for stage in ("raw", "raw_backup", "clean", "clean_backup")} <= keys
    checks = {check.to_user_string() for check in graph.asset_check_keys}
    assert {"peak_rollup/clean:reconciled", "peak_rollup/clean_backup:verified"} <= checks
    daily = defs.resolve_job_def("daily")
    assert dg.AssetKey(["peak_rollup", "raw"]) in daily.asset_layer.executable_asset_keys
    assert defs.resolve_schedule_def("daily_schedule").job_name == "daily"
