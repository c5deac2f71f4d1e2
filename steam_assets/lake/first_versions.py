"""Backup files on S3 that somebody overwrote: which they are, and putting their first versions back.

Belongs here: versions of objects. Does not belong here: whether a backup is good (``verify`` of backup.py).

The product gives each file of a table a new name and never writes it again, so of several versions of one only the
first is its own. The stack keeps all versions in the backups' buckets (aws/steam-assets.yaml).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from pydantic import BaseModel, TypeAdapter

from steam_assets.aws_client import AwsClient, aws_client
from steam_assets.lake.roots import on_s3
from steam_assets.settings import RootName, Settings

TABLE_FILES = (".parquet", ".avro", ".metadata.json")
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Overwritten:
    """A file whose content is not that of its ``first`` version, and when it was last overwritten."""

    bucket: str
    name: str
    first: str
    at: datetime

    @property
    def address(self) -> str:
        return f"s3://{self.bucket}/{self.name}"


class _Version(BaseModel):
    Key: str
    VersionId: str
    LastModified: datetime


_VERSIONS = TypeAdapter(list[_Version])


def overwritten(settings: Settings, root: RootName) -> Iterator[Overwritten]:
    """The overwritten table files of a root, by name; none in a folder, or in a bucket without versions."""
    if not on_s3(settings.root(root)):
        return
    s3, (bucket, _, prefix) = _client(settings), settings.root(root).removeprefix("s3://").partition("/")
    for name, group in groupby(_versions(s3, bucket, prefix and f"{prefix}/"), attrgetter("Key")):
        # S3 lists the newest version of an object first; their times have whole seconds.
        versions = [*group]
        newest, first = versions[0], versions[-1]
        if len(versions) > 1 and _digest(s3, bucket, first) != _digest(s3, bucket, newest):
            yield Overwritten(bucket, name, first.VersionId, newest.LastModified)


def put_back(settings: Settings, found: Overwritten) -> None:
    """Make the first version the newest, by a copy; no version is deleted."""
    origin = {"Bucket": found.bucket, "Key": found.name, "VersionId": found.first}
    _client(settings).copy_object(Bucket=found.bucket, Key=found.name, CopySource=origin)


def _client(settings: Settings) -> AwsClient:
    return aws_client("s3", region_name=settings.aws_region, endpoint_url=settings.s3_endpoint_url or None)


def _versions(s3: AwsClient, bucket: str, prefix: str) -> Iterator[_Version]:
    """The versions of table files, those of a file one after the other."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        found = _VERSIONS.validate_python(page.get("Versions", []))
        yield from (version for version in found if version.Key.endswith(TABLE_FILES))


def _digest(s3: AwsClient, bucket: str, version: _Version) -> bytes:
    """The SHA-256 of a version. S3's ETag would do only for objects that were written in the same way."""
    body = s3.get_object(Bucket=bucket, Key=version.Key, VersionId=version.VersionId)["Body"]
    digest = hashlib.sha256()
    for block in body.iter_chunks(BLOCK_BYTES):
        digest.update(block)
    return digest.digest()
