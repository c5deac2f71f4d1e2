"""Commits to clean tables since a cursor, read from the ledger, whether by a run, a restore or a Spark job.

Belongs here: which partitions are new, and the cursor. Does not belong here: acting on them.

A cursor holds, per table, the snapshot of each partition's record; a partition is new if its snapshot differs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pydantic import TypeAdapter

from steam_assets.ledger.records import CleanRecord, Ledger, records
from steam_assets.sources.source import Table


@dataclass(frozen=True)
class Commits:
    """New commits: the changed partitions by table, oldest first; ``digest`` identifies exactly these commits.

    ``cursor`` is the position to continue from.
    """

    changed: Mapping[str, Sequence[str]]
    digest: str
    cursor: str


Cursor: TypeAlias = dict[str, dict[str, str]]
CURSOR = TypeAdapter(Cursor)


def commits_since(lake: Ledger, tables: Sequence[Table], known: Cursor | None) -> Commits:
    """The commits to ``tables`` after ``known``; all recorded ones of a table that is not in it."""
    known = known or {}
    now = {table.name: _versions(lake, table) for table in tables}
    changed: dict[str, Sequence[str]] = {}
    for table, versions in now.items():
        if new := sorted(versions.items() - known.get(table, {}).items()):
            changed[table] = [key for key, _ in new]
    named = "".join(f"{table} {key} {now[table][key]}\n" for table, keys in changed.items() for key in keys)
    digest = hashlib.sha256(named.encode()).hexdigest()[:16]
    return Commits(changed, digest, CURSOR.dump_json(now).decode())


def _versions(lake: Ledger, table: Table) -> dict[str, str]:
    committed = records(lake.properties("clean", table.name), CleanRecord)
    return {key: str(record.snapshot_id) for key, record in committed.items()}
