"""The answers of the server, as its tools declare them.

Belongs here: their fields. Does not belong here: computing them (tools.py).
"""

from __future__ import annotations

from pydantic import BaseModel, Field, JsonValue

from steam_assets.agents.quoting import NOTICE

SYNTHETIC_FIELD = Field(description="The data are made up, to show the product; say so with every number.")


class AsOf(BaseModel):
    """The newest data of a clean table."""

    table: str
    newest_partition: str | None = Field(description="First day (UTC) of its newest period; null if there is none.")
    collected_at: str | None = Field(description="When the source sent it (UTC); null if unknown.")


class Gap(BaseModel):
    """Periods that a clean table lacks."""

    table: str
    cadence: str
    periods: str = Field(description="First days (UTC) of the missing periods, and ranges of them, oldest first.")
    why: str


class Coverage(BaseModel):
    """What an answer covers. No row about a missing period means unknown, not zero."""

    synthetic: bool = SYNTHETIC_FIELD
    as_of: list[AsOf]
    gaps: list[Gap]
    not_included: str = Field(description="Collected partitions that the insights do not include yet; usually empty.")


class Provenance(BaseModel):
    """How a table that an answer reads was made, and what it does not show."""

    table: str
    title: str
    method: str
    limitations: str


class ResultColumn(BaseModel):
    """A column of an answer; its type is DuckDB's."""

    name: str
    type: str


class Result(BaseModel):
    """Rows, with all that is needed to report them honestly."""

    columns: list[ResultColumn]
    rows: list[list[JsonValue]]
    truncated: bool = Field(description="There are more rows than these.")
    provenance: list[Provenance]
    coverage: Coverage
    notice: str = NOTICE


class TableSummary(BaseModel):
    """A table or insight in the list."""

    name: str
    kind: str = Field(description="table: collected and cleaned; insight: computed from tables.")
    title: str
    cadence: str | None = Field(description="Length of its partitions; null if it has only one.")
    exists: bool


class Tables(BaseModel):
    """All tables and insights."""

    synthetic: bool = SYNTHETIC_FIELD
    tables: list[TableSummary]


class ColumnDescription(BaseModel):
    """A column of a table; its type is Spark's."""

    name: str
    type: str
    unit: str
    nullable: bool
    meaning: str


class TableDescription(BaseModel):
    """One table or insight."""

    name: str
    kind: str
    title: str
    cadence: str | None
    key: list[str] = Field(description="The columns that identify a row.")
    method: str
    limitations: str
    columns: list[ColumnDescription]
    coverage: Coverage


class SourceStatus(BaseModel):
    """How fresh a source is."""

    source: str
    title: str
    cadence: str
    newest_partition: str | None
    late: bool = Field(description="Its newest due period is missing.")
    partitions: int = Field(description="How many periods there are.")
    unfinished: str = Field(description="Periods that are not yet clean and backed up; usually empty.")


class Status(BaseModel):
    """The state of all sources."""

    synthetic: bool = SYNTHETIC_FIELD
    now: str = Field(description="The time of this answer (UTC).")
    sources: list[SourceStatus]
    gaps: list[Gap]
    not_included: str = Field(description="Collected partitions that the insights do not include yet; usually empty.")
