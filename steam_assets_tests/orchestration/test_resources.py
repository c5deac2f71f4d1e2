"""The Dagster UI shows how resources are configured; a run's config can neither change nor read them."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from steam_assets.clock import Clock
from steam_assets.lake.lake import Lake
from steam_assets.orchestration.build import build_defs
from steam_assets.orchestration.resources import FixedResource, LakeResource
from steam_assets.settings import Settings
from steam_assets_tests.deployment import NOW

SECRET = "41273999"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path / "home",
        raw_root=str(tmp_path / "other" / "raw"),
        iceberg_catalog_uri=f"jdbc:postgresql://db/lake?password={SECRET}",
        spark_remote=f"sc://spark:15002/;token={SECRET}",
        spark_config={"spark.hadoop.fs.s3a.secret.key": SECRET},
    )


def fields(defs: dg.Definitions) -> list[tuple[str, str, object]]:
    """Every field of every resource of the product, with its value."""
    fixed = {key: each for key, each in (defs.resources or {}).items() if isinstance(each, FixedResource)}
    return [(key, name, getattr(each, name)) for key, each in fixed.items() for name in type(each).model_fields]


def test_the_lake_is_shown_by_its_roots_and_nothing_shows_a_secret(settings: Settings) -> None:
    shown = fields(build_defs(settings=settings))
    roots = {str(value) for key, name, value in shown if key == "lake" and name != "catalog"}
    assert roots == {settings.root(root) for root in ("raw", "raw-backup", "clean", "clean-backup")}
    assert {key for key, _, _ in shown} == {"lake", "clock", "spark", "submission"}
    assert not [value for _, _, value in shown if SECRET in str(value)]


@pytest.mark.parametrize("value", ["elsewhere", {"env": "AWS_SECRET_ACCESS_KEY"}], ids=["another value", "a variable"])
def test_config_of_a_run_that_changes_a_resource_is_refused(
    value: object, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    defs = build_defs(settings=settings)
    keys = set[str]()
    for job in defs.resolve_all_job_defs():
        for key, name, _ in fields(defs):
            if key in job.required_resource_keys:
                config = {"resources": {key: {"config": {name: value}}}}
                with pytest.raises(dg.DagsterInvalidConfigError, match=name) as refused:
                    job.execute_in_process(run_config=config)
                assert SECRET not in str(refused.value)
                keys.add(key)
    assert keys >= {"lake", "clock", "spark"}
    assert not settings.home.exists()


def test_ops_get_the_given_plain_object(settings: Settings) -> None:
    lake, clock = Lake(settings), Clock(NOW)
    resources = build_defs(settings=settings, resource_overrides={"lake": lake, "clock": clock}).resources or {}
    got = list[object]()

    @dg.op
    def use(lake: dg.ResourceParam[Lake], clock: dg.ResourceParam[Clock]) -> None:
        got.extend([lake, clock])

    @dg.job(resource_defs={key: resources[key].get_resource_definition() for key in ("lake", "clock")})
    def uses() -> None:
        use()

    assert uses.execute_in_process().success
    assert got == [lake, clock]


def test_two_deployments_of_one_process_keep_their_own(tmp_path: Path) -> None:
    one, other = (Settings(home=tmp_path / name) for name in ("one", "other"))
    first = build_defs(settings=one)
    build_defs(settings=other)
    (resource,) = (each for each in (first.resources or {}).values() if isinstance(each, LakeResource))
    with dg.build_resources({"lake": resource}) as built:
        assert built.lake.settings == one
