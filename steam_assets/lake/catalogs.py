"""The four Iceberg catalogs of a lake, one per root, as Spark and pyiceberg open them by name.

Belongs here: names, addresses and properties of catalogs. Does not belong here: tables (iceberg_table.py), markers of
roots (roots.py).

On a disk each root holds its own catalog, an SQLite file that Spark's JDBC catalog and pyiceberg's SQL catalog share,
so that a backup folder is self-contained. A setting selects AWS Glue, a REST service or PostgreSQL instead.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode

from steam_assets.extras import require
from steam_assets.lake.roots import UnsafeRoot, warehouse
from steam_assets.outages import raise_outage
from steam_assets.settings import RootName, Settings, private_folder
from steam_assets.sqlite_files import fault_in

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

ICEBERG = "org.apache.iceberg.spark"
CATALOG_FILE = "catalog.db"
REST_CATALOG = "steam_assets.lake.rest_catalog.PatientRestCatalog"
TABLE_FILES = "steam_assets.lake.checked_manifests.TableFileIO"
BUSY_SECONDS = 30
"""How long a commit waits for another process that writes the same SQLite file."""


class UnusableCatalog(Exception):
    """An SQLite catalog is locked, cannot be read or written, or is not a file; nothing was changed."""


@dataclass(frozen=True)
class CatalogName:
    """``catalog`` is its name in Spark and pyiceberg; ``namespace`` is the database that holds the root's tables.

    Namespaces differ between the roots, because in Glue all four share one level.
    """

    catalog: str
    namespace: str


CATALOGS: dict[RootName, CatalogName] = {
    "raw": CatalogName("raw", "steam_raw"),
    "raw-backup": CatalogName("raw_backup", "steam_raw_backup"),
    "clean": CatalogName("clean", "steam"),
    "clean-backup": CatalogName("clean_backup", "steam_backup"),
}


POSTGRESQL_TIMEOUTS = {
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
"""Parameters of libpq, which waits for ever by default: for a server that accepts connections but does not respond, and
for one whose machine is gone. Seconds, the last one milliseconds."""

JDBC_TIMEOUTS = {"jdbc.loginTimeout": "10", "jdbc.socketTimeout": "60"}
"""The same for Spark's driver, in seconds."""


def root_of(catalog: Catalog) -> RootName:
    """The root that an open catalog belongs to."""
    return next(root for root, name in CATALOGS.items() if name.catalog == catalog.name)


def open_catalog(settings: Settings, root: RootName) -> Catalog:
    """Open the root's catalog without a JVM, and create its namespace. Each call opens its own connections.

    If its SQLite file cannot be used, now or later, this or a call of the catalog raises UnusableCatalog, or UnsafeRoot
    if it is damaged.
    """
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.exceptions import NamespaceAlreadyExistsError
    from sqlalchemy import ExceptionContext, event
    from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

    name = CATALOGS[root]
    if settings.iceberg_catalog == "sqlite":
        private_folder(sqlite_file(settings, root).parent)
    # If two processes create a catalog concurrently, the database reports to one that it already exists.
    made_meanwhile = retry_if_exception_type((OperationalError, IntegrityError))
    attempts = Retrying(retry=made_meanwhile, stop=stop_after_attempt(3), wait=wait_fixed(0.2), reraise=True)
    try:
        catalog = attempts(_client, settings, root)
    except DatabaseError as error:
        raise unusable_catalog(settings, str(error), [root]) or error from None
    if isinstance(catalog, SqlCatalog):

        def named(context: ExceptionContext) -> None:
            if unusable := unusable_catalog(settings, str(context.original_exception), [root]):
                raise unusable from None

        event.listen(catalog.engine, "handle_error", named)
    # Checked first: a role that may use a Glue database may not be allowed to create one.
    if not catalog.namespace_exists(name.namespace):
        with suppress(NamespaceAlreadyExistsError, IntegrityError):
            catalog.create_namespace(name.namespace)
    return catalog


def contact(settings: Settings, root: RootName) -> None:
    """Ask the service of a root's catalog for the root's namespace, which changes nothing.

    Raises Unavailable if the service refuses, fails or does not respond; other errors of its client pass.
    """
    from pyiceberg.catalog.sql import SqlCatalog

    try:
        catalog = _client(settings, root, init_catalog_tables="false")
        if isinstance(catalog, SqlCatalog):
            # Its tables are created on first use.
            catalog.engine.connect().close()
        else:
            catalog.namespace_exists(CATALOGS[root].namespace)
    except Exception as error:
        raise_outage(error)
        raise


def _client(settings: Settings, root: RootName, **more: str) -> Catalog:
    from pyiceberg.catalog import PY_CATALOG_IMPL, TYPE, load_catalog
    from pyiceberg.io import PY_IO_IMPL

    properties = {PY_IO_IMPL: TABLE_FILES, **pyiceberg_properties(settings, root), **more}
    if properties.get(TYPE) == "rest":
        properties[PY_CATALOG_IMPL] = REST_CATALOG
        del properties[TYPE]
    return load_catalog(CATALOGS[root].catalog, **properties, **_session(settings))


def unusable_catalog(
    settings: Settings, failure: str, roots: Iterable[RootName] = tuple(CATALOGS)
) -> UnusableCatalog | UnsafeRoot | None:
    """What is wrong with an SQLite catalog, if the text of a failure, of Spark too, reports that; else None."""
    if settings.iceberg_catalog != "sqlite":
        return None
    files: dict[Path, RootName] = {sqlite_file(settings, root): root for root in roots}
    fault = fault_in(failure, files)
    if fault is None:
        return None
    if fault.kind == "damaged":
        return lost_catalog(settings, files[fault.place], "its file is damaged")
    return UnusableCatalog(fault)


def lost_catalog(settings: Settings, root: RootName, why: str) -> UnsafeRoot:
    return UnsafeRoot(
        f"the catalog of the tables in {settings.root(root)} is lost or damaged ({why}), but the tables exist; "
        f"rebuild it from them: `steam-assets catalog rebuild --root {root}`"
    )


@contextmanager
def read_metadata(catalog: Catalog, table: str, location: str) -> Generator[None]:
    """Raise UnsafeRoot if the metadata file that a catalog has for a table is lost or damaged."""
    from pyiceberg.exceptions import ValidationError

    try:
        yield
    except UnsafeRoot:  # Also a ValueError; the catalog itself is damaged.
        raise
    except Exception as error:
        raise_outage(error, f"{location}/metadata")
        if not isinstance(error, ValidationError | ValueError | FileNotFoundError):
            raise
        raise UnsafeRoot(
            f"the current metadata of table {table} in {location}/metadata is lost or damaged "
            f"({type(error).__name__}); `steam-assets catalog rebuild --root {root_of(catalog)}`"
            " names its file, and what to do"
        ) from error


def _session(settings: Settings) -> dict[str, Any]:
    """The session of Glue's client. By itself pyiceberg parses AWS's service descriptions for each catalog."""
    if settings.iceberg_catalog != "glue":
        return {}
    from steam_assets.aws_client import aws_session

    return {"botocore_session": aws_session()}


def table_location(settings: Settings, root: RootName, table: str) -> str:
    return f"{warehouse(settings, root)}/{CATALOGS[root].namespace}/{table}"


def sqlite_file(settings: Settings, root: RootName) -> Path:
    """The SQLite file of a root's catalog: in the root on a disk, or in HOME for a root on an S3 server."""
    address = settings.root(root)
    if not address.startswith("s3://"):
        return Path(address) / CATALOG_FILE
    place = hashlib.sha256(address.encode()).hexdigest()[:12]
    return settings.home.absolute() / "catalogs" / f"{CATALOGS[root].catalog}-{place}.db"


def pyiceberg_properties(settings: Settings, root: RootName) -> dict[str, str]:
    """The properties for ``pyiceberg.catalog.load_catalog``, without credentials, which the AWS SDK finds itself."""
    properties = {"warehouse": warehouse(settings, root), "s3.region": settings.aws_region}
    if settings.s3_endpoint_url:
        properties["s3.endpoint"] = settings.s3_endpoint_url
    match settings.iceberg_catalog:
        case "sqlite":
            # SQLAlchemy decodes the path itself.
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
        # Python commits to the same tables, so a table cached by Spark would be stale.
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
    if settings.iceberg_catalog == "jdbc":
        properties |= JDBC_TIMEOUTS
    if settings.root(root).startswith("s3://"):
        properties |= {"io-impl": "org.apache.iceberg.aws.s3.S3FileIO", "client.region": settings.aws_region}
        if settings.s3_endpoint_url:
            properties |= {"s3.endpoint": settings.s3_endpoint_url, "s3.path-style-access": "true"}
    if settings.iceberg_catalog == "glue" and settings.glue_endpoint_url:
        properties["glue.endpoint"] = settings.glue_endpoint_url
    properties |= settings.iceberg_catalog_properties
    return {prefix: f"{ICEBERG}.SparkCatalog"} | {f"{prefix}.{key}": value for key, value in properties.items()}


def _sqlalchemy_uri(settings: Settings) -> str:
    """``jdbc:postgresql://host:port/database?user=…&password=…`` as a SQLAlchemy URL."""
    require("postgres", "STEAM_ICEBERG_CATALOG=jdbc")
    address, _, query = settings.iceberg_catalog_uri.removeprefix("jdbc:").partition("?")
    options = POSTGRESQL_TIMEOUTS | dict(parse_qsl(query))
    properties = settings.iceberg_catalog_properties
    named = {"user": properties.get("jdbc.user"), "password": properties.get("jdbc.password")}
    options |= {key: value for key, value in named.items() if value}
    scheme, _, rest = address.partition("://")
    return f"{scheme}+psycopg2://{rest}" + (f"?{urlencode(options)}" if options else "")
