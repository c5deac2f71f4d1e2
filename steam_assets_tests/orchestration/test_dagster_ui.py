"""Common tasks in the Dagster UI, performed through its GraphQL API against a running ``steam-assets dev``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.lake.lake import Lake
from steam_assets.ledger.partition_status import SourceLedger
from steam_assets.ledger.records import RawRecord
from steam_assets.settings import Settings
from steam_assets.simulator import Simulator
from steam_assets.simulator.faults import Redirect
from steam_assets.sources import source_named
from steam_assets_tests.deployment import NOW, SHORT_LIVED
from steam_assets_tests.orchestration.dagster_ui import DagsterUi, dev_ui

pytestmark = [pytest.mark.slow, pytest.mark.process, pytest.mark.daemon, pytest.mark.kafka]

WEEKS = ["2026-10-27", "2026-11-03", "2026-11-10"]
MISSED = WEEKS[1]


@dataclass(frozen=True)
class Site:
    dagster_ui: DagsterUi
    settings: Settings


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, broker: EmbeddedBroker, simulator: Simulator) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("site")
    environment = {
        "STEAM_KAFKA_BOOTSTRAP_SERVERS": broker.address,
        "STEAM_KAFKA_TOPIC_PREFIX": "dagster-ui",
        "STEAM_API_URL": simulator.url,
        "STEAM_API_REQUESTS_PER_SECOND": "500",
        "STEAM_SIMULATED_NOW": NOW.isoformat(),
        "STEAM_SPARK_CONFIG": json.dumps(SHORT_LIVED),
    }
    simulator.set_now(NOW)
    settings = Settings(home=home, kafka_bootstrap_servers=broker.address, kafka_topic_prefix="dagster-ui")
    with dev_ui(home, environment) as served:
        yield Site(served, settings)
    simulator.clear_now()


LOCATIONS = "{ workspaceOrError { ... on Workspace { locationEntries { name updatedTimestamp } } } }"
RELOAD = """
mutation ($name: String!) {
  reloadRepositoryLocation(repositoryLocationName: $name) {
    ... on WorkspaceLocationEntry { updatedTimestamp locationOrLoadError { __typename } }
  }
}
"""


def reload(dagster_ui: DagsterUi) -> None:
    """Replace the code server, and the process that its runs are forked from, as the UI's button does."""
    (location,) = dagster_ui.ask(LOCATIONS)["workspaceOrError"]["locationEntries"]
    reloaded = dagster_ui.ask(RELOAD, name=location["name"])["reloadRepositoryLocation"]
    assert reloaded["locationOrLoadError"]["__typename"] == "RepositoryLocation", reloaded
    assert reloaded["updatedTimestamp"] > location["updatedTimestamp"]


def test_backfills_take_a_run_for_raw_and_one_for_the_later_stages(site: Site, simulator: Simulator) -> None:
    """One run fetches raw data for all weeks and one week fails alone. A second backfill completes that week.

    Between them the code location is reloaded.
    """
    source, lake, raw = source_named("top_sellers"), Lake(site.settings), ["top_sellers", "raw"]
    starts = source.cadence.window(MISSED).start
    simulator.faults.add(Redirect(contains=f"{starts.timestamp():.0f}", location="https://store.steampowered.com/"))
    ended = site.dagster_ui.wait_for_backfill(site.dagster_ui.launch_backfill([raw], WEEKS))
    simulator.faults.clear()
    assert (ended["status"], len(ended["runs"])) == ("COMPLETED_FAILED", 1), ended
    assert {*lake.raw(source).records(RawRecord)} == {*WEEKS} - {MISSED}
    states = site.dagster_ui.partition_states(raw)
    assert (states["numMaterialized"], states["numFailed"]) == (len(WEEKS) - 1, 1)

    reload(site.dagster_ui)
    stages = [["top_sellers", stage] for stage in ("raw", "raw_backup", "clean", "clean_backup")]
    ended = site.dagster_ui.wait_for_backfill(site.dagster_ui.launch_backfill(stages, WEEKS))
    assert (ended["status"], len(ended["runs"])) == ("COMPLETED_SUCCESS", 2), ended
    assert all(SourceLedger.of(lake, source).status(week).up_to_date for week in WEEKS)


def test_the_dagster_ui_shows_groups_columns_counts_and_checks(site: Site) -> None:
    """A newcomer finds groups by source, column schemas, partitions and the counts of a materialization."""
    data = site.dagster_ui.ask(
        """
        { assetNodes { assetKey { path } groupName kinds owners { __typename } description partitionKeys
            metadataEntries { __typename label } } }
        """
    )
    nodes = {"/".join(n["assetKey"]["path"]): n for n in data["assetNodes"]}
    clean = nodes["top_sellers/clean"]
    assert clean["groupName"] == "top_sellers"
    assert {"pyspark", "iceberg"} <= set(clean["kinds"])
    assert set(WEEKS) <= set(clean["partitionKeys"])
    assert any(e["label"] == "dagster/column_schema" for e in clean["metadataEntries"])


LINEAGE = """
query ($path: [String!]!) {
  assetNodeOrError(assetKey: {path: $path}) {
    ... on AssetNode {
      assetMaterializations(limit: 1) {
        metadataEntries {
          label
          ... on TableColumnLineageMetadataEntry {
            lineage { columnName columnDeps { assetKey { path } columnName } }
          }
        }
      }
    }
  }
}
"""


def test_the_dagster_ui_shows_the_lineage_of_each_column(site: Site) -> None:
    """The Columns tab shows lineage for the latest materialization after a backfill."""
    found = site.dagster_ui.ask(LINEAGE, path=["top_sellers", "clean"])["assetNodeOrError"]
    (materialization,) = found["assetMaterializations"]
    (entry,) = [e for e in materialization["metadataEntries"] if e["label"] == "dagster/column_lineage"]
    lineage = {
        one["columnName"]: {("/".join(dep["assetKey"]["path"]), dep["columnName"]) for dep in one["columnDeps"]}
        for one in entry["lineage"]
    }
    table = source_named("top_sellers").tables[0]
    assert {*lineage} >= {*table.key}
    assert {asset for deps in lineage.values() for asset, _ in deps} == {"top_sellers/raw"}
    assert lineage["rank"] == {("top_sellers/raw", "body")}
    assert lineage["source_sha256"] == {("top_sellers/raw", "sha256")}
