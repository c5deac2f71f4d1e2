"""Commits to clean tables since a cursor, seen in the ledger: whoever wrote them, a run, a restore or a Spark job.

Belongs here: which partitions are new, and the cursor. Does not belong here: what is done about it.

Only names and times of records are listed; none is read. A cursor holds, for each table, the time of its newest record
and the records of the last minutes before it: a store may show a record later than its time says, or tell whole
seconds only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import AwareDatetime, BaseModel, TypeAdapter

from steam_assets.lake.ledger import Ledger

OVERLAP = timedelta(minutes=15)
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Commits:
    """What is new: the changed partitions by table, oldest first; ``digest`` names just these commits.

    ``cursor`` is the one to go on from.
    """

    changed: Mapping[str, Sequence[str]]
    digest: str
    cursor: str


class _Seen(BaseModel):
    """Of one table: the time of its newest record, and the records of the last ``OVERLAP`` by key."""

    newest: AwareDatetime = BEGINNING
    etags: dict[str, str] = {}


_CURSOR = TypeAdapter(dict[str, _Seen])


def commits_since(ledger: Ledger, tables: Iterable[str], cursor: str | None) -> Commits:
    """The commits to ``tables`` after ``cursor``; all on record of a table that the cursor does not know."""
    known = _CURSOR.validate_json(cursor) if cursor else {}
    changed: dict[str, list[str]] = {}
    named = hashlib.sha256()
    after: dict[str, _Seen] = {}
    for table in tables:
        records = {key: (stored.modified, stored.etag) for key, stored in ledger.written(table)}
        new, after[table] = _newer(records, known.get(table, _Seen()))
        if new:
            changed[table] = new
            named.update("".join(f"{table} {key} {records[key][1]}\n" for key in new).encode())
    return Commits(changed, named.hexdigest()[:16], _CURSOR.dump_json(after).decode())


def _newer(records: Mapping[str, tuple[datetime, str]], known: _Seen) -> tuple[list[str], _Seen]:
    """Keys of records that were not seen, oldest first, and what to remember of this table."""
    since = known.newest - OVERLAP
    new = sorted(key for key, (at, etag) in records.items() if at > since and known.etags.get(key) != etag)
    newest = max([known.newest, *(at for at, _ in records.values())])
    recent = {key: etag for key, (at, etag) in records.items() if at > newest - OVERLAP}
    return new, _Seen(newest=newest, etags=recent)
