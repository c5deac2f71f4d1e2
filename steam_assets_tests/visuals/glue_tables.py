"""Iceberg tables in a Glue catalog on moto's server, committed without a JVM.

Belongs here: making and committing tables for tests of what reads Glue. Does not belong here: assertions.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pytest
from botocore.client import Config
from pyiceberg.catalog import Catalog

from steam_assets.aws_client import aws_client
from steam_assets.lake.catalogs import CATALOGS, open_catalog
from steam_assets.lake.roots import open_root
from steam_assets.settings import Settings

NAMESPACE = CATALOGS["clean"].namespace
SCHEMA = pa.schema([("app_id", pa.int64()), ("partition_key", pa.string())])


@dataclass
class GlueTables:
    """A clean root in its own bucket, and its tables; ``settings`` can be changed further."""

    endpoint: str
    bucket: str = field(default_factory=lambda: f"steam-clean-{uuid4().hex[:8]}")

    def __post_init__(self) -> None:
        if "STEAM_TEST_S3_ENDPOINT" in os.environ:
            pytest.skip("STEAM_TEST_S3_ENDPOINT names a server that has no Glue")
        path_style = Config(s3={"addressing_style": "path"})
        s3 = aws_client("s3", endpoint_url=self.endpoint, region_name="us-east-1", config=path_style)
        s3.create_bucket(Bucket=self.bucket)
        glue = aws_client("glue", endpoint_url=self.endpoint, region_name="us-east-1")
        for database in glue.get_databases()["DatabaseList"]:
            glue.delete_database(Name=database["Name"])

    def settings(self, **changes: Any) -> Settings:
        given: dict[str, Any] = {
            "clean_root": f"s3://{self.bucket}",
            "s3_endpoint_url": self.endpoint,
            "iceberg_catalog": "glue",
            "glue_endpoint_url": self.endpoint,
        }
        return Settings(**(given | changes))

    def commit(self, table: str, rows: int) -> int:
        """Commit this many additional rows; return the table's snapshot."""
        catalog = self._catalog
        name = (NAMESPACE, table)
        there = catalog.load_table(name) if catalog.table_exists(name) else catalog.create_table(name, SCHEMA)
        there.append(pa.Table.from_pylist([{"app_id": n, "partition_key": "2026-11-17"} for n in range(rows)], SCHEMA))
        snapshot = there.current_snapshot()
        assert snapshot is not None
        return snapshot.snapshot_id

    def rows(self, table: str) -> int:
        return self._catalog.load_table((NAMESPACE, table)).scan().count()

    @cached_property
    def _catalog(self) -> Catalog:
        # Write the marker while the root is empty, as a run does before it writes there.
        open_root(self.settings(), "clean")
        return open_catalog(self.settings(), "clean")
