"""Parsing statements: how an interruption is reported."""

from __future__ import annotations

import threading

import duckdb
import pytest

from steam_assets.query.statements import parse


def test_an_interruption_while_a_statement_is_parsed_is_not_an_error_of_the_statement() -> None:
    """A time limit or Ctrl-C may arrive at any moment."""
    duck, done = duckdb.connect(), threading.Event()

    def interrupt() -> None:
        while not done.is_set():
            duck.interrupt()

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(duckdb.InterruptException):
            _parse_often(duck)
    finally:
        done.set()
        thread.join()


def _parse_often(duck: duckdb.DuckDBPyConnection) -> None:
    for _ in range(100_000):
        parse(duck, "select 1")
