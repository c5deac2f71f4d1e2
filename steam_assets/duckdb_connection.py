"""DuckDB in memory and in UTC, without access to files, networks or Python variables: safe for any statement.

Belongs here: the settings of a connection. Does not belong here: its tables, queries (query/, insights/).
"""

from __future__ import annotations

import duckdb

MEMORY_MB = 2048


def open_connection(*, memory_mb: int | None = MEMORY_MB) -> duckdb.DuckDBPyConnection:
    """A new in-memory database; its data comes from Arrow, through ``register``.

    ``memory_mb`` None means DuckDB's default limit, 80 % of the machine's memory.

    Its settings are locked: no statement can open a file or an address, load an extension, or write to a disk.
    """
    duck = duckdb.connect(config={} if memory_mb is None else {"memory_limit": f"{memory_mb}MB"})
    for setting in (
        "timezone = 'UTC'",
        # What does not fit in memory fails instead of spilling to disk.
        "temp_directory = ''",
        "python_enable_replacements = false",
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        "enable_external_access = false",
    ):
        duck.execute(f"set {setting}")
    return duck


def lock(duck: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Lock the connection's settings, so that no statement can change them; return the connection."""
    duck.execute("set lock_configuration = true")
    return duck
