"""Commits to clean tables since a cursor, seen in the ledger: whoever wrote them, a run, a restore or a Spark job.

Belongs here: which partitions are new, and the cursor. Does not belong here: what is done about it.

A cursor holds, for each table, the snapshot that made each partition's record; a partition is new if it has another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from steam_assets.ledger.records import CleanRecord, Ledger, records
from steam_assets.sources.source import Table


@dataclass(frozen=True)
class Commits:
    """What is new: the changed partitions by table, oldest first; ``digest`` names just these commits.

    ``cursor`` is the one to go on from.
    """

    changed: Mapping[str, Sequence[str]]
    digest: str
    cursor: str


_CURSOR = TypeAdapter(dict[str, dict[str, str]])


def commits_since(lake: Ledger, tables: Sequence[Table], cursor: str | None) -> Commits:
    """The commits to ``tables`` after ``cursor``; all on record of a table that the cursor does not know."""
    known = _CURSOR.validate_json(cursor) if cursor else {}
    now = {table.name: _versions(lake, table) for table in tables}
    changed: dict[str, Sequence[str]] = {}
    for table, versions in now.items():
        if new := sorted(versions.items() - known.get(table, {}).items()):
            changed[table] = [key for key, _ in new]
    named = "".join(f"{table} {key} {now[table][key]}\n" for table, keys in changed.items() for key in keys)
    digest = hashlib.sha256(named.encode()).hexdigest()[:16]
    return Commits(changed, digest, _CURSOR.dump_json(now).decode())


def _versions(lake: Ledger, table: Table) -> dict[str, str]:
    committed = records(lake.properties("clean", table.name), CleanRecord)
    return {key: str(record.snapshot_id) for key, record in committed.items()}
