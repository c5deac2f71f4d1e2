"""Checks within a second whether a bucket in the settings can be listed.

Belongs here: the check, and what to type if it fails. Does not belong here: when it is made (preflight.py).
"""

from __future__ import annotations

from shlex import quote

import typer
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
)

from steam_assets.aws_client import aws_client
from steam_assets.commands.preflight import CONTACT_SECONDS
from steam_assets.outages import LOG_IN, kind_of
from steam_assets.settings import Settings

AT_ONCE = Config(
    connect_timeout=CONTACT_SECONDS,
    read_timeout=4 * CONTACT_SECONDS,
    retries={"total_max_attempts": 1},
    s3={"addressing_style": "path"},
)


def require_bucket(settings: Settings, address: str, name: str) -> None:
    """Raise typer.BadParameter if an ``s3://`` address, set or given by ``name``, cannot be listed."""
    if problem := _problem(settings, address, name):
        raise typer.BadParameter(problem)


def _problem(settings: Settings, address: str, name: str) -> str | None:
    bucket, _, prefix = address.removeprefix("s3://").rstrip("/").partition("/")
    try:
        s3 = aws_client(
            "s3", region_name=settings.aws_region, endpoint_url=settings.s3_endpoint_url or None, config=AT_ONCE
        )
        s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/" if prefix else "", MaxKeys=1)
    except (NoCredentialsError, PartialCredentialsError):
        return f"there are no AWS credentials for {address}; {LOG_IN}"
    except ProfileNotFound as error:
        return f"{error}; correct AWS_PROFILE, or {LOG_IN}"
    except ParamValidationError:
        return f"{bucket!r} is not a bucket name; correct {name}"
    except ClientError as error:
        return _refused(error, settings, address, name)
    except (BotoCoreError, ValueError) as error:
        where = f"STEAM_S3_ENDPOINT_URL ({settings.s3_endpoint_url})" if settings.s3_endpoint_url else "the network"
        return f"S3 does not respond for {address} ({type(error).__name__}); check {where}"
    return None


def _refused(error: ClientError, settings: Settings, address: str, name: str) -> str | None:
    code = str(error.response.get("Error", {}).get("Code", ""))
    bucket = address.removeprefix("s3://").partition("/")[0]
    elsewhere = f" --endpoint-url {settings.s3_endpoint_url}" if settings.s3_endpoint_url else ""
    match kind_of(code, str(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))):
        case "no bucket":
            return f"there is no bucket {bucket}; correct {name}, or type aws s3 mb s3://{bucket}{elsewhere}"
        case "elsewhere":
            return f"the bucket {bucket} is not in the region {settings.aws_region}; correct STEAM_AWS_REGION"
        case "credentials":
            return f"S3 refused the AWS credentials for {address} ({code}); {LOG_IN}"
        case "transient":
            # The work itself repeats its requests.
            return None
        case "denied" | "refused":
            listed = f"aws s3 ls {quote(address)}{elsewhere}"
            return f"S3 refused to list {address} ({code}); type {listed}, and allow s3:ListBucket"
