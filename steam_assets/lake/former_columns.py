"""Columns that another program has dropped, renamed or exchanged: recognized by their ids, and put back.

Belongs here: which id a column had first, and a schema in which it has it again. Does not belong here: when a table is
created or gains columns (iceberg_table.py).

Files may name their columns by id, and a column that is added gets an id that was never used. So one that was dropped
has to come back under the id that it had: under a new one, readers would find nulls in all earlier files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pyiceberg.schema import Schema
from pyiceberg.table import Table, TableProperties
from pyiceberg.table.update import AddSchemaUpdate, AssertCurrentSchemaId, SetCurrentSchemaUpdate, SetPropertiesUpdate


def displaced(table: Table, names: Iterable[str]) -> list[str]:
    """Those of ``names`` that no longer have the id that they had in the table's first schema with them."""
    first, now = first_ids(table), {field.name: field.field_id for field in table.schema().fields}
    return [name for name in names if name in first and now.get(name) != first[name]]


def put_back(table: Table, names: Collection[str]) -> None:
    """Make the displaced columns ``names`` what they were, in a commit; columns in their place get lost.

    Raises pyiceberg's CommitFailedException if the table was changed since it was loaded.
    """
    schema = _with_former(table, names)
    updates = (
        AddSchemaUpdate(schema=schema),
        SetCurrentSchemaUpdate(),
        # For files without ids, whose columns readers find by name.
        SetPropertiesUpdate(updates={TableProperties.DEFAULT_NAME_MAPPING: schema.name_mapping.model_dump_json()}),
    )
    unchanged = AssertCurrentSchemaId.model_validate({"current-schema-id": table.metadata.current_schema_id})
    table.catalog.commit_table(table, (unchanged,), updates)


def _with_former(table: Table, names: Collection[str]) -> Schema:
    first, latest = first_ids(table), {field.field_id: field for one in _schemas(table) for field in one.fields}
    back = {first[name]: latest[first[name]].model_copy(update={"name": name}) for name in names}
    # Spark does not tell names apart by case.
    taken = {name.lower() for name in names}
    kept = {f.field_id: f for f in table.schema().fields if f.name.lower() not in taken and f.field_id not in back}
    # The ids of columns ascend in the order in which they were declared.
    fields = [field for _, field in sorted((kept | back).items())]
    return Schema(*fields, schema_id=1 + max(one.schema_id for one in _schemas(table)))


def first_ids(table: Table) -> dict[str, int]:
    """The id that each column, by name, had first; those of columns that were dropped or renamed as well."""
    ids = dict[str, int]()
    for schema in _schemas(table):
        for field in schema.fields:
            ids.setdefault(field.name, field.field_id)
    return ids


def _schemas(table: Table) -> list[Schema]:
    """All schemas that the table ever had, oldest first."""
    return sorted(table.metadata.schemas, key=lambda schema: schema.schema_id)
