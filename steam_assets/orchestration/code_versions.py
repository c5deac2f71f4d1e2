"""Code versions: a digest of the code and declaration that determine a table's rows.

Belongs here: finding that code. Does not belong here: which assets have a version (asset_details.py).

A version covers the function that computes the rows and, recursively, every function and constant of this package that
it names, without comments, docstrings and annotations, and the parts of the declaration that affect rows (columns, key,
rules). So it changes with the transformation, but not with a description or a declaring class.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from types import FunctionType

from steam_assets.insights.freshness import freshness_rows
from steam_assets.insights.insight import Insight
from steam_assets.sources.host import Host
from steam_assets.sources.source import Column, Source, Table
from steam_assets.spark.cleaning import classify

PACKAGE = "steam_assets"
DECLARATIONS = (Table, Insight, Source, Host, Column)
"""Types covered by their values, or without effect on rows."""


def clean_version(table: Table) -> str:
    """The version of a clean table's rows."""
    made = [table.full_snapshot, table.pseudonymous, *table.ranked]
    return _digest((table.items, classify), _columns(table.columns), list(table.key), dict(table.rules), made)


def insight_version(insight: Insight) -> str:
    """The version of an insight's rows."""
    spans = [(needed.table, needed.days_before, needed.days_after) for needed in insight.inputs]
    return _digest((insight.compute or freshness_rows,), _columns(insight.columns), list(insight.key), spans)


def _columns(columns: tuple[Column, ...]) -> list[object]:
    # A whole number with a unit is a count, which cleaning treats differently.
    return [(one.name, one.type, one.value, one.nullable, one.bounds, bool(one.unit)) for one in columns]


def _digest(functions: tuple[Callable[..., object], ...], *declared: object) -> str:
    code: dict[str, str] = {}
    for function in functions:
        if isinstance(function, FunctionType):
            _collect(function.__module__, function.__name__, code)
    text = json.dumps([sorted(code.items()), *declared])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _collect(module: str, name: str, code: dict[str, str]) -> None:
    """Add the code of a module's name, and of everything it names, by ``MODULE.NAME``."""
    place = f"{module}.{name}"
    if place not in code and (found := _code(module, name)):
        code[place], names = found
        for other in names:
            _collect(*other, code)


@cache
def _code(module: str, name: str) -> tuple[str, list[tuple[str, str]]] | None:
    """The code of a module's name, and the names in it with their modules; None if it is not code."""
    node = _definitions(module).get(name)
    if node is None or _is_declaration(getattr(import_module(module), name, None)):
        return None
    imported = _imports(module) | {key: source for inner in ast.walk(node) for key, source in _imported_by(inner)}
    used = sorted({found.id for found in ast.walk(node) if isinstance(found, ast.Name)})
    return ast.unparse(node), [imported.get(one, (module, one)) for one in used]


def _is_declaration(value: object) -> bool:
    if isinstance(value, tuple):
        return bool(value) and all(isinstance(one, Column) for one in value)
    return isinstance(value, DECLARATIONS) or value in DECLARATIONS


@cache
def _definitions(module: str) -> dict[str, ast.stmt]:
    """The functions, classes and constants of a module by name; empty for other packages."""
    if not module.startswith(f"{PACKAGE}."):
        return {}
    found: dict[str, ast.stmt] = {}
    for node in _Bare().visit(ast.parse(inspect.getsource(import_module(module)))).body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found[name] = node
            case ast.Assign(targets=[ast.Name(id=name)]):
                found[name] = node
    return found


@cache
def _imports(module: str) -> dict[str, tuple[str, str]]:
    """The names imported at a module's top: from which module, and under which name there."""
    nodes = ast.parse(inspect.getsource(import_module(module))).body
    return {name: source for node in nodes for name, source in _imported_by(node)}


def _imported_by(node: ast.AST) -> Iterator[tuple[str, tuple[str, str]]]:
    if isinstance(node, ast.ImportFrom) and node.module:
        for alias in node.names:
            yield alias.asname or alias.name, (node.module, alias.name)


class _Bare(ast.NodeTransformer):
    """Removes docstrings and annotations; comments are not in the tree."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        return None if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str) else node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        node.returns = None
        node.body = node.body or [ast.Pass()]
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        self.generic_visit(node)
        return ast.Assign([node.target], node.value, lineno=node.lineno) if node.value else node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node
