"""Values of every type that a query can return: as text, as JSON and in files."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from steam_assets.lake.lake import Lake
from steam_assets.query.engine import Engine
from steam_assets.query.rendering import json_arrays, json_objects, storable, text_rows
from steam_assets.visuals.exports.csv_files import write_csv

VALUES = {
    "42": ("42", 42),
    "9007199254740993": ("9007199254740993", 9007199254740993),
    "123456789012345678901234567890::hugeint": ("123456789012345678901234567890", 123456789012345678901234567890),
    "1.50": ("1.50", 1.5),
    "0.1::double": ("0.1", 0.1),
    "'nan'::double": ("nan", None),
    "'-infinity'::double": ("-inf", None),
    "true": ("true", True),
    "null": (None, None),
    "'it''s \"x\", [b]'": ('it\'s "x", [b]', 'it\'s "x", [b]'),
    "date '2026-11-17'": ("2026-11-17", "2026-11-17"),
    "'infinity'::date": ("infinity", "infinity"),
    "timestamptz '2026-11-17 21:00:00+01'": ("2026-11-17 20:00:00+00", "2026-11-17T20:00:00.000000Z"),
    "timestamp '2026-11-17 21:00:00.5'": ("2026-11-17 21:00:00.5", "2026-11-17T21:00:00.500000"),
    "[[timestamptz '2026-11-17 21:00:00+01', null]]": (
        "[['2026-11-17 20:00:00+00', NULL]]",
        [["2026-11-17T20:00:00.000000Z", None]],
    ),
    "[[1, 2]]": ("[[1, 2]]", [[1, 2]]),
    "interval 90 minute": ("01:30:00", "01:30:00"),
    "time '10:00'": ("10:00:00", "10:00:00"),
    "'ab'::blob": ("ab", "ab"),
    "['x', null]": ("[x, NULL]", ["x", None]),
    "{'a': date '2026-01-01'}": ("{'a': 2026-01-01}", {"a": "2026-01-01"}),
    "map {'k': 1}": ("{k=1}", {"k": 1}),
    "'b'::enum('a', 'b')": ("b", "b"),
    "['nan'::double, 1.5]": ("[nan, 1.5]", [None, 1.5]),
    "{'a': 'inf'::float, 'b': [map {'NaN': '-inf'::double}]}": (
        "{'a': inf, 'b': [{NaN=-inf}]}",
        {"a": None, "b": [{"NaN": None}]},
    ),
    "['\"NaN, -Infinity', null]": ("['\"NaN, -Infinity', NULL]", ['"NaN, -Infinity', None]),
    "[date '2026-11-17', null]": ("[2026-11-17, NULL]", ["2026-11-17", None]),
    "[1.50]": ("[1.50]", [1.5]),
    "['infinity'::date]": ("[infinity]", ["infinity"]),
    "'infinity'::timestamptz": ("infinity", "infinity"),
    "date '12000-01-01'": ("12000-01-01", "12000-01-01"),
}
"""An expression of each type, and its value as text and as JSON."""


@pytest.fixture
def engine(lake: Lake) -> Engine:
    return Engine(lake)


def strictly_read(document: str) -> object:
    """The value of a document without the words that JSON lacks but Python's reader accepts."""

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is not JSON")

    return json.loads(document, parse_constant=refuse)


@pytest.mark.parametrize("expression", VALUES)
def test_a_value_is_shown_as_text_and_as_json(expression: str, engine: Engine) -> None:
    rows = engine.ask(f"select {expression} as x").rows
    text, value = VALUES[expression]
    assert text_rows(rows) == [(text,)]
    assert [strictly_read(line) for line in json_arrays(rows)] == [[value]]
    assert [strictly_read(line) for line in json_objects(rows)] == [{"x": value}]


def test_columns_may_have_the_same_name_or_any_name(engine: Engine) -> None:
    rows = engine.ask("""select 1 as a, 2 as a, 3 as "it's \"\"x\"\"; drop" """).rows
    assert text_rows(rows) == [("1", "2", "3")]
    assert [*json_arrays(rows)] == ["[1,2,3]"]
    assert '"it\'s \\"x\\"; drop":3' in next(json_objects(rows))


def test_columns_of_the_same_name_are_numbered_in_files(engine: Engine, tmp_path: Path) -> None:
    """As of a join. Every format needs them: a JSON object loses equal names, and readers of Parquet refuse them."""
    rows = engine.ask("""select 1 as rank, 2 as rank_1, 3 as rank, 4 as rank, 5 as "=1+1" """).rows
    named = {"rank": 1, "rank_1": 2, "rank_2": 3, "rank_3": 4, "=1+1": 5}
    assert [json.loads(line) for line in json_objects(rows)] == [named]
    pq.write_table(storable(rows), tmp_path / "x.parquet")
    assert pq.read_table(tmp_path / "x.parquet").to_pylist() == [named]
    write_csv(storable(rows), tmp_path / "x.csv")
    # A spreadsheet would evaluate a name as well as a value.
    assert (tmp_path / "x.csv").read_text().split("\n")[0] == '"rank","rank_1","rank_2","rank_3","\'=1+1"'


def test_an_answer_without_rows_has_none(engine: Engine) -> None:
    rows = engine.ask("select 1 as a, 'x' as b where false").rows
    assert (text_rows(rows), [*json_arrays(rows)], [*json_objects(rows)]) == ([], [], [])


def test_every_type_can_be_stored(engine: Engine, tmp_path: Path) -> None:
    """Numbers, dates and times keep their types; types that a format lacks become text."""
    names = [f"c{place}" for place in range(len(VALUES))]
    columns = ", ".join(f"{value} as {name}" for name, value in zip(names, VALUES, strict=True))
    rows = storable(engine.ask(f"select {columns}").rows)
    pq.write_table(rows, tmp_path / "x.parquet")
    back = pq.read_table(tmp_path / "x.parquet")
    assert back.column_names == names
    assert back.schema.field("c0").type == pa.int32() and back.schema.field("c10").type == pa.date32()
    write_csv(rows, tmp_path / "x.csv")
    heading, values = (tmp_path / "x.csv").read_text().splitlines()
    assert heading.count(",") == len(VALUES) - 1
    assert "out of range" not in values and '"[null, 1.5]"' in values
    assert values.startswith("42,9007199254740993,123456789012345678901234567890,1.50,0.1,")
