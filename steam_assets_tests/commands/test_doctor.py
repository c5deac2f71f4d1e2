"""``doctor`` in broken environments: it names each problem with a command to fix it and shows no secret."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from steam_assets.commands import doctor_checks as checks
from steam_assets.commands.doctor import doctor
from steam_assets.commands.doctor_checks import Finding
from steam_assets.commands.doctor_databases import check_catalog, check_dagster_home
from steam_assets.commands.doctor_roots import check_four_roots
from steam_assets.commands.doctor_settings import setting_lines
from steam_assets.java import jvm
from steam_assets.java.jvm import find_java
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.lake.catalogs import POSTGRESQL_TIMEOUTS, sqlite_file
from steam_assets.lake.lake import Lake
from steam_assets.lake.roots import MARKER
from steam_assets.ledger.content import EMPTY
from steam_assets.ledger.records import CleanRecord
from steam_assets.loopback import free_port
from steam_assets.orchestration.launch import local_instance
from steam_assets.settings import Settings
from steam_assets.sources import HOSTS, SOURCES, source_named
from steam_assets.sources.monthly_visits import SIMILARWEB
from steam_assets.spark.reviewer_key import fingerprint, kept_key, reviewer_key
from steam_assets_tests.faulty_proxy import Fault, faulty_proxy
from steam_assets_tests.java.test_jvm import fake_java
from steam_assets_tests.lake.raw_landing import land
from steam_assets_tests.nightly import rest_nightly

BIN = Path(sys.executable).parent
SECRETS = {
    "STEAM_KAFKA_SASL_PASSWORD": "hush-kafka",
    "STEAM_SIMILARWEB_API_KEY": "hush-similarweb",
    "STEAM_REVIEWER_HASH_KEY": "hush-reviewers-0123456789",
    "STEAM_ALERT_WEBHOOK_URL": "https://example.invalid/hush-hook",
    "STEAM_ICEBERG_CATALOG_URI": "jdbc:postgresql://me:hush-uri@host/db?password=hush-query",
    "STEAM_ICEBERG_CATALOG_PROPERTIES": '{"jdbc.password": "hush-property", "jdbc.user": "me"}',
    "STEAM_SPARK_CONFIG": '{"spark.hadoop.fs.s3a.secret.key": "hush-spark"}',
}


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A separate home without a .env file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STEAM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STEAM_EMBEDDED_KAFKA_PORT", str(free_port()))
    for host in HOSTS:
        monkeypatch.setenv(host.variable("url"), "http://127.0.0.1:9")
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    return tmp_path


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(doctor)
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "160"})


def problems(check: Callable[[Settings], Iterator[Finding]], settings: Settings | None = None) -> list[Finding]:
    found = [finding for finding in check(settings or Settings()) if finding.state == "problem"]
    assert all(finding.fix for finding in found), "a problem without a command to fix it"
    return found


def test_a_fresh_machine_has_no_problem_and_doctor_changes_nothing(environment: Path) -> None:
    result = run("--json")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["ok"]) == (0, True), [x for x in report["checks"] if x["state"] == "problem"]
    assert not (environment / "home").exists()
    names = {line["name"] for line in report["settings"]}
    assert names == {f"STEAM_{name.upper()}" for name in Settings.model_fields}
    assert all(line["meaning"] for line in report["settings"])


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets are hidden in the table and in JSON, wherever they occur in a value."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    for result in (run("--settings"), run("--json")):
        assert "STEAM_ALERT_WEBHOOK_URL" in result.output
        assert "hush" not in result.output
        assert "(hidden)" in result.output


def test_the_origin_of_each_value_is_shown(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (environment / ".env").write_text("STEAM_APPS=730\nSTEAM_REVIEWS_PAGE_BUDGET=3\n")
    monkeypatch.setenv("STEAM_REVIEWS_PAGE_BUDGET", "4")
    lines = {line.name: (line.value, line.origin) for line in setting_lines(Settings(), Settings())}
    assert lines["STEAM_APPS"] == ("730", ".env")
    assert lines["STEAM_REVIEWS_PAGE_BUDGET"] == ("4", "environment")
    assert lines["STEAM_SPARK_MASTER"] == ("local[*]", "default")


def test_another_lake_can_be_checked(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its roots are in its own folder, wherever the settings say."""
    monkeypatch.setenv("STEAM_CLEAN_ROOT", "s3://nowhere/clean")
    other = environment / "other"
    report = json.loads(run("--json", "--home", str(other)).stdout)
    assert report["ok"], report["checks"]
    lines = {line["name"]: (line["value"], line["origin"]) for line in report["settings"]}
    assert lines["STEAM_HOME"] == (str(other), "--home")
    assert lines["STEAM_CLEAN_ROOT"] == ("", "--home")
    assert lines["STEAM_RAW_ROOT"] == ("", "default")
    found = {check["name"]: check["detail"] for check in report["checks"]}
    assert found["Root clean"].startswith(str(other / "clean"))


def test_settings_that_cannot_be_read_are_named_without_their_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEAM_EMBEDDED_KAFKA_PORT", "hush")
    monkeypatch.setenv("STEAM_ICEBERG_CATALOG", "hush")
    result = run("--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)["checks"]
    assert {one["name"] for one in found} == {"STEAM_EMBEDDED_KAFKA_PORT", "STEAM_ICEBERG_CATALOG"}
    assert "hush" not in result.output


def test_a_misspelt_setting_is_found_with_the_one_that_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such a setting would silently have no effect."""
    monkeypatch.setenv("STEAM_KAFKA_BOOTSTRAP_SERVER", "host:9092")
    result = run()
    assert result.exit_code == 1
    assert "did you mean STEAM_KAFKA_BOOTSTRAP_SERVERS?" in result.output
    assert "unset STEAM_KAFKA_BOOTSTRAP_SERVER " in result.output


@pytest.mark.parametrize(("version", "major"), [("1.8", 8), ("25", 25)])
def test_an_unusable_java_home_is_named(
    environment: Path, monkeypatch: pytest.MonkeyPatch, version: str, major: int
) -> None:
    """Another Java on this machine is used and named; without one, doctor shows the install command."""
    fake_java(environment / "jdk", version)
    monkeypatch.setenv("JAVA_HOME", str(environment / "jdk"))
    used, passed_over = checks.check_java(Settings())
    assert used.state == "ok" and str(find_java()) in used.detail
    assert passed_over.state == "note" and f"{environment / 'jdk'} is Java {major} " in passed_over.detail
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(jvm, "_usual_places", list)
    (found,) = problems(checks.check_java)
    assert found.fix == jvm.install_command()


def test_missing_jars_are_found(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (environment / "jars").mkdir()
    monkeypatch.setenv("STEAM_JARS_DIR", str(environment / "jars"))
    assert [found.name for found in problems(checks.check_jars)] == ["Spark's jars", "Kafka's jars"]


def test_a_port_taken_by_something_else_is_found_with_a_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (found,) = problems(checks.check_kafka, Settings(embedded_kafka_port=port))
    assert "export STEAM_EMBEDDED_KAFKA_PORT=" in found.fix
    assert str(port) not in found.fix


@pytest.mark.kafka
def test_the_embedded_broker_of_another_folder_is_distinguished_from_ours(
    environment: Path, broker: EmbeddedBroker
) -> None:
    settings = Settings(embedded_kafka_port=broker.port)
    (found,) = problems(checks.check_kafka, settings)
    assert "another folder" in found.detail
    (environment / "home").mkdir()
    (environment / "home" / "kafka").symlink_to(broker.folder)
    assert not problems(checks.check_kafka, settings)
    assert not problems(checks.check_kafka, Settings(kafka_bootstrap_servers=broker.address))


def test_a_kafka_that_does_not_answer_is_found() -> None:
    (found,) = problems(checks.check_kafka, Settings(kafka_bootstrap_servers="127.0.0.1:9"))
    assert "127.0.0.1:9" in found.detail


@pytest.mark.parametrize("python", ["/nowhere/python", "/bin/false"])
def test_a_worker_python_that_does_not_work_is_found(monkeypatch: pytest.MonkeyPatch, python: str) -> None:
    monkeypatch.setenv("PYSPARK_PYTHON", python)
    (found,) = problems(checks.check_spark)
    assert found.fix == "unset PYSPARK_PYTHON"
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    assert not problems(checks.check_spark)


def test_a_spark_that_is_not_listening_is_found() -> None:
    (found,) = problems(checks.check_spark, Settings(spark_remote=f"sc://127.0.0.1:{free_port()}/;token=hush"))
    assert "STEAM_SPARK_REMOTE" in found.fix
    assert "hush" not in found.detail


def test_a_readers_key_that_others_can_read_is_found() -> None:
    settings = Settings()
    reviewer_key(settings)
    assert not problems(checks.check_reviewer_key)
    kept = settings.home / "reviewer_hash_key"
    kept.chmod(0o644)
    (found,) = problems(checks.check_reviewer_key)
    assert found.fix == f"chmod 600 {kept}"
    kept.write_text("")
    (found,) = problems(checks.check_reviewer_key)
    assert "damaged" in found.detail


def test_a_lost_readers_key_is_found() -> None:
    """It is not reported as "created on first use", because existing pseudonyms were made with it."""
    settings = Settings()
    made_with = fingerprint(reviewer_key(settings))
    (pseudonymous,) = [table for source in SOURCES for table in source.tables if table.pseudonymous]
    record = CleanRecord(
        table=pseudonymous.name,
        partition_key="2026-11-10",
        raw_digest="0-0",
        items=0,
        clean=0,
        quarantined=0,
        duplicates=0,
        content=EMPTY,
        snapshot_id=1,
        committed_at=datetime(2026, 11, 18, tzinfo=UTC),
        reviewer_key=made_with,
    )
    Lake(settings).clean(pseudonymous).commit({record.partition_key: record})
    assert not problems(checks.check_reviewer_key)
    kept_key(settings).unlink()
    (found,) = problems(checks.check_reviewer_key)
    assert made_with in found.detail and "gone" in found.detail


def test_a_home_that_others_can_enter_is_found() -> None:
    settings = Settings()
    reviewer_key(settings)
    assert not problems(checks.check_privacy_of_home)
    settings.home.chmod(0o755)
    (found,) = problems(checks.check_privacy_of_home)
    assert "0755" in found.detail and found.fix == f"chmod 700 {settings.home}"
    settings.home.chmod(0o750)
    (shared,) = checks.check_privacy_of_home(settings)
    assert shared.state == "note"


def test_roots_are_inspected_but_not_created(environment: Path) -> None:
    settings = Settings()
    assert not problems(check_four_roots)
    Lake(settings).raw(source_named("news"))
    (ours,) = [found for found in check_four_roots(settings) if found.name == "Root raw"]
    assert ours.state == "ok"

    assert "nested" in problems(check_four_roots, Settings(clean_root=f"{settings.home}/raw/clean"))[0].detail

    foreign = environment / "photos"
    foreign.mkdir()
    (foreign / "summer.jpg").touch()
    (found,) = problems(check_four_roots, Settings(clean_root=str(foreign)))
    assert found.fix.startswith("unset STEAM_CLEAN_ROOT")

    swapped = Settings(raw_backup_root=str(settings.home / "raw"), raw_root=str(environment / "elsewhere"))
    (found,) = problems(check_four_roots, swapped)
    assert "marked as 'raw'" in found.detail

    (found,) = problems(check_four_roots, Settings(clean_root=str(foreign / "summer.jpg" / "clean")))
    assert "is not a folder" in found.detail

    (settings.home / "raw" / MARKER).write_text("?")
    (found,) = problems(check_four_roots)
    subprocess.run(["/bin/sh", "-c", found.fix], check=True)
    assert not problems(check_four_roots)


def test_an_s3_root_that_cannot_be_reached_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    settings = Settings(raw_root="s3://bucket/raw", s3_endpoint_url="http://127.0.0.1:9")
    (found,) = problems(check_four_roots, settings)
    assert "aws s3 ls s3://bucket/raw --endpoint-url http://127.0.0.1:9" in found.fix
    assert "hush" not in found.detail


@pytest.mark.parametrize(
    ("fault", "detail", "fix"),
    [
        (Fault(200, "", body="<html>Log in</html>"), "a web server responds instead", "S3_ENDPOINT"),
        (Fault(503, "SlowDown"), "SlowDown", "again later"),
    ],
)
def test_what_responds_instead_of_s3_is_found(
    monkeypatch: pytest.MonkeyPatch, fault: Fault, detail: str, fix: str
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    with faulty_proxy(f"http://127.0.0.1:{free_port()}") as s3:
        s3.faults = [fault] * 4
        (found,) = problems(check_four_roots, Settings(raw_root="s3://bucket/raw", s3_endpoint_url=s3.url))
    assert detail in found.detail and fix in found.fix


def test_a_database_that_accepts_connections_but_does_not_respond_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(POSTGRESQL_TIMEOUTS, "connect_timeout", "2")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"jdbc:postgresql://127.0.0.1:{silent.getsockname()[1]}/catalogs"
        (found,) = problems(check_catalog, Settings(iceberg_catalog="jdbc", iceberg_catalog_uri=uri))
    assert "timeout" in found.detail and "STEAM_ICEBERG_CATALOG_URI" in found.detail


@pytest.mark.parametrize(
    ("fault", "detail"),
    [
        (Fault(401, "No"), "HTTP status 401"),
        (Fault(404, "No"), "HTTP status 404"),
        (Fault(200, "Welcome", content_type="text/html"), "a web server responds instead"),
    ],
)
def test_a_rest_catalog_that_refuses_is_found(fault: Fault, detail: str) -> None:
    """It is asked, so that a wrong path or missing credentials are found, not only a closed port."""
    with faulty_proxy(f"http://127.0.0.1:{free_port()}") as catalog:
        catalog.faults = [fault]
        settings = Settings(iceberg_catalog="rest", iceberg_catalog_uri=catalog.url)
        (found,) = problems(check_catalog, settings)
    assert detail in found.detail and "STEAM_ICEBERG_CATALOG_URI" in found.detail


def test_other_faults_are_found(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative Dagster home, an invalid drop folder, a simulated clock with one real host, an incomplete catalog."""
    monkeypatch.setenv("DAGSTER_HOME", "here")
    assert problems(check_dagster_home)[0].fix == f"export DAGSTER_HOME={environment / 'here'}"
    monkeypatch.setenv(SIMILARWEB.variable("drop_folder"), str(environment / "gone"))
    assert problems(checks.check_drop_folders)[0].fix.startswith("mkdir -p ")
    monkeypatch.delenv(HOSTS[-1].variable("url"))
    assert problems(checks.check_clock, Settings(simulated_now="2026-11-20"))
    assert problems(checks.check_clock, Settings(simulated_now="tomorrow"))
    assert problems(check_catalog, Settings(iceberg_catalog="jdbc"))
    assert problems(check_catalog, Settings(iceberg_catalog="glue"))
    monkeypatch.setenv("STEAM_ALERT_WEBHOOK_URL", "hush")
    (found,) = problems(checks.check_webhook)
    assert "hush" not in found.detail + found.fix


def _remove(file: Path) -> None:
    file.unlink()


def _damage(file: Path) -> None:
    file.write_text("no database")


def _replace_by_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize("harm", [_remove, _damage, _replace_by_folder])
def test_an_unusable_catalog_is_found(harm: Callable[[Path], None]) -> None:
    lake = Lake(Settings())
    land(lake)
    assert not problems(check_catalog)
    harm(sqlite_file(lake.settings, "raw"))
    (found,) = problems(check_catalog)
    assert str(lake.settings.root("raw")) in found.detail
    follow(found.fix)
    for later in problems(check_catalog):
        follow(later.fix)
    assert not problems(check_catalog)
    assert len(land(Lake(Settings()), number=2).batches) == 2


@pytest.mark.parametrize("harm", [_damage, _replace_by_folder])
@pytest.mark.parametrize(
    "database", rest_nightly(["history/runs.db", "history/runs/index.db", "schedules/schedules.db"])
)
def test_unusable_storage_of_dagster_is_found(
    database: str, harm: Callable[[Path], None], environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(environment / "dagster"))
    settings = Settings()
    with local_instance(settings):
        pass
    assert not problems(check_dagster_home)
    harm(settings.dagster_home / database)
    (found,) = problems(check_dagster_home)
    follow(found.fix)
    assert not problems(check_dagster_home)
    with local_instance(settings) as instance:
        assert instance.get_runs() == []


def follow(fix: str) -> None:
    """Type the command that ``doctor`` prints."""
    subprocess.run(fix, shell=True, check=True, env=os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"})
