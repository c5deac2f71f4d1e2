"""The checks of ``doctor`` for the four roots; they neither create nor mark one.

Belongs here: inspecting roots. Does not belong here: the rules for roots (lake/roots.py).
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from steam_assets.aws_client import aws_client
from steam_assets.commands.doctor_checks import CONTACT_SECONDS, Finding, fine, note, problem
from steam_assets.lake.roots import (
    MARKER,
    ROOT_NAMES,
    UnsafeRoot,
    check_roots,
    root_variable,
    warehouse,
    web_page_instead,
)
from steam_assets.outages import kind_of
from steam_assets.settings import RootName, Settings
from steam_assets.writable_folders import unwritable

PATIENT = Config(connect_timeout=CONTACT_SECONDS, read_timeout=CONTACT_SECONDS, retries={"total_max_attempts": 2})
LEAST_FREE = 2 << 30
"""Bytes: about what Spark's spill, a raw partition and its backup need."""


def check_four_roots(settings: Settings) -> Iterator[Finding]:
    """The roots are separate, ours, writable and have space; on S3 they are also reachable."""
    try:
        check_roots(settings)
    except UnsafeRoot as error:
        yield problem("Roots", str(error), _unset(*ROOT_NAMES))
        return
    for name in ROOT_NAMES:
        address = settings.root(name)
        yield (
            _on_s3(name, address, settings) if address.startswith("s3://") else _on_disk(name, Path(address), settings)
        )


def _unset(*names: RootName) -> str:
    return f"unset {' '.join(map(root_variable, names))}   # the defaults are below STEAM_HOME"


def _on_disk(name: RootName, folder: Path, settings: Settings) -> Finding:
    title = f"Root {name}"
    refused = unwritable(folder)
    if refused:
        return problem(title, refused, f'sudo mkdir -p {(q := shlex.quote(str(folder)))} && sudo chown "$USER" {q}')
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(nearest).free
    if free < LEAST_FREE:
        return problem(title, f"{folder}: {_gib(free)} free of {_gib(LEAST_FREE)}", "steam-assets housekeeping --apply")
    if not folder.exists():
        return note(title, f"{folder} will be created on first use; {_gib(free)} free")
    marker = folder / MARKER
    if not marker.is_file():
        if any(folder.iterdir()):
            return problem(
                title, f"{folder} contains files but no {MARKER}: steam-assets did not create it", _unset(name)
            )
        return note(title, f"{folder} is empty; {_gib(free)} free")
    return _marked(settings, name, marker.read_bytes(), f"{_gib(free)} free")


def _on_s3(name: RootName, address: str, settings: Settings) -> Finding:
    title = f"Root {name}"
    bucket = address.removeprefix("s3://").partition("/")[0]
    elsewhere = f" --endpoint-url {shlex.quote(settings.s3_endpoint_url)}" if settings.s3_endpoint_url else ""
    prefix = address.removeprefix(f"s3://{bucket}").strip("/")
    below = f"{prefix}/" if prefix else ""
    try:
        # boto3's errors are more specific than Arrow's: which bucket, which permission.
        s3 = aws_client(
            "s3", region_name=settings.aws_region, endpoint_url=settings.s3_endpoint_url or None, config=PATIENT
        )
        listing = s3.list_objects_v2(Bucket=bucket, Prefix=below, MaxKeys=10)
        if "KeyCount" not in listing:
            return problem(title, web_page_instead(address), "unset STEAM_S3_ENDPOINT_URL   # or correct it")
        names = [one["Key"] for one in listing.get("Contents", ())]
        marker = f"{below}{MARKER}"
        found = s3.get_object(Bucket=bucket, Key=marker)["Body"].read() if marker in names else None
        occupied = found is None and bool(names)
    except (BotoCoreError, ClientError, OSError) as error:
        if isinstance(error, ClientError) and error.response["Error"]["Code"] == "NoSuchBucket":
            return problem(title, f"there is no bucket {bucket}", f"aws s3 mb s3://{shlex.quote(bucket)}{elsewhere}")
        if isinstance(error, ClientError) and kind_of(error.response["Error"]["Code"]) == "transient":
            return problem(title, f"{address}: {error}", "steam-assets doctor   # again later")
        listed = f"aws s3 ls {shlex.quote(address)}{elsewhere}"
        return problem(title, f"{address}: {error}", f"aws configure && {listed}   # credentials, network, endpoint")
    if occupied:
        return problem(
            title, f"{address} contains objects but no {MARKER}: steam-assets did not create it", _unset(name)
        )
    return note(title, f"{address} is empty") if found is None else _marked(settings, name, found, "reachable")


def _marked(settings: Settings, name: RootName, marker: bytes, more: str) -> Finding:
    address = settings.root(name)
    try:
        mark = json.loads(marker)
        made_as, made_at = str(mark["root"]), str(mark["warehouse"])
    except (ValueError, KeyError, TypeError):
        place = shlex.quote(f"{address}/{MARKER}")
        into = f"| aws s3 cp - {place}" if address.startswith("s3://") else f"> {place}"
        ours = json.dumps({"root": name, "warehouse": warehouse(settings, name)})
        fix = f"echo {shlex.quote(ours)} {into}   # after making sure that it is this root"
        return problem(f"Root {name}", f"{MARKER} in {address} is damaged", fix)
    if made_as != name:
        return problem(f"Root {name}", f"{address} is marked as {made_as[:20]!r}", _unset(name))
    if made_at != warehouse(settings, name):
        return problem(f"Root {name}", f"{address} was created at {made_at}", "steam-assets relocate")
    return fine(f"Root {name}", f"{address}, {more}")


def _gib(size: int) -> str:
    return f"{size / (1 << 30):.1f} GiB"
