"""Column lineage: from which columns of which tables each column of a DataFrame is computed.

Belongs here: reading it from Spark's analyzed plan. Does not belong here: what the columns mean, showing it in the
Dagster UI (orchestration/).

It covers the values that a column is computed from, but not columns that only select, join, partition or order rows,
unless the value is itself a position in an order (``row_number``). Spark's plan is the transformation as Spark
understood it, so nothing is declared twice.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from pyspark.sql import DataFrame
from pyspark.sql.classic.dataframe import DataFrame as DataFrameInJvm

Origin: TypeAlias = "tuple[str, str]"
"""A table and a column of it."""
Lineage: TypeAlias = "Mapping[str, frozenset[Origin]]"
"""The origins of each column; empty for one that depends on no column, such as a constant."""

Node: TypeAlias = "Mapping[str, Any]"
"""A node as Spark writes it in JSON: its fields, the name of its class and the number of its children."""


@dataclass(frozen=True)
class _Value:
    """The origins of a value; of a struct or an array of structs also by field in ``fields``."""

    own: frozenset[Origin] = frozenset()
    fields: tuple[_Value, ...] = ()

    @property
    def origins(self) -> frozenset[Origin]:
        return self.own.union(*(field.origins for field in self.fields))

    def __or__(self, other: _Value) -> _Value:
        if len(self.fields) == len(other.fields) and self.fields:
            return _Value(self.own | other.own, tuple(a | b for a, b in zip(self.fields, other.fields, strict=True)))
        return _Value(self.origins | other.origins) if self.fields and other.fields else self._with(other)

    def _with(self, other: _Value) -> _Value:
        return _Value(self.own | other.own, self.fields or other.fields)


_Columns: TypeAlias = dict[int, _Value]
"""The columns of a plan node in order, by Spark's expression id."""


@dataclass(frozen=True)
class _Tree:
    """A plan or an expression with its children."""

    node: Node
    children: tuple[_Tree, ...]

    @property
    def kind(self) -> str:
        return str(self.node["class"]).rpartition(".")[2]


def column_lineage(frame: DataFrame, tables: Collection[str]) -> Lineage | None:
    """The origins of the frame's columns among ``tables``, which it reads under these names or aliases.

    None if the plan cannot be read: Spark Connect keeps it in the server, and some queries have unsupported nodes.
    """
    if not isinstance(frame, DataFrameInJvm):
        return None
    in_jvm = cast("Any", frame)._jdf
    columns = _plan(_tree(json.loads(in_jvm.queryExecution().analyzed().toJSON())), frozenset(tables))
    # The plan has unsupported nodes, such as a pivot; lineage is never guessed.
    if len(columns) != len(frame.columns):
        return None
    return {name: value.origins for name, value in zip(frame.columns, columns.values(), strict=True)}


def _tree(nodes: Sequence[Node]) -> _Tree:
    """The tree of nodes listed in pre-order."""
    left = iter(nodes)

    def next_tree() -> _Tree:
        node = next(left)
        return _Tree(node, tuple(next_tree() for _ in range(node["num-children"])))

    return next_tree()


def _plan(plan: _Tree, tables: frozenset[str]) -> _Columns:
    if not plan.children:
        return {_number(one): _Value() for one in _output(plan)}
    if (table := _table(plan)) in tables:
        return {_number(one): _Value(frozenset({(table, str(one["name"]))})) for one in _output(plan)}
    below = [_plan(child, tables) for child in plan.children]
    return _union(below) if plan.kind == "Union" else _made(plan, below)


def _made(plan: _Tree, below: Sequence[_Columns]) -> _Columns:
    """The columns of a node that passes on its children's columns or computes its own from them."""
    known = _Columns()
    for columns in below:
        known |= columns
    match plan.kind:
        case "Project":
            return _named(plan.node["projectList"], known)
        case "Aggregate":
            return _named(plan.node["aggregateExpressions"], known)
        case "Window":
            return known | _named(plan.node["windowExpressions"], known)
        case "Generate":
            return known | _generated(plan.node, known)
        case "Join" if str(plan.node["joinType"]["object"]).endswith(("LeftSemi$", "LeftAnti$")):
            return below[0]
        case _:
            return known


def _union(below: Sequence[_Columns]) -> _Columns:
    """Columns by position, under the ids of the first child."""
    values = zip(*(columns.values() for columns in below), strict=True)
    return {number: _all(column) for number, column in zip(below[0], values, strict=True)}


def _all(values: Iterable[_Value]) -> _Value:
    whole = _Value()
    for value in values:
        whole |= value
    return whole


def _named(expressions: Sequence[Sequence[Node]], known: _Columns) -> _Columns:
    return {_number(one[0]): _value(_tree(one), known) for one in expressions}


def _generated(node: Node, known: _Columns) -> _Columns:
    """The columns of ``inline`` are the fields of its structs; those of other generators have all origins."""
    generator = _value(_tree(node["generator"]), known)
    made = list(_attributes(node["generatorOutput"]))
    each = generator.fields if len(generator.fields) == len(made) else [_Value(generator.origins)] * len(made)
    return {_number(one): value for one, value in zip(made, each, strict=True)}


def _value(expression: _Tree, known: _Columns) -> _Value:
    children = expression.children
    match expression.kind:
        case "AttributeReference":
            return known.get(_number(expression.node), _Value())
        case "CreateNamedStruct":
            # Names and values alternate.
            return _Value(fields=tuple(_value(child, known) for child in children[1::2]))
        case "GetStructField":
            struct = _value(children[0], known)
            return struct.fields[int(expression.node["ordinal"])] if struct.fields else struct
        case "WindowExpression":
            function, window = (_value(child, known) for child in children)
            return function if function.origins else window
        case "If" | "CaseWhen" if _is_of_structs(expression, known):
            return _all(_value(child, known) for child in _choices(expression))
        case (
            "Alias" | "CreateArray" | "Coalesce" | "Inline" | "AggregateExpression" | "First" | "Last" | "Lag" | "Lead"
        ):
            return _all(_value(child, known) for child in children)
        case _:
            return _Value(_all(_Value(_value(child, known).origins) for child in children).own)


def _is_of_structs(choice: _Tree, known: _Columns) -> bool:
    return any(_value(child, known).fields for child in _choices(choice))


def _choices(choice: _Tree) -> Sequence[_Tree]:
    """The alternatives of a choice, without the conditions, which only select rows if the values are structs."""
    if choice.kind == "If":
        return choice.children[1:]
    return [child for place, child in enumerate(choice.children) if place % 2 or place == len(choice.children) - 1]


def _attributes(output: Sequence[Sequence[Node]]) -> Iterator[Node]:
    yield from (attribute for (attribute,) in output)


def _number(expression: Node) -> int:
    return int(expression["exprId"]["id"])


def _table(plan: _Tree) -> str:
    """The name under which a node reads a table or a view of one; empty for other nodes."""
    read = plan.children[0] if plan.kind == "SubqueryAlias" else plan
    leaf = read.children[0] if read.kind == "View" else read
    return str(plan.node["identifier"]["name"]) if read is not plan and not leaf.children else ""


def _output(plan: _Tree) -> Iterator[Node]:
    """The columns of a leaf, or of the leaf below a node that reads it."""
    while plan.children:
        plan = plan.children[0]
    return _attributes(plan.node.get("output", ()))
