"""The page's input in DuckDB, with the functions that its queries use.

Belongs here: the connection, the limits of texts. Does not belong here: queries (panel_queries.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

import pyarrow as pa

from steam_assets.duckdb_connection import open_connection
from steam_assets.visuals.dashboard.data import DashboardData
from steam_assets.visuals.dashboard.unusual_weeks import unusual_weeks

Parameter: TypeAlias = "int | str | list[int]"

LONGEST = {"name": 120, "title": 240, "address": 400, "source": 2000}
"""Maximum lengths in characters; longer texts are cut, longer URLs omitted."""


class PageTables:
    """The tables of ``data``, to be queried. ``limits`` are parameters of all queries, as those of ``LONGEST`` are."""

    def __init__(self, data: DashboardData, limits: Mapping[str, int]) -> None:
        self.data = data
        self._limits = LONGEST | dict(limits)
        self._duck = open_connection(memory_mb=None)
        self._duck.execute("set threads = 2")
        self._duck.execute("create macro epoch_day(day) as cast(day as date) - date '1970-01-01'")
        self._duck.execute("create macro epoch_second(moment) as cast(floor(epoch(moment)) as bigint)")
        self._duck.execute(
            "create macro cut_to(words, longest) as if(length(words) > longest, left(words, longest - 1) || '…', words)"
        )
        self._duck.execute(
            f"create macro name_of(name, app_id) as coalesce(cut_to(name, {LONGEST['name']}), 'App ' || app_id)"
        )
        self._duck.register("unusual", unusual_weeks(data.tables.get("insight_review_bombs")))
        for name, rows in data.tables.items():
            self._duck.register(name, rows)

    def rows(self, table: str, sql: str, parameters: Mapping[str, Parameter] = MappingProxyType({})) -> pa.Table:
        """The result of a query in which ``given`` is the table, and other tables and ``unusual`` have their names."""
        self._duck.register("given", self.data.tables[table])
        every: dict[str, Parameter] = {**self._limits, **parameters}
        wanted = {name: value for name, value in every.items() if f"${name}" in sql}
        return self._duck.sql(sql, params=wanted or None).to_arrow_table()
