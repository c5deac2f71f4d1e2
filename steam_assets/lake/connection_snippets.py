"""The lines with which other programs open a deployment's tables by name, without this product.

Belongs here: those lines for each program, with the deployment's addresses and without its secrets. Does not belong
here: printing them (commands/lake_catalog.py), explaining them (docs/how-to/connect.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from steam_assets.java.jars import POSTGRESQL, SPARK
from steam_assets.lake.catalogs import CATALOGS, pyiceberg_properties, spark_properties
from steam_assets.lake.roots import on_s3
from steam_assets.lake.table_names import QUARANTINE
from steam_assets.settings import RootName, Settings

MOST_LINES = 4
"""Maximum number of lines to open a table."""
ICEBERG_AWS = "org.apache.iceberg:iceberg-aws-bundle:1.11.0"
"""Iceberg's own bundle for S3 and Glue."""

_SECRET = re.compile(r"pass(word|wd)?|secret|token|credential|key", re.IGNORECASE)
_NEEDED_TO_READ = {"type", "uri", "glue.region", "glue.endpoint", "s3.region", "s3.endpoint"}
"""The properties of a pyiceberg catalog that readers need; others are for writing or added by a setting."""


@dataclass(frozen=True)
class Opening:
    """``lines`` of ``language`` (python, sql, or text for instructions) open a table in ``program``.

    ``note`` states the prerequisites and how to supply secrets, which are left out; it may be empty.
    """

    program: str
    language: str
    lines: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True)
class TableName:
    """A table of one of the four catalogs."""

    root: RootName
    name: str

    @property
    def catalog(self) -> str:
        return CATALOGS[self.root].catalog

    @property
    def identifier(self) -> str:
        """The name within the catalog: database and table."""
        return f"{CATALOGS[self.root].namespace}.{self.name}"


def openings(settings: Settings, table: TableName) -> dict[str, Opening]:
    """How each program opens the table, by the program's name in options."""
    made: Mapping[str, Callable[[Settings, TableName], Opening]] = {
        "pyiceberg": _pyiceberg,
        "duckdb": _duckdb,
        "polars": _polars,
        "spark": _spark,
        "athena": _athena,
        "tableau": _tableau,
    }
    return {name: opening(settings, table) for name, opening in made.items()}


def _pyiceberg(settings: Settings, table: TableName) -> Opening:
    lines = (*_loading(settings, table), f'rows = catalog.load_table("{table.identifier}").scan().to_pandas()')
    return Opening("pyiceberg and pandas", "python", lines, _note(settings, table))


def _duckdb(settings: Settings, table: TableName) -> Opening:
    scan = f'catalog.load_table("{table.identifier}").scan()'
    lines = (f'duck = {scan}.to_duckdb("{table.name}")', f'duck.sql("from {table.name} limit 5").show()')
    return Opening("DuckDB", "python", (*_loading(settings, table), *lines), _note(settings, table))


def _polars(settings: Settings, table: TableName) -> Opening:
    # Polars reads files itself and does not use pyiceberg's storage settings.
    storage = {name: value for name, value in _catalog_options(settings, table).items() if name.startswith("s3.")}
    given = f", storage_options={_mapping(storage)}" if storage else ""
    last = f'rows = pl.scan_iceberg(catalog.load_table("{table.identifier}"){given}).collect()'
    lines = ("import polars as pl", *_loading(settings, table), last)
    return Opening("Polars", "python", lines, _note(settings, table))


def _spark(settings: Settings, table: TableName) -> Opening:
    """The lines for Spark, with the jars that Spark downloads from Maven."""
    prefix = f"spark.sql.catalog.{table.catalog}"
    needed = spark_properties(settings, table.root)
    kept = {name: value for name, value in _open(needed).items() if name != f"{prefix}.cache-enabled"}
    if settings.iceberg_catalog == "sqlite":
        # How long a writer waits is no matter of readers.
        kept[f"{prefix}.uri"] = kept[f"{prefix}.uri"].partition("?")[0]
    options = {"spark.jars.packages": ",".join(_packages(settings)), **kept}
    lines = (
        "from pyspark.sql import SparkSession",
        f"options = {_mapping(options)}",
        "spark = SparkSession.builder.config(map=options).getOrCreate()",
        f'rows = spark.table("{table.catalog}.{table.identifier}")',
    )
    left_out = [name for name in needed if name not in _open(needed)]
    note = f"add these to options, which are secret: {', '.join(left_out)}" if left_out else ""
    address = needed.get(f"{prefix}.uri", "")
    if _without_password(address) != address:
        note = f"add the password to {prefix}.uri, or give {prefix}.jdbc.password"
    return Opening("Spark", "python", lines, note)


def _athena(settings: Settings, table: TableName) -> Opening:
    lines = (f"select * from {table.identifier} limit 5",)  # noqa: S608 - printed, and a table's own name
    if settings.iceberg_catalog == "glue":
        return Opening("Athena", "sql", lines, f"in region {settings.aws_region}, catalog AwsDataCatalog")
    return Opening("Athena", "sql", lines, "reads the Glue catalog, which this deployment does not use")


def _tableau(settings: Settings, table: TableName) -> Opening:
    if table.root != "clean" or table.name.endswith(QUARANTINE):
        return Opening("Tableau", "text", (), "has clean tables and insights alone")
    if settings.iceberg_catalog == "glue":
        lines = (
            f"Connect > To a Server > Amazon Athena; Server: athena.{settings.aws_region}.amazonaws.com, Port: 443",
            "S3 Staging Directory: the one of your workgroup",
            f"Catalog: AwsDataCatalog, Database: {CATALOGS[table.root].namespace}, Table: {table.name}",
        )
        return Opening("Tableau", "text", lines)
    file = settings.home.absolute() / "tableau" / "steam_market.hyper"
    lines = ("import pantab", f'rows = pantab.frame_from_hyper({_quoted(str(file))}, table="{table.name}")')
    return Opening("Tableau", "python", lines, f"in Tableau Desktop: Connect > To a File > More... > {file}")


def _loading(settings: Settings, table: TableName) -> tuple[str, str]:
    """The two lines with which Python opens the catalog."""
    options = _catalog_options(settings, table)
    plain = {name: value for name, value in options.items() if name.isidentifier()}
    dotted = {name: value for name, value in options.items() if name not in plain}
    arguments = [f'"{table.catalog}"', *(f"{name}={_quoted(value)}" for name, value in plain.items())]
    arguments += [f"**{_mapping(dotted)}"] if dotted else []
    return "from pyiceberg.catalog import load_catalog", f"catalog = load_catalog({', '.join(arguments)})"


def _catalog_options(settings: Settings, table: TableName) -> dict[str, str]:
    """What pyiceberg needs to read from the catalog, without secrets."""
    needed = {
        name: value for name, value in pyiceberg_properties(settings, table.root).items() if name in _NEEDED_TO_READ
    }
    if on_s3(settings.root(table.root)):
        needed |= {"s3.region": settings.aws_region}
    else:
        needed = {name: value for name, value in needed.items() if not name.startswith("s3.")}
    shown = _open(needed | settings.iceberg_catalog_properties)
    if settings.iceberg_catalog == "sqlite":
        # How long a writer waits is no matter of readers.
        shown["uri"] = shown["uri"].partition("?")[0]
    return shown


def _note(settings: Settings, table: TableName) -> str:
    """How to supply the secrets that the Python lines leave out."""
    notes = list(_secret_notes(settings, table))
    if on_s3(settings.root(table.root)):
        notes.append("AWS credentials are taken from where the AWS SDK finds them")
    return "; ".join(notes)


def _secret_notes(settings: Settings, table: TableName) -> Iterator[str]:
    properties = pyiceberg_properties(settings, table.root)
    if _without_password(properties.get("uri", "")) != properties.get("uri", ""):
        yield "give the password in PGPASSWORD"
    for name in settings.iceberg_catalog_properties:
        if _SECRET.search(name) and not name.startswith("jdbc."):
            variable = name.upper().replace(".", "__").replace("-", "_")
            yield f"give {name} in PYICEBERG_CATALOG__{table.catalog.upper()}__{variable}"


def _packages(settings: Settings) -> tuple[str, ...]:
    iceberg, sqlite = SPARK.coordinates
    remote = any(on_s3(settings.root(root)) for root in CATALOGS)
    return (
        iceberg,
        *((sqlite,) if settings.iceberg_catalog == "sqlite" else ()),
        *(POSTGRESQL.coordinates if settings.iceberg_catalog == "jdbc" else ()),
        *((ICEBERG_AWS,) if remote or settings.iceberg_catalog == "glue" else ()),
    )


def _open(properties: Mapping[str, str]) -> dict[str, str]:
    """The properties without secret ones, and without passwords in addresses."""
    return {name: _without_password(value) for name, value in properties.items() if not _SECRET.search(name)}


def _without_password(address: str) -> str:
    """An address without the password in its authority or parameters."""
    scheme, colon, rest = address.partition(":") if address.startswith("jdbc:") else ("", "", address)
    if "://" not in rest:
        return address
    parts = urlsplit(rest)
    login, at, host = parts.netloc.rpartition("@")
    place = f"{login.partition(':')[0]}{at}{host}"
    query = urlencode([(name, value) for name, value in parse_qsl(parts.query) if not _SECRET.search(name)])
    if place == parts.netloc and len(parse_qsl(query)) == len(parse_qsl(parts.query)):
        # Otherwise unchanged: the escapes in an SQLite file's address must stay as they are.
        return address
    return f"{scheme}{colon}{urlunsplit(parts._replace(netloc=place, query=query))}"


def _mapping(values: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{_quoted(name)}: {_quoted(value)}" for name, value in values.items()) + "}"


def _quoted(text: str) -> str:
    """A Python literal, in double quotes if it has the same content."""
    literal = repr(text)
    return f'"{text}"' if literal == f"'{text}'" and '"' not in text else literal
