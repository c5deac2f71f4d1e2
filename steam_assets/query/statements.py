"""Which statements are allowed: one SELECT over tables, and which tables it reads.

Belongs here: parsing a statement and rejecting anything but reads. Does not belong here: running it (engine.py).

DuckDB parses and this module walks the tree. The connection has no access to files in any case (duckdb_connection.py).
Functions that read files or run text as SQL are rejected here as well, because only the tree shows what a statement
reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import duckdb

from steam_assets.query.errors import QueryError, one_line

TABLE_FUNCTIONS = {"range", "generate_series", "unnest", "json_each", "json_tree"}
LONGEST_STATEMENT = 50_000
"""Characters."""
Node: TypeAlias = "dict[str, Any]"
"""A node of DuckDB's syntax tree, whose JSON has no schema."""


@dataclass(frozen=True)
class Reference:
    """A table as named in a statement; ``schema`` is empty if it has none."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True)
class Statement:
    """``references`` are the tables it reads, in order; ``local`` are the names that it defines itself.

    ``lists_tables``: it is SHOW TABLES.
    """

    text: str
    references: tuple[Reference, ...]
    local: frozenset[str]
    lists_tables: bool = False


def split(duck: duckdb.DuckDBPyConnection, script: str) -> list[str]:
    """The statements of a script. Raises QueryError for a syntax error, or a text that was not decoded."""
    if len(script) > LONGEST_STATEMENT:
        raise QueryError(f"the statement is longer than {LONGEST_STATEMENT:,} characters")
    if any("\ud800" <= letter <= "\udfff" for letter in script):
        raise QueryError("the statement is not UTF-8 text; save it as UTF-8")
    try:
        return [found.query.strip().rstrip(";") for found in duck.extract_statements(script)]
    except duckdb.Error as error:
        raise QueryError(one_line(error)) from error


def parse(duck: duckdb.DuckDBPyConnection, sql: str) -> Statement:
    """The single statement of ``sql``.

    Raises QueryError if there is none or more than one, or if it does more than read, and DuckDB's InterruptException
    if it is interrupted meanwhile.
    """
    statements = split(duck, sql)
    if len(statements) != 1:
        raise QueryError("write one SELECT statement" if statements else "there is no statement; write a SELECT")
    (text,) = statements
    nodes = list(_nodes(_tree(duck, text)))
    references = tuple(dict.fromkeys(_reference(node) for node in nodes if _is(node, "BASE_TABLE", "table_name")))
    local = {entry["key"].lower() for node in nodes for entry in (node.get("cte_map") or {}).get("map", ())}
    for node in nodes:
        if _is(node, "TABLE_FUNCTION", "function") and (name := _function(node)) not in TABLE_FUNCTIONS:
            raise QueryError(f"{name}() is not available; only tables can be read: type SHOW TABLES")
        if _is(node, "SHOW_REF", "show_type") and node["show_type"] == "SHOW_SPECIAL" and not _lists_tables(text):
            raise QueryError("only SHOW TABLES is possible, alone, and DESCRIBE TABLE for columns")
    return Statement(text, references, frozenset(local), _lists_tables(text))


def _tree(duck: duckdb.DuckDBPyConnection, text: str) -> list[Node]:
    try:
        # Fetched to the end: an unfinished result would block the connection.
        ((serialized,),) = duck.execute("select json_serialize_sql($1)", [text]).fetchall()
        tree = json.loads(serialized)
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        raise QueryError(one_line(error)) from error
    except RecursionError:
        raise QueryError("the statement is nested too deeply") from None
    if tree["error"]:
        raise QueryError("only SELECT is possible, with or without WITH; also DESCRIBE, SUMMARIZE and SHOW TABLES")
    return tree["statements"]


def _nodes(tree: list[Node]) -> Iterator[Node]:
    left: list[object] = [tree]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            yield node
            left += reversed(node.values())
        elif isinstance(node, list):
            left += reversed(node)


def _is(node: Node, kind: str, having: str) -> bool:
    return node.get("type") == kind and having in node


def _reference(node: Node) -> Reference:
    schema = ".".join(filter(None, (node.get("catalog_name"), node.get("schema_name"))))
    return Reference(schema.lower(), node["table_name"].lower())


def _function(node: Node) -> str:
    return str(node["function"].get("function_name", "")).lower()


def _lists_tables(text: str) -> bool:
    return text.lower().split() == ["show", "tables"]
