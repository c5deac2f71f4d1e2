"""What Tableau shows of the extract: its tables, fields and relationships.

Belongs here: display names, formats, roles and relationships, all from the columns' declarations. Does not belong here:
their form as XML (datasource.py).

Each table is a base table that is related to the dimensions that tables share: to ``apps`` by ``app_id`` and to
``calendar`` by the first day of the row's period, both many to one. So numbers of several tables add up side by side
along games, days, weeks and months (Tableau's multi-fact relationships). A week belongs to the month of its first day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import pyarrow as pa

from steam_assets.insights.declared_tables import DeclaredTable
from steam_assets.lake.columns import ORIGIN
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column
from steam_assets.sources.store_columns import HUNDREDTHS
from steam_assets.visuals.tableau.extract import APPS, APPS_SCHEMA, CALENDAR, CALENDAR_SCHEMA, DECLARED

DataType = Literal["integer", "real", "string", "boolean", "date", "datetime"]

DATATYPES: Mapping[str, DataType] = {
    "bigint": "integer",
    "int": "integer",
    "double": "real",
    "string": "string",
    "array<string>": "string",
    "array<int>": "string",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "datetime",
}
"""By the declared type; the extract holds arrays as one text."""

FORMATS: Mapping[tuple[DataType, str | None], str] = {
    ("integer", ""): "n0;-0",
    ("integer", "%"): '*#,##0"%"',
    ("integer", None): "n#,##0;-#,##0",
    ("real", "share"): "p0.0%",
    ("real", ""): "n#,##0.00;-#,##0.00",
    ("real", None): "n#,##0.0;-#,##0.0",
    ("date", None): "*yyyy-mm-dd",
    ("datetime", None): "*yyyy-mm-dd hh:nn",
}
"""Tableau's codes of formats, by datatype and unit; None is any other unit. Ids have no thousands separators."""
AVERAGED = {"%", "US cents", HUNDREDTHS, "minutes", "hours", "days", "weeks"}
"""Units of whole numbers whose sum over games or days means nothing."""
DOLLARS = 'c"$"#,##0.00;-"$"#,##0.00'

SHARED = {
    APPS: DeclaredTable(
        name=APPS,
        title="Games and other apps",
        description="Every app of the tables, with its newest name on a chart.",
        columns=(
            Column("app_id", "bigint", "Steam's app id.", nullable=False),
            Column("name", "string", "Newest name on a chart; null if no chart has it."),
            Column("item_type", "string", "game, mod, dlc, software or hardware."),
        ),
        key=("app_id",),
        cadence=None,
        origins=(),
        inputs=(),
    ),
    CALENDAR: DeclaredTable(
        name=CALENDAR,
        title="Calendar",
        description="Every day (UTC) from the first period to the last.",
        columns=(
            Column("day", "date", "Day (UTC); of a weekly or monthly table, the first day of the period.", "", False),
            Column("week_start", "date", "Tuesday (UTC) on which the day's week begins.", nullable=False),
            Column("month", "date", "First day of the day's month (UTC).", nullable=False),
        ),
        key=("day",),
        cadence=Cadence.DAILY,
        origins=(),
        inputs=(),
    ),
}
"""The dimensions that tables share, as the extract has them."""

SHARED_SCHEMAS = {APPS: APPS_SCHEMA, CALENDAR: CALENDAR_SCHEMA}

HIDDEN = {column.name for column in ORIGIN if column.name != "fetched_at"}
"""For tracing a row; the field list is shorter without them."""


@dataclass(frozen=True)
class Field:
    """A field of the data source. ``name`` identifies it within the data source, ``caption`` is what people see."""

    table: str
    column: Column
    caption: str

    @property
    def name(self) -> str:
        return f"{self.column.name} ({self.table})"

    @property
    def datatype(self) -> DataType:
        return DATATYPES[self.column.type]

    @property
    def is_measure(self) -> bool:
        """Numbers with a unit and real numbers are measured; ids, ranks and codes are not."""
        return self.datatype == "real" or (self.datatype == "integer" and bool(self.column.unit))

    @property
    def aggregation(self) -> str:
        """Counts are summed; shares, means, prices, and lengths and hours of time are averaged."""
        if self.is_measure:
            return "Avg" if self.datatype == "real" or self.column.unit in AVERAGED else "Sum"
        return "Year" if self.datatype in ("date", "datetime") else "Count"

    @property
    def format(self) -> str | None:
        """The code of the number or date format; None for text and truth values."""
        return FORMATS.get((self.datatype, self.column.unit)) or FORMATS.get((self.datatype, None))

    @property
    def hidden(self) -> bool:
        return self.column.name in HIDDEN


@dataclass(frozen=True)
class Calculation:
    """A measure calculated from a table's ``columns``; ``formula`` and ``format`` are in Tableau's languages."""

    name: str
    caption: str
    formula: str
    format: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class LogicalTable:
    """A table of the data source."""

    name: str
    caption: str
    description: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Relationship:
    """Rows of ``many`` belong to the one row of a shared dimension that has the same value."""

    many: Field
    one: Field


@dataclass(frozen=True)
class Model:
    """The data source: its tables, shared dimensions last, and how they are related."""

    tables: tuple[LogicalTable, ...]
    relationships: tuple[Relationship, ...]

    def has(self, table: str) -> bool:
        return any(one.name == table for one in self.tables)

    def field(self, table: str, column: str) -> Field:
        """The field of a column. Raises LookupError if the data source does not have it."""
        for field in (field for one in self.tables if one.name == table for field in one.fields):
            if field.column.name == column:
                return field
        raise LookupError(f"the data source has no column {column} of {table}")

    @property
    def calculations(self) -> list[Calculation]:
        """Every price in dollars."""
        cents = (field for table in self.tables for field in table.fields if field.column.unit == "US cents")
        return [
            Calculation(
                f"dollars {one.name}",
                one.caption.replace("cents", "US$"),
                f"[{one.name}] / 100",
                DOLLARS,
                (one.column.name,),
            )
            for one in cents
        ]


def model_of(schemas: Mapping[str, pa.Schema]) -> Model:
    """The model over those tables of an extract that are declared and have an app or a period."""
    there = {name: schema for name, schema in schemas.items() if name in DECLARED} | SHARED_SCHEMAS
    known = {name: SHARED.get(name) or DECLARED[name] for name in there}
    columns = {name: [c for c in known[name].columns if c.name in schema.names] for name, schema in there.items()}
    links = {name: _links(known[name], columns[name]) for name in known if name not in SHARED}
    used = {name for name, own in links.items() if own} | {link.shared for own in links.values() for link in own}
    captions = _captions({name: columns[name] for name in known if name in used})
    tables = {name: _logical(known[name], columns[name], captions) for name in known if name in used}
    fields = {(field.table, field.column.name): field for table in tables.values() for field in table.fields}
    relationships = [
        Relationship(fields[name, link.column], fields[link.shared, link.key])
        for name, own in links.items()
        for link in own
    ]
    return Model(tuple(tables.values()), tuple(relationships))


class _Link(NamedTuple):
    """How a table is related: its own column, the shared dimension, and that one's key."""

    column: str
    shared: str
    key: str


def _links(table: DeclaredTable, columns: Sequence[Column]) -> list[_Link]:
    links = [_Link("app_id", APPS, "app_id"), _Link(table.period or "", CALENDAR, "day")]
    there = {column.name for column in columns}
    return [link for link in links if link.column in there]


def _captions(columns: Mapping[str, Sequence[Column]]) -> dict[tuple[str, str], str]:
    """By table and column. Captions are unique: one that several tables have names its table, unless that is shared."""
    count = Counter(column.caption for group in columns.values() for column in group)
    return {
        (name, column.name): column.caption
        if name in SHARED or count[column.caption] == 1
        else f"{column.caption} ({table_caption(name)})"
        for name, group in columns.items()
        for column in group
    }


def table_caption(name: str) -> str:
    """``insight_market_day`` is "Market day"."""
    return name.removeprefix("insight_").replace("_", " ").capitalize()


def _logical(table: DeclaredTable, columns: Sequence[Column], captions: Mapping[tuple[str, str], str]) -> LogicalTable:
    fields = tuple(Field(table.name, column, captions[table.name, column.name]) for column in columns)
    texts = [table.description]
    if table.is_insight:
        texts += [f"Method: {table.method}", f"Limitations: {table.limitations}"]
    return LogicalTable(table.name, table_caption(table.name), "\n\n".join(texts), fields)
