"""The visual assets alone: they are written atomically, shown in the UI, and say clearly when there is no data yet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from steam_assets.lake.lake import Lake
from steam_assets.orchestration.build import build_defs
from steam_assets.orchestration.visual_assets import DASHBOARD, EXPORTS, TABLEAU
from steam_assets.settings import Settings

SECRET = "canary-token-secret"


def materialize(settings: Settings, *keys: dg.AssetKey) -> tuple[dg.ExecuteInProcessResult, dict[str, dict[str, Any]]]:
    """Materialize some assets in one run; return the metadata of each by the last part of its key."""
    defs = build_defs(settings=settings, resource_overrides={"lake": Lake(settings)})
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance, asset_selection=list(keys), raise_on_error=False
        )
    shown = {
        event.asset_key.path[-1]: {name: value.value for name, value in event.materialization.metadata.items()}
        for event in result.get_asset_materialization_events()
        if event.asset_key
    }
    return result, shown


def test_without_data_all_three_are_written_and_say_so(tmp_path: Path) -> None:
    """There is no stack trace: the page exists, every insight says why it is empty, and the extract holds no table."""
    result, shown = materialize(Settings(home=tmp_path), DASHBOARD, EXPORTS, TABLEAU)
    assert result.success
    page = tmp_path / "dashboard.html"
    assert shown["dashboard"]["path"] == str(page) and shown["dashboard"]["bytes"] == page.stat().st_size > 0
    assert shown["dashboard"]["as_of"] == "no data yet"
    reasons = {record.data["why empty"] for record in shown["dashboard"]["preview"].records}
    assert any("does not exist yet" in str(reason) for reason in reasons)
    assert (shown["exports"]["files"], shown["exports"]["rows"]) == (0, 0)
    assert shown["exports"]["preview"] == "No rows."
    assert Path(shown["tableau"]["path"]).stat().st_size == shown["tableau"]["bytes"] > 0
    assert (shown["tableau"]["tables"], shown["tableau"]["published"]) == ([], {})


def test_an_existing_page_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """No temporary file is left beside it."""
    page = tmp_path / "dashboard.html"
    page.write_text("old")
    materialize(Settings(home=tmp_path), DASHBOARD)
    assert page.read_text(encoding="utf-8").startswith("<!")
    assert [found.name for found in tmp_path.glob("*dashboard*")] == ["dashboard.html"]


def test_a_server_that_refuses_fails_the_run_and_leaves_the_extract(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The error says what to do and contains no secret."""
    settings = Settings(
        home=tmp_path,
        tableau_url="http://tableau.example.org",
        tableau_token_name="steam",
        tableau_token_secret=SECRET,  # pyright: ignore[reportArgumentType]
    )
    result, shown = materialize(settings, TABLEAU)
    assert not result.success and not shown
    (failed,) = result.filter_events(lambda event: event.is_step_failure)
    told = failed.step_failure_data.user_failure_data
    assert told is not None and "use an https URL" in (told.description or "")
    assert (tmp_path / "tableau" / "steam_market.hyper").stat().st_size > 0
    assert SECRET not in "".join(capfd.readouterr()) + repr(settings) + str(result.all_events)
