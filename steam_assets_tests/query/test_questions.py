"""The tutorial's questions: DuckDB on the lake gives the same answers as SQLite on the rows."""

from __future__ import annotations

import sqlite3
import time
from datetime import date, datetime
from decimal import Decimal

import pytest

from steam_assets.lake.lake import Lake
from steam_assets.query.engine import Engine
from steam_assets_tests.query.made_up_market import Market
from steam_assets_tests.query.market_lake import freshness
from steam_assets_tests.query.questions import Question, questions
from steam_assets_tests.waiting import in_time

ALL = questions()
P95_SECONDS = 0.3


@pytest.fixture(scope="module")
def engine(market_lake: Lake) -> Engine:
    return Engine(market_lake)


@pytest.fixture(scope="module")
def second_engine(market_lake: Lake) -> sqlite3.Connection:
    """The generated rows in SQLite, without lake, Iceberg, Parquet or Arrow in between."""
    made = sqlite3.connect(":memory:")
    for table, rows in {**Market().rows, "insight_freshness": freshness(market_lake)}.items():
        columns = sorted({name for row in rows for name in row} | {"partition_key"})
        made.execute(f"create table {table} ({', '.join(columns)})")
        values = [[_stored(row.get(name)) for name in columns] for row in rows]
        made.executemany(f"insert into {table} values ({', '.join('?' * len(columns))})", values)
    return made


def _stored(value: object) -> object:
    if isinstance(value, date | datetime):
        return value.isoformat()
    return None if isinstance(value, list) else value


def plain(value: object) -> object:
    """The value in a type that both engines support."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value


def test_there_are_twenty_questions_with_one_statement_each() -> None:
    assert [one.number for one in ALL] == list(range(1, 21))


@pytest.mark.parametrize("question", ALL, ids=lambda one: str(one.number))
def test_a_second_engine_answers_the_same(
    question: Question, engine: Engine, second_engine: sqlite3.Connection
) -> None:
    answer = engine.ask(question.sql)
    cursor = second_engine.execute(question.sql)
    assert answer.rows.column_names == [name for name, *_ in cursor.description]
    expected = cursor.fetchall()
    assert expected
    found = [[plain(value) for value in row.values()] for row in answer.rows.to_pylist()]
    assert found == [[pytest.approx(v) if isinstance(v, float) else v for v in row] for row in expected]


def test_questions_take_less_than_their_limit(engine: Engine) -> None:
    """Measured after opening the tables, in CPU time of both cores, because other tests run at the same time."""
    for question in ALL:
        engine.ask(question.sql)
    taken = []
    for question in ALL:
        started = time.process_time()
        engine.ask(question.sql)
        taken.append(time.process_time() - started)
    assert in_time(sorted(taken)[18], P95_SECONDS)
