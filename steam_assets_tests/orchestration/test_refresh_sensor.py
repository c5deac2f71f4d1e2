"""The refresh sensor requests one refresh for all new commits, whoever made them, and none without commits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from steam_assets.clock import Clock
from steam_assets.insights import INSIGHTS
from steam_assets.insights.affected import affected
from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.lake.lake import Lake
from steam_assets.ledger.content import Content
from steam_assets.ledger.records import CleanRecord
from steam_assets.orchestration.build import build_defs
from steam_assets.orchestration.refresh import INSIGHTS_OP, JOB
from steam_assets.settings import Settings
from steam_assets.sources import SOURCES
from steam_assets_tests.nightly import rest_nightly

NOW = datetime(2026, 11, 18, 21, tzinfo=UTC)


class Watched:
    """A lake whose ledger the test writes, and the sensor's ticks over it."""

    def __init__(self, home: Path, instance: dg.DagsterInstance) -> None:
        self.lake = Lake(Settings(home=home))
        self.instance = instance
        self.defs = build_defs(settings=self.lake.settings, resource_overrides={"lake": self.lake, "clock": Clock(NOW)})
        self.cursor: str | None = None

    def commit(self, table: str, key: str, snapshot: int = 1, at: datetime = NOW) -> None:
        record = CleanRecord(
            table=table, partition_key=key, raw_digest="0-0", items=1, clean=1, quarantined=0, duplicates=0,
            content=Content(rows=1), snapshot_id=snapshot, committed_at=at,
        )  # fmt: skip
        target = self.table(table)
        target.commit({key: record})

    def forget(self, table: str, key: str) -> None:
        target = self.table(table)
        target.commit({key: None})

    def table(self, name: str) -> IcebergTable:
        return self.lake.clean(next(table for source in SOURCES for table in source.tables if table.name == name))

    def tick(self) -> dg.SensorExecutionData:
        """Evaluate a tick and keep its cursor for the next, as the daemon does."""
        context = dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, definitions=self.defs, resources={"lake": self.lake}
        )
        ticked = self.defs.resolve_sensor_def("refresh_visuals").evaluate_tick(context)
        self.cursor = ticked.cursor or self.cursor
        return ticked

    def asked(self) -> tuple[str, dict[str, list[str]]]:
        """The single run that a tick requests: its key and the changes."""
        (request,) = self.tick().run_requests or []
        return str(request.run_key), changed_of(request.run_config)

    def run(self, changed: dict[str, list[str]], status: dg.DagsterRunStatus) -> None:
        config = {"ops": {INSIGHTS_OP: {"config": {"changed": changed}}}}
        self.instance.add_run(dg.DagsterRun(JOB, run_config=config, status=status))


def changed_of(run_config: Any) -> dict[str, list[str]]:
    return run_config["ops"][INSIGHTS_OP]["config"]["changed"]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Watched(tmp_path, instance)


def test_without_commits_nothing_is_requested(watched: Watched) -> None:
    for _ in range(2):
        ticked = watched.tick()
        assert not ticked.run_requests
        assert "no clean partition was committed" in (ticked.skip_message or "")


def test_all_commits_between_two_ticks_are_one_refresh(watched: Watched) -> None:
    """Config and tag list the partitions of all changed tables. The next tick requests nothing."""
    watched.commit("top_sellers", "2026-11-10")
    for key in ("2026-11-17", "2026-11-16"):
        watched.commit("most_played", key)
    (request,) = watched.tick().run_requests or []
    assert changed_of(request.run_config) == {
        "most_played": ["2026-11-16", "2026-11-17"],
        "top_sellers": ["2026-11-10"],
    }
    assert request.tags["steam/changed"] == (
        "most_played (2 partitions, 2026-11-16 to 2026-11-17); top_sellers 2026-11-10"
    )
    assert not watched.tick().run_requests


def test_a_partition_that_is_committed_again_is_the_only_change(watched: Watched) -> None:
    """A new commit of the same key counts as a change; neighbouring partitions and deleted records do not."""
    for key in ("2026-11-15", "2026-11-16", "2026-11-17"):
        watched.commit("most_played", key)
    first, _ = watched.asked()
    watched.commit("most_played", "2026-11-16", snapshot=2)
    watched.forget("most_played", "2026-11-15")
    second, changed = watched.asked()
    assert changed == {"most_played": ["2026-11-16"]}
    assert first != second


def test_the_same_change_has_the_same_run_key(watched: Watched) -> None:
    """A tick repeated after a crash, or after losing its cursor, starts no second run."""
    watched.commit("most_played", "2026-11-17")
    first = watched.asked()
    watched.cursor = None
    assert watched.asked() == first


@pytest.mark.parametrize(
    "edited", rest_nightly(["garbage", "5", '{"most_played": 1}', "null", "[]", "{", '{"offsets": {"0": 1}}'], kept=3)
)
def test_a_cursor_that_somebody_edited_is_as_none(watched: Watched, edited: str) -> None:
    """The Dagster UI lets anybody edit it; a tick that failed would fail forever."""
    watched.commit("most_played", "2026-11-17")
    first = watched.asked()
    watched.cursor = edited
    assert watched.asked() == first
    assert not watched.tick().run_requests


def test_a_commit_that_becomes_visible_late_is_detected(watched: Watched) -> None:
    """A record with an older timestamp, from a writer whose clock is behind, is not missed."""
    watched.commit("most_played", "2026-11-17")
    watched.asked()
    watched.commit("most_played", "2026-11-16", at=NOW - timedelta(minutes=5))
    assert watched.asked()[1] == {"most_played": ["2026-11-16"]}


def test_commits_during_a_refresh_belong_to_the_next_one(watched: Watched) -> None:
    """No second run starts meanwhile, and the cursor stays."""
    watched.commit("most_played", "2026-11-16")
    _, changed = watched.asked()
    watched.run(changed, dg.DagsterRunStatus.STARTED)
    watched.commit("most_played", "2026-11-17")
    waiting = watched.tick()
    assert not waiting.run_requests
    assert "is running" in (waiting.skip_message or "")
    (run,) = watched.instance.get_runs()
    watched.instance.report_run_canceled(run)
    assert watched.asked()[1] == {"most_played": ["2026-11-16", "2026-11-17"]}, "with those of the canceled one"


def test_a_failed_refresh_is_repeated_with_the_next_change(watched: Watched) -> None:
    """A failed refresh adds its partitions to the next one; it is not retried on its own."""
    watched.commit("news", "2026-11-10")
    _, changed = watched.asked()
    watched.run(changed, dg.DagsterRunStatus.FAILURE)
    ticked = watched.tick()
    assert not ticked.run_requests
    assert "did not finish" in (ticked.skip_message or "") and "steam-assets refresh" in (ticked.skip_message or "")
    watched.commit("most_played", "2026-11-17")
    assert watched.asked()[1] == {"most_played": ["2026-11-17"], "news": ["2026-11-10"]}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"nonsense": ["2026-01-01"]}, "names 'nonsense', which is not a clean table"),
        ({"top_sellers": ["2026-01-02"]}, "the one with that day is"),
        ({"top_sellers": ["banana"]}, "banana"),
    ],
)
def test_a_config_that_names_what_does_not_exist_is_refused_at_once(
    tmp_path: Path, changed: dict[str, list[str]], says: str
) -> None:
    job = build_defs(settings=Settings(home=tmp_path)).resolve_job_def(JOB)
    done = job.execute_in_process({"ops": {INSIGHTS_OP: {"config": {"changed": changed}}}}, raise_on_error=False)
    (failed,) = done.filter_events(lambda event: event.is_step_failure)
    assert failed.step_failure_data.user_failure_data is not None
    assert says in (failed.step_failure_data.user_failure_data.description or "")


def test_the_sensor_is_off_by_default(tmp_path: Path) -> None:
    for automation in (False, True):
        made = build_defs(settings=Settings(home=tmp_path, automation=automation))
        running = made.resolve_sensor_def("refresh_visuals").default_status is dg.DefaultSensorStatus.RUNNING
        assert running is automation


def test_only_affected_periods_that_were_collected_are_computed(watched: Watched) -> None:
    """A day affects itself and later days that look back on it.

    Gaps, the current week and cleared periods are skipped.
    """
    for key in ("2026-11-08", "2026-11-10", "2026-11-17"):
        watched.commit("most_played", key)
    watched.commit("top_sellers", "2026-11-03")
    chosen = affected(INSIGHTS, SOURCES, watched.lake, {"most_played": ["2026-11-10"]}, NOW)
    assert chosen["market_day"] == chosen["player_trend"] == ["2026-11-10", "2026-11-17"]
    assert "price_split" not in chosen, "its week of 2026-11-10 has no chart yet"
    assert chosen["update_effect"] == ["2026-11-03"], "the day is within seven days after the week"
    assert chosen["freshness"] == ["all"]


def test_every_insight_has_a_table_of_its_own_cadence() -> None:
    """A commit of that table marks the period as available."""
    cadences = {table.name: source.cadence for source in SOURCES for table in source.tables}
    for insight in INSIGHTS:
        if insight.cadence:
            assert insight.cadence in {cadences[needed.table] for needed in insight.inputs}, insight.name
