"""The page of cases matches the tests: each case is listed once, with a promise or a reason, and its tests exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from steam_assets_tests.conftest import REPOSITORY
from steam_assets_tests.mutations import MUTATIONS

PAGE = REPOSITORY / "docs" / "reference" / "reliability-cases.md"
TESTS = REPOSITORY / "steam_assets_tests"
CASES = {"A": 22, "B": 13, "C": 16, "D": 10, "E": 10, "F": 6}
"""The number of cases in the design, by letter."""
ROW = re.compile(r"^\| ([A-Z]\d+) \| (.+?) \| (\d+|–) \| (.+) \|$", re.MULTILINE)


def rows() -> list[tuple[str, str, str, str]]:
    return ROW.findall(PAGE.read_text())


@cache
def functions(file: Path) -> frozenset[str]:
    return frozenset(node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef))


def named_tests(cell: str) -> list[tuple[Path, str]]:
    return [(TESTS / file, test) for file, test in re.findall(r"`([\w/]+\.py)::(\w+)`", cell)]


def test_each_case_is_named_once() -> None:
    named = [case for case, *_ in rows()]
    designed = [f"{letter}{number}" for letter, most in CASES.items() for number in range(1, most + 1)]
    assert [case for case in named if case[0] in CASES] == designed
    assert len(set(named)) == len(named)


def test_each_case_has_a_promise_or_says_why_it_cannot_occur() -> None:
    promises = set(re.findall(r"^(\d+)\. \*\*", PAGE.read_text(), re.MULTILINE))
    assert len(promises) == 10
    for case, _, promise, cell in rows():
        assert promise in promises if promise != "–" else "cannot occur" in cell, case
    assert promises == {promise for _, _, promise, _ in rows()} - {"–"}, "no promise without a case"


@pytest.mark.parametrize(("case", "cell"), [(case, cell) for case, _, _, cell in rows()])
def test_each_named_test_exists(case: str, cell: str) -> None:
    tests = named_tests(cell)
    assert tests, case
    for file, test in tests:
        assert file.is_file() and test in functions(file), f"{case}: {file.relative_to(TESTS)}::{test}"


def test_each_mutation_applies_to_existing_code_and_names_a_test_of_its_case() -> None:
    cells = {case: named_tests(cell) for case, _, _, cell in rows()}
    for mutation in MUTATIONS:
        assert (REPOSITORY / mutation.file).read_text().count(mutation.code) == 1, mutation
        assert (TESTS / mutation.test.split("::")[0], mutation.test.split("::")[1]) in cells[mutation.case], mutation
