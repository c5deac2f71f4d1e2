"""Contracts: what each table guarantees, as documents of the Open Data Contract Standard (version 3.2).

Belongs here: translating declarations into the standard's terms. Does not belong here: the declarations (sources/,
insights/), checking data against them.

A document is always the same, wherever and whenever it is written, except for the retention, and for
what it states of made-up data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from open_data_contract_standard.model import (
    AuthoritativeDefinition,
    CustomProperty,
    DataQuality,
    Description,
    OpenDataContractStandard,
    SchemaObject,
    SchemaProperty,
    Server,
    ServiceLevelAgreementProperty,
)

from steam_assets.insights.declared_tables import DeclaredTable
from steam_assets.lake.roots import SYNTHETIC
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.host import Host
from steam_assets.sources.source import Column, Sensitivity

API_VERSION = "v3.2.0"
SUFFIX = ".odcs.yaml"

LOGICAL_TYPES = {
    "string": "string",
    "bigint": "integer",
    "int": "integer",
    "double": "number",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
}
"""By declared type (Spark DDL); for an array, by that of its items."""

CLASSIFICATIONS = {
    Sensitivity.OPEN: "public",
    Sensitivity.TEXT: "restricted",
    Sensitivity.PERSON: "confidential",
}
UNITS = {Cadence.DAILY: "d", Cadence.WEEKLY: "wk", Cadence.MONTHLY: "mo"}
_ITEMS = re.compile(r"array<(\w+)>")
_HOUR = 3600


RELEASED = ServiceLevelAgreementProperty(
    property="retention",
    value="unlimited",
    driver="operational",
    description="A release never changes; a newer one is a separate folder.",
)


def kept_for(table: DeclaredTable, days: int) -> ServiceLevelAgreementProperty:
    """The retention of a table in a lake whose housekeeping may clear clean partitions after ``days``."""
    if table.is_insight:
        described = "Rows are kept until they are recomputed."
        return ServiceLevelAgreementProperty(
            property="retention", value="unlimited", driver="operational", description=described
        )
    described = "Housekeeping may clear older partitions if a verified backup has them; restore brings them back."
    return ServiceLevelAgreementProperty(
        property="retention", value=days, unit="d", driver="operational", description=described
    )


def contract(
    table: DeclaredTable,
    retention: ServiceLevelAgreementProperty,
    server: Server | None = None,
    *,
    synthetic: bool = False,
) -> OpenDataContractStandard:
    """The contract of a table; ``server`` is the location of its rows, if that is part of the contract.

    ``synthetic``: they are made up, so that no service's terms apply.
    """
    terms = [
        AuthoritativeDefinition(type="termsOfUse", url=host.terms, description=host.service)
        for host in (() if synthetic else hosts_with_terms(table))
    ]
    tags = ["insight" if table.is_insight else "clean", *([table.cadence.value] if table.cadence else [])]
    return OpenDataContractStandard(
        kind="DataContract",
        apiVersion=API_VERSION,
        id=f"urn:steam-assets:{table.name}",
        name=table.title,
        version=version("steam-assets"),
        status="active",
        domain="steam-market",
        dataProduct="steam-assets",
        tags=[*tags, *(["synthetic"] if synthetic else [])],
        servers=[server] if server else None,
        description=Description(
            purpose=table.description,
            limitations=table.limitations or None,
            usage=f"{SYNTHETIC} Provided as is." if synthetic else terms_of(table),
            authoritativeDefinitions=terms or None,
        ),
        schema=[_schema(table)],
        slaDefaultElement=f"{table.name}.{table.period}" if table.period else None,
        slaProperties=[*_agreements(table), retention],
    )


def write_contract(document: OpenDataContractStandard, table: DeclaredTable, folder: Path) -> Path:
    """Write ``TABLE.odcs.yaml`` into an existing folder; returns its path."""
    where = folder / f"{table.name}{SUFFIX}"
    where.write_text(document.to_yaml(), encoding="utf-8")
    return where


def hosts_with_terms(table: DeclaredTable) -> list[Host]:
    """The services that a table's rows come from and whose terms of use are known, one per service."""
    hosts = (host for source in table.origins for host in source.hosts if host.terms)
    return list({host.service: host for host in hosts}.values())


def terms_of(table: DeclaredTable) -> str:
    """A sentence on whose terms of use apply."""
    services = sorted({host.service for source in table.origins for host in source.hosts})
    whose = " and ".join(services) or "its services"
    return f"Collected from {whose}, whose terms of use apply to any use and to passing it on. Provided as is."


def _schema(table: DeclaredTable) -> SchemaObject:
    return SchemaObject(
        name=table.name,
        physicalName=f"steam.{table.name}",
        logicalType="object",
        physicalType="table",
        businessName=table.title,
        description=table.description,
        dataGranularityDescription=f"One row per {', '.join(table.key)}." if table.key else None,
        properties=[_property(table, column) for column in table.columns],
        quality=list(_quality(table)) or None,
        customProperties=[CustomProperty(property="method", value=table.method)] if table.method else None,
    )


def _property(table: DeclaredTable, column: Column) -> SchemaProperty:
    keyed = column.name in table.key
    partitioning = column.name == "partition_key"
    items = _ITEMS.fullmatch(column.type)
    return SchemaProperty(
        name=column.name,
        businessName=column.caption,
        logicalType="array" if items else LOGICAL_TYPES[column.type],
        physicalType=column.type,
        description=column.description,
        required=not column.nullable,
        primaryKey=keyed or None,
        primaryKeyPosition=table.key.index(column.name) + 1 if keyed else None,
        partitioned=partitioning or None,
        partitionKeyPosition=1 if partitioning else None,
        classification=CLASSIFICATIONS[column.sensitivity],
        logicalTypeOptions=_options(table, column),
        items=SchemaProperty(logicalType=LOGICAL_TYPES[items[1]]) if items else None,
        customProperties=[CustomProperty(property="unit", value=column.unit)] if column.unit else None,
    )


def _options(table: DeclaredTable, column: Column) -> dict[str, object] | None:
    if column.bounds is not None:
        return {"minimum": column.bounds[0], "maximum": column.bounds[1]}
    if column.type == "timestamp":
        return {"timezone": True, "defaultTimezone": "Etc/UTC"}
    # Cleaning removes negative counts, but a difference in an insight may be negative.
    if column.type in ("bigint", "int") and column.unit and not table.is_insight:
        return {"minimum": 0}
    return None


def _quality(table: DeclaredTable) -> Iterator[DataQuality]:
    # The model's constructor requires two arguments that are optional.
    if table.key:
        unique = {
            "name": "key_is_unique",
            "description": "No two rows have the same key.",
            "dimension": "uniqueness",
            "metric": "duplicateValues",
            "arguments": {"properties": list(table.key)},
        }
        yield DataQuality.model_validate(unique | _NONE_MAY)
    for name, condition in table.rules.items():
        holds = {
            "name": name,
            "description": "Items that break it are in quarantine. The condition is in Spark's SQL.",
            "dimension": "conformity",
            "type": "sql",
            "query": f"select count(*) from ${{object}} where not ({condition})",  # noqa: S608
        }
        yield DataQuality.model_validate(holds | _NONE_MAY)


_NONE_MAY = {"mustBe": 0, "severity": "error"}


def _agreements(table: DeclaredTable) -> Iterator[ServiceLevelAgreementProperty]:
    if table.cadence:
        yield ServiceLevelAgreementProperty(
            property="frequency",
            value=1,
            unit=UNITS[table.cadence],
            driver="analytics",
            scheduler="cron",
            schedule=table.cadence.schedule_cron,
            description=f"One partition per {table.cadence.period} (UTC); "
            "a period that could not be collected is a gap, never filled in.",
        )
    late = max((source.due_after.total_seconds() / _HOUR for source in table.origins), default=0)
    yield ServiceLevelAgreementProperty(
        property="latency",
        value=round(late),
        unit="h",
        driver="operational",
        description="How long after a period's end its rows are late, and `steam-assets status` exits with 3.",
    )
    if not table.is_insight:
        yield ServiceLevelAgreementProperty(
            property="lineage",
            value="source_sha256",
            driver="analytics",
            description="SHA-256 of the response that a row was read from; `steam-assets trace` shows the response.",
        )
