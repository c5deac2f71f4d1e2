"""Shared by the Tableau tests: made-up tables, an extract of them, and SQL over a ``.hyper`` file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
from market_year import MarketYear, schemas

from steam_assets.visuals.tableau.extract import Rows, query, rows_of

YEAR = MarketYear(games=12, days=20, weeks=4)


def made(name: str, *rows: dict[str, Any]) -> Rows:
    return rows_of(pa.Table.from_pylist(list(rows), schema=schemas()[name]))


def year_tables() -> dict[str, pa.Table]:
    """The clean and insight tables of a few weeks."""
    return dict(YEAR.data().tables)


def ask(file: Path, sql: str) -> list[dict[str, Any]]:
    """The result rows of a query on a .hyper file."""
    with tempfile.TemporaryDirectory() as logs:
        return query(file, sql, Path(logs)).to_pylist()
