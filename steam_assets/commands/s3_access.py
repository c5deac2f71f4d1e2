"""Checks within a second whether a bucket in the settings can be listed.

Belongs here: the check, and what to type if it fails. Does not belong here: when it is made (preflight.py).
"""

from __future__ import annotations

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
from steam_assets.lake.roots import root_variable
from steam_assets.settings import RootName, Settings

AT_ONCE = Config(
    connect_timeout=CONTACT_SECONDS,
    read_timeout=4 * CONTACT_SECONDS,
    retries={"total_max_attempts": 1},
    s3={"addressing_style": "path"},
)
LOG_IN = "run `aws configure`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"


def require_bucket(settings: Settings, bucket: str, root: RootName) -> None:
    """Raise typer.BadParameter if the bucket of ``root`` cannot be listed."""
    if problem := _problem(settings, bucket, root):
        raise typer.BadParameter(problem)


def _problem(settings: Settings, bucket: str, root: RootName) -> str | None:
    address, variable = settings.root(root), root_variable(root)
    prefix = address.removeprefix(f"s3://{bucket}").strip("/")
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
        return f"{bucket!r} is not a bucket name; correct {variable}"
    except ClientError as error:
        return _refused(error, settings, bucket, root)
    except (BotoCoreError, ValueError) as error:
        where = f"STEAM_S3_ENDPOINT_URL ({settings.s3_endpoint_url})" if settings.s3_endpoint_url else "the network"
        return f"S3 does not respond for {address} ({type(error).__name__}); check {where}"
    return None


def _refused(error: ClientError, settings: Settings, bucket: str, root: RootName) -> str:
    code = str(error.response.get("Error", {}).get("Code", ""))
    address, variable = settings.root(root), root_variable(root)
    elsewhere = f" --endpoint-url {settings.s3_endpoint_url}" if settings.s3_endpoint_url else ""
    if code == "NoSuchBucket":
        return f"there is no bucket {bucket}; correct {variable}, or type aws s3 mb s3://{bucket}{elsewhere}"
    if code in ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"):
        return f"the bucket {bucket} is not in the region {settings.aws_region}; correct STEAM_AWS_REGION"
    if code in ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"):
        return f"S3 refused the AWS credentials for {address} ({code}); {LOG_IN}"
    return f"S3 refused to list {address} ({code}); type aws s3 ls {address}{elsewhere}, and allow s3:ListBucket"
