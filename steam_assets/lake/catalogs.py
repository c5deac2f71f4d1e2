"""The four Iceberg catalogs of a lake, one a root, as Spark and pyiceberg open them by name.

Belongs here: names, addresses and properties of catalogs. Does not belong here: tables (iceberg_table.py), markers of
roots (roots.py).

On a disk each root holds its own catalog, an SQLite file that Spark's JDBC catalog and pyiceberg's SQL catalog share,
so that a backup folder is whole by itself. AWS Glue, a REST service or PostgreSQL take its place by a setting.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode

from steam_assets.extras import require
from steam_assets.settings import RootName, Settings, private_folder

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

ICEBERG = "org.apache.iceberg.spark"
CATALOG_FILE = "catalog.db"
BUSY_SECONDS = 30
"""How long a commit waits for another process that writes the same SQLite file."""


@dataclass(frozen=True)
class CatalogName:
    """``catalog`` is what Spark and pyiceberg call it; ``namespace`` is the database that holds the root's tables.

    Namespaces differ between the roots, as a Glue catalog has one level for all four.
    """

    catalog: str
    namespace: str


CATALOGS: dict[RootName, CatalogName] = {
    "raw": CatalogName("raw", "steam_raw"),
    "raw-backup": CatalogName("raw_backup", "steam_raw_backup"),
    "clean": CatalogName("clean", "steam"),
    "clean-backup": CatalogName("clean_backup", "steam_backup"),
}


def open_catalog(settings: Settings, root: RootName) -> Catalog:
    """The root's catalog without a JVM, its namespace made. Each call opens connections of its own."""
    from pyiceberg.catalog import load_catalog
    from pyiceberg.exceptions import NamespaceAlreadyExistsError
    from sqlalchemy.exc import IntegrityError, OperationalError
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

    name = CATALOGS[root]
    if settings.iceberg_catalog == "sqlite":
        private_folder(sqlite_file(settings, root).parent)
    # Of two processes that make a catalog at once, one is told by the database that it is there already.
    made_meanwhile = retry_if_exception_type((OperationalError, IntegrityError))
    attempts = Retrying(retry=made_meanwhile, stop=stop_after_attempt(3), wait=wait_fixed(0.2), reraise=True)
    catalog = attempts(load_catalog, name.catalog, **pyiceberg_properties(settings, root))
    # Asked first: who may use a database of Glue may not make one.
    if not catalog.namespace_exists(name.namespace):
        with suppress(NamespaceAlreadyExistsError, IntegrityError):
            catalog.create_namespace(name.namespace)
    return catalog


def warehouse(settings: Settings, root: RootName) -> str:
    """Where the root's tables lie, as Iceberg's metadata names it.

    On a disk it is the bare path: Hadoop and pyiceberg both take that as it is, whatever characters it has. Of a
    ``file:`` address Hadoop decodes no percent signs, and pyiceberg drops what follows ``#`` or ``?``.
    """
    return f"{settings.root(root)}/warehouse"


def table_location(settings: Settings, root: RootName, table: str) -> str:
    return f"{warehouse(settings, root)}/{CATALOGS[root].namespace}/{table}"


def sqlite_file(settings: Settings, root: RootName) -> Path:
    """The SQLite file of a root's catalog: in the root on a disk, in HOME for a root on an S3 server."""
    address = settings.root(root)
    if not address.startswith("s3://"):
        return Path(address) / CATALOG_FILE
    place = hashlib.sha256(address.encode()).hexdigest()[:12]
    return settings.home.absolute() / "catalogs" / f"{CATALOGS[root].catalog}-{place}.db"


def pyiceberg_properties(settings: Settings, root: RootName) -> dict[str, str]:
    """What ``pyiceberg.catalog.load_catalog`` takes, without credentials: those the AWS SDK finds by itself."""
    properties = {"warehouse": warehouse(settings, root), "s3.region": settings.aws_region}
    if settings.s3_endpoint_url:
        properties["s3.endpoint"] = settings.s3_endpoint_url
    match settings.iceberg_catalog:
        case "sqlite":
            # SQLAlchemy decodes the path by itself.
            file = quote(str(sqlite_file(settings, root)))
            properties |= {"type": "sql", "uri": f"sqlite:///{file}?timeout={BUSY_SECONDS}"}
        case "jdbc":
            properties |= {"type": "sql", "uri": _sqlalchemy_uri(settings)}
        case "glue":
            properties |= {"type": "glue", "glue.region": settings.aws_region}
            if settings.glue_endpoint_url:
                properties["glue.endpoint"] = settings.glue_endpoint_url
        case "rest":
            properties |= {"type": "rest", "uri": settings.iceberg_catalog_uri}
    return properties | settings.iceberg_catalog_properties


def spark_properties(settings: Settings, root: RootName) -> dict[str, str]:
    """Spark configuration of the root's catalog."""
    prefix = f"spark.sql.catalog.{CATALOGS[root].catalog}"
    kind = "jdbc" if settings.iceberg_catalog == "sqlite" else settings.iceberg_catalog
    properties = {
        "type": kind,
        "warehouse": warehouse(settings, root),
        # Python commits to the same tables: a table that Spark remembers would be an old one.
        "cache-enabled": "false",
    }
    if settings.iceberg_catalog == "sqlite":
        properties["uri"] = (
            f"jdbc:sqlite:file:{quote(str(sqlite_file(settings, root)))}?busy_timeout={1000 * BUSY_SECONDS}"
        )
    elif settings.iceberg_catalog_uri:
        properties["uri"] = settings.iceberg_catalog_uri
    if kind == "jdbc":
        properties["jdbc.schema-version"] = "V1"
    if settings.root(root).startswith("s3://"):
        properties |= {"io-impl": "org.apache.iceberg.aws.s3.S3FileIO", "client.region": settings.aws_region}
        if settings.s3_endpoint_url:
            properties |= {"s3.endpoint": settings.s3_endpoint_url, "s3.path-style-access": "true"}
    if settings.iceberg_catalog == "glue" and settings.glue_endpoint_url:
        properties["glue.endpoint"] = settings.glue_endpoint_url
    properties |= settings.iceberg_catalog_properties
    return {prefix: f"{ICEBERG}.SparkCatalog"} | {f"{prefix}.{key}": value for key, value in properties.items()}


def _sqlalchemy_uri(settings: Settings) -> str:
    """``jdbc:postgresql://host:port/database?user=…&password=…`` as SQLAlchemy names the same database."""
    require("postgres", "STEAM_ICEBERG_CATALOG=jdbc")
    address, _, query = settings.iceberg_catalog_uri.removeprefix("jdbc:").partition("?")
    options = dict(parse_qsl(query))
    properties = settings.iceberg_catalog_properties
    named = {"user": properties.get("jdbc.user"), "password": properties.get("jdbc.password")}
    options |= {key: value for key, value in named.items() if value}
    scheme, _, rest = address.partition("://")
    return f"{scheme}+psycopg2://{rest}" + (f"?{urlencode(options)}" if options else "")
