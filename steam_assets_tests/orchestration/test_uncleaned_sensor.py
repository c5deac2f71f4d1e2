"""Uncleaned raw data is cleaned, whatever its origin."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from steam_assets.ingestion.history.importing import import_folder
from steam_assets_tests.orchestration.kafka_alone import (
    TODAY,
    Deployed,
    deployed,
)

__all__ = ["deployed"]


def test_new_raw_data_is_cleaned_whatever_its_producer(tmp_path: Path) -> None:
    """An imported chart is cleaned once, and again after new data. It is left alone while a run is working on it."""
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "2023-10-27_weekly_top_sellers.csv").write_text("Rank,Game Name,Free to Play\n1,Steam Deck,0\n")
    with dg.DagsterInstance.ephemeral() as instance:
        deployed = Deployed(tmp_path / "home", "127.0.0.1:9", instance)
        assert not deployed.tick("top_sellers_uncleaned").run_requests
        import_folder(deployed.lake, folder, TODAY)
        tick = deployed.tick("top_sellers_uncleaned")
        (request,) = tick.run_requests or []
        assert request.partition_key == "2023-10-17"
        assert {key.path[1] for key in request.asset_selection or []} == {"raw_backup", "clean", "clean_backup"}
        (same,) = deployed.tick("top_sellers_uncleaned").run_requests or []
        assert same.run_key == request.run_key

        (folder / "2023-10-28_weekly_top_sellers.csv").write_text("Rank,Game Name,Free to Play\n1,Rust,0\n")
        import_folder(deployed.lake, folder, TODAY)
        (changed,) = deployed.tick("top_sellers_uncleaned", tick.cursor).run_requests or []
        assert (changed.partition_key, changed.run_key == request.run_key) == ("2023-10-17", False)

        tags = {"dagster/asset_partition_range_start": "2023-10-03", "dagster/asset_partition_range_end": "2023-10-17"}
        status = dg.DagsterRunStatus.STARTED
        selected = frozenset({dg.AssetKey(["top_sellers", "clean"])})
        instance.add_run(dg.DagsterRun("weekly", tags=tags, status=status, asset_selection=selected))
        busy = deployed.tick("top_sellers_uncleaned", tick.cursor)
        assert not busy.run_requests
        assert busy.cursor == tick.cursor
