"""A real refresh: commits of two sources become insights, page, exports and extract in one run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pantab
import pyarrow.parquet as pq
import pytest

from steam_assets.insights import insight_named
from steam_assets.lake.clean_reader import CleanReader
from steam_assets.orchestration.build import build_defs
from steam_assets.orchestration.insight_assets import insight_key
from steam_assets.orchestration.launch import Launcher
from steam_assets.orchestration.stages import Stage
from steam_assets.orchestration.visual_assets import DASHBOARD, EXPORTS, TABLEAU
from steam_assets.sources import source_named
from steam_assets_tests.deployment import Deployment, GivenSpark

pytestmark = [pytest.mark.spark, pytest.mark.kafka, pytest.mark.slow]

DAILY, WEEKLY = source_named("most_played"), source_named("top_sellers")
DAYS = ("2026-11-16", "2026-11-17")
TO_CLEAN = (Stage.RAW, Stage.CLEAN)


class Refreshing:
    """A deployment with a persistent instance, as a daemon would have."""

    def __init__(self, deployment: Deployment, instance: dg.DagsterInstance) -> None:
        self.deployment, self.instance = deployment, instance
        overrides = {"clock": deployment.clock, "spark": GivenSpark(deployment.session)}
        self.defs = build_defs(settings=deployment.settings, resource_overrides=overrides)
        self.launcher = Launcher(self.defs, instance)
        self.cursor: str | None = None

    def collect_day(self, key: str) -> None:
        self.deployment.at(DAILY.cadence.window(key).start + timedelta(hours=21))
        self.launcher.partition(DAILY, TO_CLEAN, key)

    def tick(self) -> list[dg.RunRequest]:
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            definitions=self.defs,
            resources={"lake": self.deployment.lake},
        )
        ticked = self.defs.resolve_sensor_def("refresh_visuals").evaluate_tick(context)
        self.cursor = ticked.cursor or self.cursor
        return list(ticked.run_requests or [])

    def refresh(self) -> dg.ExecuteInProcessResult:
        (request,) = self.tick()
        job = self.defs.resolve_job_def("refresh")
        return job.execute_in_process(instance=self.instance, run_config=request.run_config, tags=dict(request.tags))

    def partitions(self, insight: str) -> set[str]:
        return self.instance.get_materialized_partitions(insight_key(insight_named(insight)))

    def shown(self, key: dg.AssetKey) -> dict[str, Any]:
        event = self.instance.get_latest_materialization_event(key)
        assert event is not None and event.asset_materialization is not None
        return {name: value.value for name, value in event.asset_materialization.metadata.items()}


@pytest.fixture
def refreshing(deployment: Deployment) -> Iterator[Refreshing]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Refreshing(deployment, instance)


def test_an_insight_of_which_files_were_lost_is_computed_anew(refreshing: Refreshing) -> None:
    """Of one insight a manifest is lost, of another a data file."""
    refreshing.collect_day(DAYS[0])
    assert refreshing.refresh().success
    reader = CleanReader(refreshing.deployment.settings)
    before = {name: reader.arrow(name) for name in ("insight_market_day", "insight_freshness")}
    assert all(before.values())
    manifests, data = (reader.table(name) for name in before)
    assert manifests is not None and data is not None
    for path in Path(manifests.location(), "metadata").glob("*-m0.avro"):
        path.unlink()
    for path in Path(data.location(), "data").rglob("*.parquet"):
        path.unlink()
    refreshing.launcher.refresh()
    assert {name: reader.arrow(name) for name in before} == before


def test_new_commits_refresh_once_and_only_the_affected_partitions(refreshing: Refreshing) -> None:
    """After a week and a day, another day is committed: only its partitions are computed and exported."""
    home = refreshing.deployment.settings.home
    refreshing.launcher.partition(WEEKLY, TO_CLEAN, "2026-11-10")
    refreshing.collect_day(DAYS[0])
    assert refreshing.refresh().success
    assert refreshing.partitions("market_day") == {DAYS[0]}
    assert refreshing.partitions("top_seller_moves") == refreshing.partitions("price_split") == {"2026-11-10"}
    assert refreshing.shown(insight_key(insight_named("freshness")))["dagster/partition_row_count"] > 0
    assert refreshing.tick() == []

    first = exported(home)
    assert {"most_played/2026-11-16.csv", "insight_market_day/2026-11-16.parquet", "top_sellers/2026-11-10.csv"} <= {
        *first
    }
    name = refreshing.deployment.rows(DAILY).orderBy("rank").first()["name"]  # pyright: ignore[reportOptionalSubscript]
    page = home / "dashboard.html"
    assert name in page.read_text(encoding="utf-8")
    assert refreshing.shown(DASHBOARD)["path"] == str(page.absolute())
    assert refreshing.shown(DASHBOARD)["bytes"] == page.stat().st_size
    assert refreshing.shown(DASHBOARD)["as_of"].startswith("2026-11-1")

    refreshing.collect_day(DAYS[1])
    assert refreshing.refresh().success
    assert refreshing.partitions("market_day") == {*DAYS}
    second = exported(home)
    untouched = "most_played/2026-11-16.csv"
    assert second[untouched] == first[untouched]
    assert pq.read_table(home / "exports/insight_player_trend/2026-11-17.parquet").num_rows > 0
    assert refreshing.shown(EXPORTS)["files"] < len(second)
    extract: Any = pantab.frame_from_hyper_query(
        home / "tableau" / "steam_market.hyper",
        'select distinct "partition_key" as k from "insight_market_day" order by 1',
        return_type="pyarrow",
        process_params={"log_dir": str(home)},
    )
    assert extract.column("k").to_pylist() == [*DAYS]
    assert "insight_market_day" in refreshing.shown(TABLEAU)["tables"]
    assert refreshing.shown(TABLEAU)["published"] == {}
    assert refreshing.tick() == []


def exported(home: Path) -> dict[str, int]:
    """Exported files below HOME/exports with their modification times, in ns."""
    folder = home / "exports"
    return {
        found.relative_to(folder).as_posix(): found.stat().st_mtime_ns
        for found in folder.rglob("*.*")
        if found.is_file()
    }
