"""Failed runs are alerted on once, to the log and the webhook, without secrets."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._utils.error import serializable_error_info_from_exc_info

from steam_assets.orchestration.alerts import AlertNotDelivered, deliver, failure_alerts, message
from steam_assets.orchestration.check_alerts import check_alerts
from steam_assets.settings import Settings

SECRET = "s3cr3t-passphrase"


class Webhook:
    """A server that records requests and returns the given statuses, then 200."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.statuses: list[int] = []
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                webhook.got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(webhook.statuses.pop(0) if webhook.statuses else 200)
                self.send_header("location", "http://127.0.0.1:9/elsewhere")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook-token"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    made = Webhook()
    yield made
    made.close()


def settings_for(url: str, home: Path) -> Settings:
    return Settings.model_validate({"home": home, "alert_webhook_url": url, "kafka_sasl_password": SECRET})


@dg.op
def breaks() -> None:
    raise ValueError(f"could not log in with {SECRET}")


@dg.job
def nightly() -> None:
    breaks()


def test_each_failed_run_is_reported_once_without_secrets(
    webhook: Webhook, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sensor = failure_alerts(settings_for(webhook.url, tmp_path), running=True)
    defs = dg.Definitions(jobs=[nightly], sensors=[sensor])
    with dg.DagsterInstance.ephemeral() as instance, caplog.at_level(logging.DEBUG):

        def tick(cursor: str | None) -> dg.SensorExecutionData:
            context = dg.build_sensor_context(
                instance=instance, cursor=cursor, repository_def=defs.get_repository_def()
            )
            return sensor.evaluate_tick(context)

        begun = tick(None)
        job = defs.resolve_job_def("nightly")
        failed = [
            job.execute_in_process(instance=instance, raise_on_error=False, tags={"dagster/partition": "2026-11-17"})
            for _ in range(2)
        ]
        first = tick(begun.cursor)
        tick(first.cursor)
    assert sorted(told["run_id"] for told in webhook.got) == sorted(result.run_id for result in failed)
    for told in webhook.got:
        assert (told["job"], told["partition"]) == ("nightly", "2026-11-17")
        assert "could not log in with [secret]" in told["text"]
        assert SECRET not in json.dumps(told)
    assert "hook-token" not in caplog.text


def test_a_webhook_that_is_down_for_a_moment_gets_the_alert(webhook: Webhook, tmp_path: Path) -> None:
    webhook.statuses = [503, 429]
    deliver(settings_for(webhook.url, tmp_path), {"text": "x"})
    assert webhook.got == [{"text": "x"}] * 3


@pytest.mark.parametrize("status", [301, 404])
def test_a_webhook_that_refuses_is_reported_once_and_its_redirect_not_followed(
    webhook: Webhook, tmp_path: Path, status: int
) -> None:
    webhook.statuses = [status]
    with pytest.raises(AlertNotDelivered, match=str(status)) as raised:
        deliver(settings_for(webhook.url, tmp_path), {"text": "x"})
    assert len(webhook.got) == 1
    assert "hook-token" not in str(raised.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/hook-token", "hook-token", "ftp://host/hook-token"])
def test_a_missing_webhook_is_reported_without_its_address(tmp_path: Path, url: str) -> None:
    with pytest.raises(AlertNotDelivered) as raised:
        deliver(settings_for(url, tmp_path), {"text": "x"})
    told = serializable_error_info_from_exc_info((type(raised.value), raised.value, raised.tb))
    assert "hook-token" not in str(told)


def test_without_a_webhook_the_log_has_it(tmp_path: Path) -> None:
    sensor = failure_alerts(Settings(home=tmp_path), running=False)
    with dg.DagsterInstance.ephemeral() as instance:
        result = nightly.execute_in_process(instance=instance, raise_on_error=False)
        context = dg.build_run_status_sensor_context(
            sensor_name="failure_alerts",
            dagster_instance=instance,
            dagster_run=result.dagster_run,
            dagster_event=result.all_events[-1],
        ).for_run_failure()
        assert sensor(context) is None


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"iceberg_catalog_uri": "jdbc:postgresql://me:hush@host/db"}, "login of me with hush refused"),
        ({"iceberg_catalog_uri": "jdbc:postgresql://host/db?password=h%20ush"}, "password 'h ush' refused"),
        ({"iceberg_catalog_properties": {"jdbc.password": "hush"}}, "jdbc.password hush refused"),
        ({"spark_config": {"spark.hadoop.fs.s3a.secret.key": "hush"}}, "key hush refused"),
        ({}, "could not reach jdbc:postgresql://other:hush@host/db"),
    ],
)
def test_a_password_within_another_setting_is_not_printed(tmp_path: Path, setting: dict[str, Any], said: str) -> None:
    told = message(Settings(home=tmp_path, **setting), dg.DagsterRun("nightly"), [("step", said)])
    assert "ush" not in json.dumps(told)


def test_a_secret_of_the_environment_is_not_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG")
    monkeypatch.setenv("SOME_TOOL_TOKEN", "hushhush")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/sts")
    said = "'wJalrXUtnFEMI/K7MDENG' and hushhush; no file /var/run/secrets/sts"
    told = message(Settings(home=tmp_path), dg.DagsterRun("nightly"), [("step", said)])
    assert told["errors"][0]["error"] == "'[secret]' and [secret]; no file /var/run/secrets/sts"


@pytest.mark.parametrize(
    "said",
    ["<!channel> [/b]", "<https://evil.example|ok>", "[ok](https://evil.example)", "@everyone", "`x`", "\x1b[2J"],
)
def test_an_alert_contains_no_links_or_mentions(tmp_path: Path, said: str) -> None:
    text = message(Settings(home=tmp_path), dg.DagsterRun("nightly"), [("step", f"answered {said}")])["text"]
    assert not re.search(r"[<>`@\x1b]|\]\(", text)
    assert "answered" in text


def test_a_failed_range_is_reported_with_its_first_and_last_partition(tmp_path: Path) -> None:
    tags = {"dagster/asset_partition_range_start": "2026-11-12", "dagster/asset_partition_range_end": "2026-11-15"}
    told = message(Settings(home=tmp_path), dg.DagsterRun("nightly", tags=tags), [])
    assert told["partition"] == "2026-11-12 to 2026-11-15"


@dg.asset
def counted() -> None: ...


@dg.asset_check(asset=counted)
def within_limit() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False)


@dg.asset_check(asset=counted)
def on_time() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN)


@dg.asset_check(asset=counted)
def reconciled() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


def test_failed_checks_of_a_run_that_succeeded_are_reported_once(webhook: Webhook, tmp_path: Path) -> None:
    """The run is green, so nothing else would report them. Warnings and passed checks are not reported."""
    sensor = check_alerts(settings_for(webhook.url, tmp_path), running=True)
    jobs = [
        dg.define_asset_job("all_checks", selection=dg.AssetSelection.all()),
        dg.define_asset_job(
            "good_checks",
            selection=dg.AssetSelection.all() - dg.AssetSelection.checks(within_limit),
        ),
    ]
    defs = dg.Definitions([counted], jobs=jobs, sensors=[sensor], asset_checks=[within_limit, on_time, reconciled])
    with dg.DagsterInstance.ephemeral() as instance:

        def tick(cursor: str | None) -> dg.SensorExecutionData:
            context = dg.build_sensor_context(
                instance=instance, cursor=cursor, repository_def=defs.get_repository_def()
            )
            return sensor.evaluate_tick(context)

        begun = tick(None)
        tags = {"dagster/partition": "2026-11-17"}
        reported = defs.resolve_job_def("all_checks").execute_in_process(instance=instance, tags=tags)
        quiet = defs.resolve_job_def("good_checks").execute_in_process(instance=instance)
        first = tick(begun.cursor)
        tick(first.cursor)
    assert reported.success
    assert quiet.success
    (alert,) = webhook.got
    assert (alert["run_id"], alert["job"], alert["partition"]) == (reported.run_id, "all_checks", "2026-11-17")
    assert alert["checks"] == ["counted within_limit"]
    assert "counted within_limit" in alert["text"]
