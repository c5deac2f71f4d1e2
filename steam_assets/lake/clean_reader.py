"""Reading clean tables without a JVM, through pyiceberg, as Arrow.

Belongs here: opening a table as it was last committed. Does not belong here: writing (clean_tables.py, by Spark).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import pyarrow as pa
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.expressions import AlwaysTrue, In
from pyiceberg.table import StaticTable, Table

from steam_assets.lake.clean_tables import NAMESPACE
from steam_assets.lake.open_store import open_store
from steam_assets.lake.spark_session import CLEAN, warehouse
from steam_assets.settings import Settings


class CleanReader:
    """The clean tables of ``settings`` as of now; each call sees the newest commit, whole."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def table(self, name: str) -> Table | None:
        """The Iceberg table, or None if it was never made."""
        if self._settings.iceberg_catalog == "hadoop":
            return self._from_metadata_file(name)
        try:
            return self._catalog.load_table((NAMESPACE, name))
        except NoSuchTableError:
            return None

    def arrow(self, name: str, keys: Sequence[str] | None = None, columns: Sequence[str] = ("*",)) -> pa.Table | None:
        """The rows of some partitions, or of all; None if the table was never made."""
        table = self.table(name)
        if table is None or table.current_snapshot() is None:
            return None
        rows = AlwaysTrue() if keys is None else In("partition_key", list(keys))  # pyright: ignore[reportCallIssue] - its __init__ is hidden by pydantic
        return table.scan(row_filter=rows, selected_fields=tuple(columns)).to_arrow()

    @cached_property
    def _catalog(self) -> Catalog:
        return load_catalog(CLEAN, **self._properties())

    def _from_metadata_file(self, name: str) -> Table | None:
        root = self._settings.root("clean")
        store = open_store(root, self._settings)
        folder = f"warehouse/{NAMESPACE}/{name}/metadata"
        if store.stat(f"{folder}/version-hint.text") is None:
            return None
        version = int(store.read(f"{folder}/version-hint.text"))
        location = f"{warehouse(self._settings, root)}/{NAMESPACE}/{name}/metadata/v{version}.metadata.json"
        return StaticTable.from_metadata(location, self._properties())

    def _properties(self) -> dict[str, str]:
        settings = self._settings
        properties = {"type": settings.iceberg_catalog, "s3.region": settings.aws_region}
        if settings.iceberg_catalog_uri:
            properties["uri"] = settings.iceberg_catalog_uri
        if settings.s3_endpoint_url:
            properties["s3.endpoint"] = settings.s3_endpoint_url
        if settings.iceberg_catalog == "glue":
            properties["glue.region"] = settings.aws_region
        if settings.glue_endpoint_url:
            properties["glue.endpoint"] = settings.glue_endpoint_url
        return properties | settings.iceberg_catalog_properties
