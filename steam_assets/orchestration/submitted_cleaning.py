"""Cleaning outside the run's process: ``spark/clean_job.py`` by spark-submit or on EMR Serverless, through Pipes.

Belongs here: starting the job and waiting for it. Does not belong here: what it does, and checking its result (the
asset reads the ledger).
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import dagster as dg
import pyspark

from steam_assets.aws_client import AwsClient
from steam_assets.java.jars import SPARK
from steam_assets.lake.roots import ROOT_NAMES
from steam_assets.orchestration.failures import permanent
from steam_assets.settings import Settings
from steam_assets.spark import clean_job
from steam_assets.spark.session import prepare_process, properties_file, server_config, spark_config

SCRIPT = Path(clean_job.__file__)
ENVIRONMENT = "environment.tar.gz"
MAY_HOLD_SECRETS = ("iceberg_catalog_uri", "iceberg_catalog_properties", "spark_config")
"""Spark settings that may hold secrets; the job itself reads those that come from the secret."""


class Submission(Protocol):
    """Runs the cleaning command with ``arguments``; returns once it has succeeded."""

    def run(self, context: dg.AssetExecutionContext, arguments: Sequence[str]) -> None: ...


def submission(settings: Settings) -> Submission | None:
    """How partitions are cleaned according to the settings; None: in the run's own process."""
    match settings.spark_runner:
        case "in-process":
            return None
        case "subprocess":
            return BySparkSubmit(settings)
        case "emr-serverless":
            return OnEmrServerless(settings)


class BySparkSubmit:
    """A separate driver on this machine, with the master from the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def run(self, context: dg.AssetExecutionContext, arguments: Sequence[str]) -> None:
        prepare_process()
        submit = Path(pyspark.__file__).parent / "bin" / "spark-submit"
        with properties_file(spark_config(self._settings)) as file:
            command = [str(submit), "--properties-file", file, SCRIPT.as_uri(), *arguments]
            environment = {"PYSPARK_DRIVER_PYTHON": sys.executable, **self._settings.environment(secrets=True)}
            dg.PipesSubprocessClient().run(context=context, command=command, env=environment)


class OnEmrServerless:
    """A job of the EMR Serverless application in the settings. It reads secrets from STEAM_SECRETS_ID, never arguments.

    ``client`` is boto3's client of the service, by default for the region in the settings.
    """

    def __init__(self, settings: Settings, client: AwsClient = None, poll_seconds: float = 10.0) -> None:
        self._settings, self._client, self._poll_seconds = settings, client, poll_seconds

    def run(self, context: dg.AssetExecutionContext, arguments: Sequence[str]) -> None:
        # Imported late: only code locations that use EMR should pay for it.
        import boto3
        from dagster_aws.pipes import PipesCloudWatchMessageReader, PipesEMRServerlessClient

        settings = self._settings
        if lacking := _lacking(settings):
            page = "docs/how-to/deployment-profiles.md"
            raise permanent(f"cleaning on EMR Serverless needs {', '.join(lacking)}; see {page}")
        logs = boto3.client("logs", region_name=settings.aws_region)
        client = PipesEMRServerlessClient(
            client=self._client or boto3.client("emr-serverless", region_name=settings.aws_region),
            message_reader=PipesCloudWatchMessageReader(client=logs),
            poll_interval=self._poll_seconds,
        )
        try:
            asked = _job_run(settings, settings.openly(), arguments)
        except ValueError as error:
            raise permanent(str(error)) from error
        client.run(context=context, start_job_run_params=asked)


def _lacking(settings: Settings) -> list[str]:
    """Missing settings without which a remote job would fail, or create different reviewer pseudonyms."""
    needed = ("emr_application_id", "emr_job_role_arn", "emr_code_root", "secrets_id")
    lacking = [f"STEAM_{name.upper()}" for name in needed if not getattr(settings, name)]
    if not settings.reviewer_hash_key.get_secret_value():
        lacking.append("STEAM_REVIEWER_HASH_KEY in that secret")
    return lacking + [f"the {name} root on S3" for name in ROOT_NAMES if not settings.root(name).startswith("s3://")]


def _job_run(settings: Settings, openly: Settings, arguments: Sequence[str]) -> dict[str, object]:
    """The request to EMR Serverless. Anyone who may list its jobs can read it: it holds only values of ``openly``."""
    code = settings.emr_code_root.rstrip("/")
    python = "./environment/bin/python"
    given = {**openly.environment(secrets=False), "STEAM_HOME": "/tmp/steam"}  # noqa: S108 - of the job's own container
    driver = {"PYSPARK_DRIVER_PYTHON": python, "PYSPARK_PYTHON": python, **given}
    public = settings.model_copy(update={name: getattr(openly, name) for name in MAY_HOLD_SECRETS})
    config = server_config(public) | {
        # EMR provides the AWS SDK and S3 access; only Iceberg's jar is missing.
        "spark.jars": ",".join(f"{code}/{_jar_name(coordinate)}" for coordinate in SPARK.coordinates),
        "spark.archives": f"{code}/{ENVIRONMENT}#environment",
        "spark.executorEnv.PYSPARK_PYTHON": python,
        **{f"spark.emr-serverless.driverEnv.{name}": value for name, value in driver.items()},
        **public.spark_config,
    }
    return {
        "applicationId": settings.emr_application_id,
        "executionRoleArn": settings.emr_job_role_arn,
        "name": " ".join(arguments)[:256],
        "jobDriver": {
            "sparkSubmit": {
                "entryPoint": f"{code}/{SCRIPT.name}",
                "entryPointArguments": list(arguments),
                "sparkSubmitParameters": " ".join(f"--conf {shlex.quote(f'{k}={v}')}" for k, v in config.items()),
            }
        },
    }


def _jar_name(coordinate: str) -> str:
    _, artifact, version = coordinate.split(":")
    return f"{artifact}-{version}.jar"
