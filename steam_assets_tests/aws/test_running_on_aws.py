"""What a deployment uses on AWS besides S3 and Glue: secrets, step logs, and jobs on EMR Serverless."""

import json
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import dagster as dg  # noqa: TID251 - the job is started by a run
import pytest
import yaml
from botocore.stub import Stubber
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from steam_assets.orchestration.submitted_cleaning import OnEmrServerless
from steam_assets.settings import Settings
from steam_assets.spark import clean_job

pytestmark = [pytest.mark.slow, pytest.mark.process]

REGION = "eu-central-1"
INSTANCE = Path(__file__).resolve().parents[2] / "docker" / "dagster.aws.yaml"
JOB_ARN = f"arn:aws:emr-serverless:{REGION}:123456789012:/applications/app1/jobruns/run1"
JOB_ROLE = "arn:aws:iam::123456789012:role/steam-job-role"
ROOTS: dict[str, Any] = {
    f"{name}_root": f"s3://{name.replace('_', '-')}" for name in ("raw", "raw_backup", "clean", "clean_backup")
}
ARGUMENTS = ["top_sellers", "top_sellers", "2026-11-03", "2026-11-10"]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account used by every AWS client of this process, configured as in production by the environment alone."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
    }.items():
        monkeypatch.setenv(name, value)
    yield
    server.stop()


def kept_secret(values: dict[str, str]) -> str:
    """The name of a new secret, because moto keeps those of earlier tests."""
    name = f"steam-assets/{uuid4().hex}"
    boto3.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(values))
    return name


@pytest.mark.usefixtures("aws")
def test_secrets_come_from_secrets_manager(monkeypatch: pytest.MonkeyPatch) -> None:
    """One secret, named in the environment, holds several settings; environment variables take precedence."""
    names = ("REVIEWER_HASH_KEY", "KAFKA_SASL_PASSWORD", "ALERT_WEBHOOK_URL")
    secret = kept_secret({f"STEAM_{name}": "kept" for name in names})
    monkeypatch.setenv("STEAM_AWS_REGION", REGION)
    assert Settings().reviewer_hash_key.get_secret_value() == ""
    monkeypatch.setenv("STEAM_SECRETS_ID", secret)
    monkeypatch.setenv("STEAM_KAFKA_SASL_PASSWORD", "given")
    settings = Settings()
    assert settings.reviewer_hash_key.get_secret_value() == "kept"
    assert settings.alert_webhook_url.get_secret_value() == "kept"
    assert settings.kafka_sasl_password.get_secret_value() == "given"
    assert "kept" not in repr(settings)


@pytest.mark.usefixtures("aws")
def test_output_of_steps_is_stored_in_the_work_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The unmodified instance file puts step output below logs/, which the stack deletes after 30 days."""
    bucket = f"steam-work-{uuid4().hex[:8]}"
    monkeypatch.setenv("DAGSTER_LOG_BUCKET", bucket)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    logs = yaml.safe_load(INSTANCE.read_text(encoding="utf-8"))["compute_logs"]

    @dg.op
    def speaks() -> None:
        print("said by a step", flush=True)

    @dg.job
    def speaking() -> None:
        speaks()

    with dg.DagsterInstance.local_temp(str(tmp_path), overrides={"compute_logs": logs}) as instance:
        assert speaking.execute_in_process(instance=instance).success
    stored = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert all(key.startswith("logs/dagster/") for key in stored)
    said = [s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in stored if key.endswith(".out")]
    assert b"said by a step" in b"".join(said)


class Emr:
    """EMR Serverless by its API model: requests are validated against it, and responses are given here."""

    def __init__(self, *states: str) -> None:
        self.client = boto3.client(
            "emr-serverless", region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing"
        )
        self.asked: list[dict[str, Any]] = []
        self.client.meta.events.register_first(
            "provide-client-params.emr-serverless.StartJobRun", lambda params, **_: self.asked.append(params)
        )
        stub = Stubber(self.client)
        job = {"applicationId": "app1", "jobRunId": "run1", "arn": JOB_ARN}
        stub.add_response("start_job_run", job)
        now = datetime(2026, 11, 18, tzinfo=UTC)
        times = {"createdAt": now, "updatedAt": now, "releaseLabel": "emr-spark-8.1.0"}
        about = {"createdBy": "arn:aws:iam::123456789012:role/writer-role", "executionRole": JOB_ROLE}
        driver = {"jobDriver": {"sparkSubmit": {"entryPoint": "s3://steam-work/code/clean_job.py"}}}
        for state in states:
            run = job | times | about | driver | {"state": state, "stateDetails": f"it is {state}"}
            stub.add_response("get_job_run", {"jobRun": run})
            if state in ("RUNNING", "FAILED"):
                stub.add_response("get_dashboard_for_job_run", {"url": "https://example.invalid/"})
        arn = JOB_ARN.partition("/jobruns")[0]
        application = {"applicationId": "app1", "arn": arn, "type": "Spark", "state": "STARTED"}
        stub.add_response("get_application", {"application": application | times})
        stub.activate()


def on_emr(settings: Settings, emr: Emr) -> dg.ExecuteInProcessResult:
    @dg.asset
    def cleaned(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        OnEmrServerless(settings, emr.client, poll_seconds=0.01).run(context, ARGUMENTS)
        return dg.MaterializeResult()

    return dg.materialize([cleaned], raise_on_error=False)


OF_AWS: dict[str, Any] = ROOTS | {
    "spark_runner": "emr-serverless",
    "iceberg_catalog": "glue",
    "aws_region": REGION,
    "emr_application_id": "app1",
    "emr_job_role_arn": JOB_ROLE,
    "emr_code_root": "s3://steam-work/code/",
    "spark_config": {"spark.executor.memory": "4g", "spark.note": "two words"},
}


def settings_of_aws(**changes: Any) -> Settings:
    given: dict[str, Any] = {
        "kafka_sasl_password": SecretStr("a-password"),
        "reviewer_hash_key": SecretStr("a-hash-key"),
    }
    # Only its name is passed to the job; nothing reads it here.
    return Settings(**OF_AWS | given | changes).model_copy(update={"secrets_id": changes.get("secrets_id", "a/secret")})


def emr_config(emr: Emr) -> dict[str, str]:
    (asked,) = emr.asked
    words = shlex.split(asked["jobDriver"]["sparkSubmit"]["sparkSubmitParameters"])
    return dict(word.split("=", 1) for word in words if word != "--conf")


def driver_environment(config: dict[str, str]) -> dict[str, str]:
    prefix = "spark.emr-serverless.driverEnv."
    return {name.removeprefix(prefix): value for name, value in config.items() if name.startswith(prefix)}


def failure(result: dg.ExecuteInProcessResult) -> str:
    (event,) = result.get_step_failure_events()
    data = event.step_failure_data
    assert data.error is not None
    said = data.user_failure_data.description if data.user_failure_data else None
    return said or str(data.error.cause or data.error)


@pytest.mark.usefixtures("aws")
def test_job_on_emr_serverless_is_the_same_command_with_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The job's script, arguments and environment reproduce the deployment's settings and contain no secret."""
    settings, emr = settings_of_aws(), Emr("PENDING", "RUNNING", "SUCCESS")
    assert on_emr(settings, emr).success

    (asked,) = emr.asked
    submit = asked["jobDriver"]["sparkSubmit"]
    assert submit["entryPoint"] == "s3://steam-work/code/clean_job.py"
    parsed = clean_job._parser().parse_args(submit["entryPointArguments"])
    assert [parsed.source, ",".join(parsed.tables), *parsed.keys] == ARGUMENTS
    config = emr_config(emr)
    assert config["spark.note"] == "two words"
    assert config["spark.jars"].startswith("s3://steam-work/code/iceberg-spark-runtime")
    assert "a-password" not in json.dumps(asked)
    assert "a-hash-key" not in json.dumps(asked)

    secret = kept_secret({"STEAM_REVIEWER_HASH_KEY": "a-hash-key"})
    for name, value in driver_environment(config).items():
        monkeypatch.setenv(name, value.replace("a/secret", secret))
    there = Settings()
    same = [name for name in Settings.model_fields if name not in ("home", "secrets_id", "kafka_sasl_password")]
    assert {name: getattr(there, name) for name in same} == {name: getattr(settings, name) for name in same}


@pytest.mark.usefixtures("aws")
def test_secret_values_are_not_arguments_of_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the catalog's address nor single mapping entries are passed; the job reads them all from the secret."""
    kept = {
        "STEAM_REVIEWER_HASH_KEY": "hush-hash",
        "STEAM_ICEBERG_CATALOG_URI": "jdbc:postgresql://me:hush-uri@host/db",
        "STEAM_ICEBERG_CATALOG_PROPERTIES": '{"jdbc.password": "hush-property"}',
        "STEAM_SPARK_CONFIG": '{"spark.hadoop.note": "hush-spark"}',
    }
    given: dict[str, Any] = {"iceberg_catalog": "jdbc", "iceberg_catalog_properties": {"jdbc.user": "me"}}
    monkeypatch.setenv("STEAM_SECRETS_ID", kept_secret(kept))
    settings, emr = Settings(**OF_AWS | given), Emr("SUCCESS")
    assert settings.iceberg_catalog_properties == {"jdbc.user": "me", "jdbc.password": "hush-property"}
    assert on_emr(settings, emr).success

    assert "hush" not in json.dumps(emr.asked)
    config = emr_config(emr)
    assert config["spark.note"] == "two words"
    driver = driver_environment(config)
    assert json.loads(driver["STEAM_ICEBERG_CATALOG_PROPERTIES"]) == {"jdbc.user": "me"}
    for name, value in driver.items():
        monkeypatch.setenv(name, value)
    there = Settings()
    for name in ("iceberg_catalog_uri", "iceberg_catalog_properties", "spark_config"):
        assert getattr(there, name) == getattr(settings, name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("iceberg_catalog_uri", "jdbc:postgresql://me:hush@host/db"),
        ("iceberg_catalog_uri", "jdbc:postgresql://host/db?password=hush"),
        ("iceberg_catalog_properties", {"jdbc.password": "hush"}),
        ("spark_config", {"spark.hadoop.fs.s3a.secret.key": "hush"}),
    ],
)
@pytest.mark.usefixtures("aws")
def test_job_with_a_password_among_its_open_settings_is_not_started(name: str, value: object) -> None:
    """The error names the setting and where its value belongs, without repeating it."""
    emr = Emr()
    said = failure(on_emr(settings_of_aws(**{name: value}), emr))
    assert f"STEAM_{name.upper()}" in said
    assert "STEAM_SECRETS_ID" in said
    assert "hush" not in said
    assert emr.asked == []


@pytest.mark.usefixtures("aws")
def test_failed_job_on_emr_serverless_fails_the_run() -> None:
    """The step fails if EMR reports the job as failed."""
    assert "EMR Serverless job failed" in failure(on_emr(settings_of_aws(), Emr("RUNNING", "FAILED")))


@pytest.mark.parametrize(
    ("lacking", "named"),
    [
        ({"secrets_id": ""}, "STEAM_SECRETS_ID"),
        ({"reviewer_hash_key": SecretStr("")}, "STEAM_REVIEWER_HASH_KEY"),
        ({"emr_code_root": ""}, "STEAM_EMR_CODE_ROOT"),
        ({"clean_backup_root": "data"}, "clean-backup root"),
    ],
)
def test_job_is_not_started_without_what_it_needs(lacking: dict[str, Any], named: str) -> None:
    """The error names what is missing; a job never creates its own key for pseudonyms."""
    emr = Emr()
    assert named in failure(on_emr(settings_of_aws(**lacking), emr))
    assert emr.asked == []
