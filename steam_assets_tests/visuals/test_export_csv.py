"""CSV exports: spreadsheets run nothing, and every value round-trips."""

from __future__ import annotations

import csv
import io
import unicodedata
from datetime import UTC, date, datetime
from itertools import dropwhile
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steam_assets.visuals.exports.csv_files import read_csv_export, write_csv

SCHEMA = pa.schema(
    [
        ("text", pa.string()),
        ("whole", pa.int64()),
        ("real", pa.float64()),
        ("day", pa.date32()),
        ("moment", pa.timestamp("us", tz="UTC")),
        ("flag", pa.bool_()),
        ("tags", pa.list_(pa.string())),
        ("note", pa.large_string()),
    ]
)
FORMULA_STARTS = "=+-@\t\r\n\0＝＋－＠"

texts = st.text(st.characters(exclude_categories=("Cs", "Cn")), max_size=12)
tricky = st.builds(
    str.__add__, st.sampled_from(["", *FORMULA_STARTS, "'", "''=", '"', ",", "\r\n", " =", "\u2028", "\ufeff="]), texts
)
rows = st.fixed_dictionaries(
    {
        "text": st.none() | tricky,
        "whole": st.none() | st.integers(-(2**63), 2**63 - 1),
        "real": st.none() | st.floats(allow_nan=False),
        "day": st.none() | st.dates(date(1970, 1, 1)),
        "moment": st.none() | st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
        "flag": st.none() | st.booleans(),
        "tags": st.none() | st.lists(st.none() | tricky, max_size=3),
        "note": st.none() | tricky,
    }
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports") / "rows.csv"


def _written(table: pa.Table, path: Path) -> str:
    write_csv(table, path)
    return path.read_bytes().decode()


@given(st.lists(rows, max_size=5))
def test_every_value_is_read_back_unchanged(path: Path, given_rows: list[dict[str, object]]):
    """Nulls, empty texts, quotes, line breaks, byte-order marks and extreme numbers round-trip."""
    table = pa.Table.from_pylist(given_rows, schema=SCHEMA)
    write_csv(table, path)
    assert read_csv_export(path, SCHEMA).equals(table)


@given(st.lists(rows, min_size=1, max_size=5))
def test_no_text_begins_as_a_formula(path: Path, given_rows: list[dict[str, object]]):
    """In another CSV reader no text starts with a character that spreadsheets may run, even after blanks."""
    text = _written(pa.Table.from_pylist(given_rows, schema=SCHEMA), path)
    lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert [len(line) for line in lines] == [len(SCHEMA)] * (len(given_rows) + 1)
    for line in lines[1:]:
        for cell in (line[0], line[7]):
            assert not cell or cell[0] not in FORMULA_STARTS
            assert not _seen(cell).startswith(tuple(FORMULA_STARTS))


def _seen(cell: str) -> str:
    """The text from its first visible character on."""
    return "".join(dropwhile(lambda character: unicodedata.category(character)[0] in "ZC", cell))


@given(st.integers(-(2**63), 2**63 - 1))
def test_numbers_stay_numbers(path: Path, number: int):
    """A negative number has no apostrophe and no quotes."""
    text = _written(pa.table({"n": pa.array([number], pa.int64())}), path)
    assert text == f'"n"\r\n{number}\r\n'


def test_the_format_is_as_documented(path: Path):
    """RFC 4180 with CRLF and doubled quotes.

    Null is empty, an empty text is two quotes, timestamps are ISO 8601 in UTC.
    """
    moment = datetime(2026, 11, 18, 21, 0, 5, 250000, tzinfo=UTC)
    row = ['=HYPERLINK("x")', -5, -0.5, date(2026, 11, 18), moment, True, ["=a"], ""]
    table = pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)), {}], schema=SCHEMA)
    header = '"text","whole","real","day","moment","flag","tags","note"'
    first = '"\'=HYPERLINK(""x"")",-5,-0.5,2026-11-18,2026-11-18T21:00:05.250000Z,true,"[""=a""]",""'
    assert _written(table, path) == f"{header}\r\n{first}\r\n,,,,,,,\r\n"


def test_duckdb_reads_the_numbers_as_numbers(path: Path):
    """A program without our settings reads numbers, dates, timestamps and the escaped texts."""
    table = pa.table({"n": pa.array([-5, 7]), "x": pa.array([0.25, None]), "t": pa.array(["-5", "a,\nb"])})
    write_csv(table, path)
    assert duckdb.read_csv(str(path)).fetchall() == [(-5, 0.25, "'-5"), (7, None, "a,\nb")]


def test_a_column_type_that_csv_cannot_store_is_refused(path: Path):
    """Bytes have no text form; the message says what to do instead."""
    with pytest.raises(TypeError, match="Parquet"):
        write_csv(pa.table({"b": pa.array([b"x"])}), path)
