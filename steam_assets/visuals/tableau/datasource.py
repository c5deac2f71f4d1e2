"""The data source as XML: the ``<datasource>`` element that a ``.tds`` file is, and that a workbook contains.

Belongs here: Tableau's elements and their order. Does not belong here: their content (model.py), sheets (workbook.py).

The elements are those of Tableau's published schema of workbooks, version 26.1
(github.com/tableau/tableau-document-schemas), which does not cover connections: they are as Tableau Desktop writes
them for a ``.hyper`` file. From that version on no list of used features is needed (``ManifestByVersion``).
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import md5

from lxml import etree

from steam_assets.visuals.tableau.model import Calculation, Field, LogicalTable, Model, Relationship

VERSION = "26.1"
PLATFORM = "win"
USER = "http://www.tableausoftware.com/xml/user"
NAME = "federated.steam_market"
CAPTION = "Steam market"
CONNECTION = "hyper.steam_market"

REMOTE_TYPES = {"integer": "20", "real": "5", "string": "129", "boolean": "11", "date": "133", "datetime": "135"}
"""OLE DB's numbers of the types, which metadata records have."""


def datasource_file(model: Model, extract: str) -> etree._Element:
    """The root of a ``.tds`` file; ``extract`` is the path of the ``.hyper`` file within the package."""
    root = etree.Element("datasource", {"formatted-name": NAME}, nsmap={"user": USER})
    root.attrib.update({"inline": "true", "source-platform": PLATFORM, "version": VERSION})
    add_manifest(root)
    _fill(root, model, extract, ())
    return root


def add_datasource(parent: etree._Element, model: Model, extract: str, calculations: Sequence[Calculation]) -> None:
    """The same within a workbook, with the workbook's own ``calculations``."""
    attributes = {"caption": CAPTION, "inline": "true", "name": NAME, "version": VERSION}
    _fill(etree.SubElement(parent, "datasource", attributes), model, extract, calculations)


def add_manifest(parent: etree._Element) -> None:
    etree.SubElement(etree.SubElement(parent, "document-format-change-manifest"), "ManifestByVersion")


def add_text(parent: etree._Element, text: str) -> None:
    """Text in the form that Tableau uses for formatted text."""
    run = etree.SubElement(etree.SubElement(parent, "formatted-text"), "run")
    run.text = text


def column_attributes(field: Field) -> dict[str, str]:
    """A field's attributes, as data source and sheets have them."""
    kind = "quantitative" if field.is_measure else "nominal" if field.datatype in ("string", "boolean") else "ordinal"
    attributes = {"aggregation": field.aggregation, "caption": field.caption, "datatype": field.datatype}
    attributes |= {"default-format": field.format} if field.format else {}
    attributes |= {"hidden": "true"} if field.hidden else {}
    role = "measure" if field.is_measure else "dimension"
    return attributes | {"name": f"[{field.name}]", "role": role, "type": kind}


def calculation_attributes(calculation: Calculation) -> dict[str, str]:
    return {
        "aggregation": "Avg",
        "caption": calculation.caption,
        "datatype": "real",
        "default-format": calculation.format,
        "name": f"[{calculation.name}]",
        "role": "measure",
        "type": "quantitative",
    }


def add_calculation(parent: etree._Element, calculation: Calculation) -> None:
    column = etree.SubElement(parent, "column", calculation_attributes(calculation))
    etree.SubElement(column, "calculation", {"class": "tableau", "formula": calculation.formula})


def _fill(parent: etree._Element, model: Model, extract: str, calculations: Sequence[Calculation]) -> None:
    _add_connection(parent, model, extract)
    etree.SubElement(parent, "aliases", {"enabled": "yes"})
    for table in model.tables:
        for field in table.fields:
            column = etree.SubElement(parent, "column", column_attributes(field))
            add_text(etree.SubElement(column, "desc"), _meaning(field))
        # The table itself: its number of rows.
        attributes = {"caption": table.caption, "datatype": "table", "name": f"[{_OBJECT_FIELD}].[{_object_id(table)}]"}
        etree.SubElement(parent, "column", attributes | {"role": "measure", "type": "quantitative"})
    for calculation in (*model.calculations, *calculations):
        add_calculation(parent, calculation)
    layout = {"dim-ordering": "alphabetic", "measure-ordering": "alphabetic", "show-structure": "true"}
    etree.SubElement(parent, "layout", layout)
    # Like Steam's week of top sellers.
    etree.SubElement(parent, "date-options", {"start-of-week": "tuesday"})
    _add_graph(parent, model)


_OBJECT_FIELD = "__tableau_internal_object_id__"


def _meaning(field: Field) -> str:
    return f"{field.column.description} [{field.column.unit}]" if field.column.unit else field.column.description


def _object_id(table: LogicalTable) -> str:
    """An id in Tableau's form; the same each time, so that workbooks keep their fields."""
    return f"{table.name}_{md5(table.name.encode(), usedforsecurity=False).hexdigest().upper()}"


def _add_connection(parent: etree._Element, model: Model, extract: str) -> None:
    connection = etree.SubElement(parent, "connection", {"class": "federated"})
    named = etree.SubElement(etree.SubElement(connection, "named-connections"), "named-connection")
    named.attrib.update({"caption": CAPTION, "name": CONNECTION})
    attributes = {"authentication": "auth-none", "author-locale": "en_US", "class": "hyper", "dbname": extract}
    attributes |= {"default-settings": "yes", "schema": "public", "server": "", "sslmode": ""}
    etree.SubElement(named, "connection", attributes | {"username": "tableau_internal_user"})
    collection = etree.SubElement(connection, "relation", {"type": "collection"})
    for table in model.tables:
        _add_relation(collection, table)
    names = etree.SubElement(connection, "cols")
    for table in model.tables:
        for field in table.fields:
            value = f"[{table.name}].[{field.column.name}]"
            etree.SubElement(names, "map", {"key": f"[{field.name}]", "value": value})
    records = etree.SubElement(connection, "metadata-records")
    for table in model.tables:
        for ordinal, field in enumerate(table.fields):
            _add_record(records, table, field, ordinal)


def _add_relation(parent: etree._Element, table: LogicalTable) -> None:
    attributes = {"connection": CONNECTION, "name": table.name, "table": f"[public].[{table.name}]", "type": "table"}
    etree.SubElement(parent, "relation", attributes)


def _add_record(parent: etree._Element, table: LogicalTable, field: Field, ordinal: int) -> None:
    record = etree.SubElement(parent, "metadata-record", {"class": "column"})
    texts = {
        "remote-name": field.column.name,
        "remote-type": REMOTE_TYPES[field.datatype],
        "local-name": f"[{field.name}]",
        "parent-name": f"[{table.name}]",
        "remote-alias": field.column.name,
        "ordinal": str(ordinal),
        "local-type": field.datatype,
        "aggregation": field.aggregation,
        "contains-null": "true" if field.column.nullable else "false",
        "object-id": f"[{_object_id(table)}]",
    }
    for name, text in texts.items():
        etree.SubElement(record, name).text = text


def _add_graph(parent: etree._Element, model: Model) -> None:
    graph = etree.SubElement(parent, "object-graph")
    objects = etree.SubElement(graph, "objects")
    for table in model.tables:
        item = etree.SubElement(objects, "object", {"caption": table.caption, "id": _object_id(table)})
        _add_relation(etree.SubElement(item, "properties", {"context": ""}), table)
        add_text(etree.SubElement(item, "table-description"), table.description)
    relationships = etree.SubElement(graph, "relationships")
    ids = {table.name: _object_id(table) for table in model.tables}
    for relationship in model.relationships:
        _add_relationship(relationships, relationship, ids)


def _add_relationship(parent: etree._Element, relationship: Relationship, ids: dict[str, str]) -> None:
    item = etree.SubElement(parent, "relationship")
    equal = etree.SubElement(item, "expression", {"op": "="})
    for field in (relationship.many, relationship.one):
        etree.SubElement(equal, "expression", {"op": f"[{field.name}]"})
    etree.SubElement(item, "first-end-point", {"object-id": ids[relationship.many.table]})
    one = {"unique-key": "true", "object-id": ids[relationship.one.table]}
    etree.SubElement(item, "second-end-point", one)
