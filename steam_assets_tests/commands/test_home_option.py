"""``--home`` means the lake in that folder, and the demo reaches nothing else, whatever other settings name."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path

import pytest
import typer
from partition_ledger import DAYS, SOURCE, build_ledger
from typer.testing import CliRunner

from steam_assets.cli import app
from steam_assets.clock import Clock
from steam_assets.commands.demo import own_settings
from steam_assets.extraction.errors import NotAvailable
from steam_assets.ingestion.resolve_raw import RawResolver
from steam_assets.lake.lake import Lake
from steam_assets.lake.relocate import relocate
from steam_assets.lake.roots import ROOT_NAMES, is_synthetic, root_variable, synthetic_mark
from steam_assets.orchestration.dagster_home import prepare_dagster_home
from steam_assets.settings import Settings

NOW = datetime.fromisoformat(f"{DAYS[-1]}T12:00:00+00:00")
ELSEWHERE = {
    "STEAM_KAFKA_BOOTSTRAP_SERVERS": "kafka.example:9092",
    "STEAM_KAFKA_TOPIC_PREFIX": "production",
    "STEAM_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "STEAM_SPARK_MASTER": "spark://cluster.example:7077",
    "STEAM_SPARK_CONFIG": '{"spark.driver.host": "code-location"}',
    "STEAM_SPARK_RUNNER": "emr-serverless",
    "STEAM_ICEBERG_CATALOG": "glue",
    "STEAM_ICEBERG_CATALOG_PROPERTIES": '{"s3.checksum-enabled": "true"}',
    "STEAM_SECRETS_ID": "production",
    "STEAM_ALERT_WEBHOOK_URL": "https://alerts.example/hook",
    "STEAM_TABLEAU_URL": "https://tableau.example",
    "STEAM_QUICKSIGHT_DATASETS": '{"most_played": "played"}',
    "STEAM_SIMILARWEB_DROP_FOLDER": "/saved",
    "STEAM_APPS": "730",
}
"""A deployment on AWS; nothing of it responds."""


@pytest.fixture
def production(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lake whose roots are outside its HOME, all of which the environment names; beside it the lake ``other``.

    Returns the HOME.
    """
    home, disk = tmp_path / "production", tmp_path / "disk"
    build_ledger(disk, NOW)
    build_ledger(tmp_path / "other", NOW, DAYS[:2])
    variables = {root_variable(name): str(disk / name) for name in ROOT_NAMES}
    for name, value in {**variables, "STEAM_HOME": str(home), "STEAM_SIMULATED_NOW": NOW.isoformat()}.items():
        monkeypatch.setenv(name, value)
    return home


def refused(*arguments: str) -> str:
    """The error of a command that refuses its options."""
    error = CliRunner().invoke(app, arguments, standalone_mode=False).exception
    assert isinstance(error, typer.BadParameter), error
    return str(error)


def partitions(*arguments: str) -> set[str]:
    """The partitions that `status --json` lists."""
    done = CliRunner().invoke(app, ["status", "--source", SOURCE.name, "--json", *arguments])
    assert done.exit_code in (0, 3), done.output
    return {one["partition"] for one in json.loads(done.stdout)[0]["partitions"]}


def test_a_command_reads_the_lake_in_the_folder_and_not_the_one_of_the_roots(production: Path, tmp_path: Path) -> None:
    assert partitions() == set(DAYS)
    assert partitions("--home", str(tmp_path / "other")) == set(DAYS[:2])
    assert partitions("--home", str(production)) == set(DAYS), "the configured HOME keeps its roots"


def test_a_folder_without_a_lake_is_not_taken_for_production(production: Path, tmp_path: Path) -> None:
    for command in ("status", "housekeeping", "restore", "relocate"):
        assert f"there is no folder {tmp_path / 'none'}" in refused(command, "--home", str(tmp_path / "none"))
    assert not production.exists()


def test_another_lake_has_its_own_catalogs_and_run_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "production"))
    monkeypatch.setenv("STEAM_ICEBERG_CATALOG", "rest")
    monkeypatch.setenv("STEAM_ICEBERG_CATALOG_URI", "https://catalog.example")
    monkeypatch.setenv("STEAM_HOME", str(tmp_path / "own"))
    own, other = Settings.at_home(tmp_path / "own"), Settings.at_home(tmp_path / "other")
    assert own == Settings() and own.iceberg_catalog == "rest"
    assert (other.iceberg_catalog, other.iceberg_catalog_uri) == ("sqlite", "")
    assert other.environment(secrets=True)["STEAM_ICEBERG_CATALOG_URI"] == "", "a child process has it from here"
    assert prepare_dagster_home(own) == tmp_path / "production"
    assert prepare_dagster_home(other) == tmp_path / "other" / "dagster" == Path(os.environ["DAGSTER_HOME"])


def test_the_demo_reaches_nothing_of_the_deployment(
    production: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even if it continues the demo that is the HOME of all commands."""
    given = {**ELSEWHERE, "DAGSTER_HOME": str(tmp_path / "instance"), "STEAM_SPARK_DRIVER_MEMORY": "3g"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    for home in (tmp_path / "sandbox", production):
        settings = own_settings(home)
        folders = {settings.root(name) for name in ROOT_NAMES} | {str(settings.dagster_home)}
        assert folders == {str(home / name) for name in (*ROOT_NAMES, "dagster")}
        own = {"home", "spark_driver_memory", "spark_config", "embedded_kafka_port"}
        for name, field in Settings.model_fields.items():
            if name not in own:
                assert getattr(settings, name) == field.get_default(call_default_factory=True), name
        assert settings.spark_driver_memory == "3g" and "spark.driver.host" not in settings.spark_config


def test_made_up_and_collected_data_do_not_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A demo refuses a lake with collected data; a demo's lake refuses recorded, imported and real services' data."""
    collected, made_up = tmp_path / "collected", tmp_path / "made up"
    build_ledger(collected, NOW)
    made_up.mkdir()
    synthetic_mark(Settings(home=made_up)).touch()
    lake = build_ledger(made_up, NOW)
    assert f"such as --home {collected / 'demo'}" in refused("demo", "--home", str(collected))
    assert not synthetic_mark(Settings(home=collected)).exists()
    (tmp_path / "recorded").mkdir()
    said = refused("demo", "--replay", str(tmp_path / "recorded"), "--home", str(made_up))
    assert "made-up data, with which recorded data would mix" in said
    (tmp_path / "recorded" / "old.csv").touch()
    monkeypatch.setenv("STEAM_HOME", str(made_up))
    assert "to which imported ones cannot be added" in refused("import-history", str(tmp_path / "recorded"))
    resolver = RawResolver(lake, Clock(NOW))
    with pytest.raises(NotAvailable, match="set STEAM_HOME to another folder"):
        resolver.resolve_raw(SOURCE, DAYS[-1], lambda: (), refetch=True, published=dict)


def test_roots_stay_marked_in_another_home_and_after_a_move(tmp_path: Path) -> None:
    demo = tmp_path / "demo"
    demo.mkdir()
    synthetic_mark(Settings(home=demo)).touch()
    build_ledger(demo, NOW)
    assert is_synthetic(Settings(home=tmp_path / "new", clean_root=str(demo / "clean")))
    synthetic_mark(Settings(home=demo)).unlink()
    moved = Settings(home=demo.rename(tmp_path / "moved"))
    assert relocate(moved, "clean") is not None
    assert is_synthetic(moved) and not is_synthetic(Settings(home=tmp_path / "new"))
    assert Lake(moved).table_names("clean") == [SOURCE.tables[0].name]
