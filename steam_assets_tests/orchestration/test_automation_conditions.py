"""Why the refresh is still a sensor: what the installed Dagster's automation conditions would do instead.

The decision is docs/decisions/0016-refresh-by-a-sensor.md; reconsider it if an upgrade of Dagster fails one of these
tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from steam_assets.orchestration.build import build_defs
from steam_assets.settings import Settings

DAYS = dg.DailyPartitionsDefinition("2026-11-01", end_date="2026-11-16")
WEEKS = dg.WeeklyPartitionsDefinition("2026-11-03", end_date="2026-11-17", day_offset=2)
CHART, REVIEWS = dg.AssetKey(["most_played", "clean"]), dg.AssetKey(["reviews", "clean"])
TREND, BOMBS, PAGE = "insights/trend", "insights/bombs", "visuals/dashboard"
LATER_DAYS = dg.TimeWindowPartitionMapping(start_offset=-2)
"""A day's insight looks back at the two days before."""


def market(condition: dg.AutomationCondition[Any]) -> list[dg.AssetsDefinition]:
    """Two clean tables, a daily and a weekly insight, and a page, shaped like the product's assets."""

    @dg.asset(key=CHART, partitions_def=DAYS)
    def chart() -> None: ...

    @dg.asset(key=REVIEWS, partitions_def=WEEKS)
    def reviews() -> None: ...

    looking_back = [dg.AssetDep(CHART, partition_mapping=LATER_DAYS)]

    @dg.asset(key=TREND.split("/"), partitions_def=DAYS, deps=looking_back, automation_condition=condition)
    def trend() -> None: ...

    @dg.asset(key=BOMBS.split("/"), partitions_def=WEEKS, deps=[REVIEWS], automation_condition=condition)
    def bombs() -> None: ...

    @dg.asset(key=PAGE.split("/"), deps=[chart, trend, bombs], automation_condition=condition)
    def dashboard() -> None: ...

    return [chart, reviews, trend, bombs, dashboard]


@dataclass
class Automation:
    """The sensor that evaluates conditions; each tick returns the runs it requests."""

    instance: dg.DagsterInstance
    defs: dg.Definitions
    cursor: str | None = field(default=None)

    def tick(self) -> Sequence[dg.RunRequest]:
        repository = self.defs.get_repository_def()
        context = dg.build_sensor_context(instance=self.instance, cursor=self.cursor, repository_def=repository)
        done = repository.get_sensor_def("conditions").evaluate_tick(context)
        self.cursor = done.cursor
        return done.run_requests or ()

    def commit(self, key: dg.AssetKey, *partitions: str) -> None:
        """Materialize partitions in a Dagster run, so that each has an event."""
        for partition in partitions:
            self.instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=partition))


@pytest.fixture
def automation() -> Iterator[Automation]:
    condition = dg.AutomationCondition.any_deps_updated() & ~dg.AutomationCondition.in_progress()
    with dg.DagsterInstance.ephemeral() as instance:
        sensor = dg.AutomationConditionSensorDefinition("conditions", target="*", use_user_code_server=True)
        made = Automation(instance, dg.Definitions(assets=market(condition), sensors=[sensor]))
        assert not made.tick()
        yield made


def selected(requests: Sequence[dg.RunRequest]) -> set[tuple[str, str | None]]:
    return {(key.to_user_string(), run.partition_key) for run in requests for key in run.asset_selection or ()}


def test_one_commit_requests_two_concurrent_runs(automation: Automation) -> None:
    """The page's run does not wait for the insight's run, and each would start Spark."""
    automation.commit(CHART, "2026-11-15")
    requests = automation.tick()
    assert selected(requests) == {(TREND, "2026-11-15"), (PAGE, None)}
    assert len(requests) == 2


def test_two_old_days_request_the_days_that_look_back_at_them_too(automation: Automation) -> None:
    """Conditions would find the days affected by a commit correctly."""
    condition = dg.AutomationCondition.any_deps_updated()
    automation.commit(CHART, "2026-11-05")
    found = dg.evaluate_automation_conditions(defs=dg.Definitions(market(condition)), instance=automation.instance)
    automation.commit(CHART, "2026-11-10", "2026-11-12")
    again = dg.evaluate_automation_conditions(
        defs=dg.Definitions(market(condition)), instance=automation.instance, cursor=found.cursor
    )
    affected = {f"2026-11-{day}" for day in range(10, 15)}
    assert again.get_requested_partitions(dg.AssetKey(TREND.split("/"))) == affected


def test_eager_requests_only_the_newest_partition() -> None:
    """Insights for a corrected older day, or for a backfill, would never be computed."""
    eager, latest = dg.AutomationCondition.eager(), dg.AutomationCondition.in_latest_time_window()
    days = ["2026-11-08", "2026-11-09", "2026-11-10"]
    assert requested_after(eager, days) == set()
    assert requested_after(eager.without(latest), days) == {days[-1]}


def requested_after(condition: dg.AutomationCondition[Any], days: Sequence[str]) -> set[str]:
    """The days of the daily insight that are requested after charts of some days were committed."""
    with dg.DagsterInstance.ephemeral() as instance:
        defs = dg.Definitions(market(condition))
        first = dg.evaluate_automation_conditions(defs=defs, instance=instance)
        for day in days:
            instance.report_runless_asset_event(dg.AssetMaterialization(CHART, partition=day))
        then = dg.evaluate_automation_conditions(defs=defs, instance=instance, cursor=first.cursor)
        key = dg.AssetKey(TREND.split("/"))
        return {str(one) for one in then.get_requested_partitions(key)} if then.get_num_requested(key) else set()


def test_every_sensor_states_why_it_is_not_declarative_automation(tmp_path: Path) -> None:
    defs = build_defs(settings=Settings(home=tmp_path, quicksight_datasets={"most_played": "players"}))
    sensors = list(defs.sensors or ())
    assert len(sensors) > 5
    unexplained = [one.name for one in sensors if "Not declarative automation: " not in (one.description or "")]
    assert unexplained == []
