"""Copy parts of partitions from one table to its twin: invisible until they are committed, and only if they match.

Belongs here: copying bytes or rows, comparing the copy with the ledger. Does not belong here: what has to be copied
(backup.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from pydantic import BaseModel
from pyiceberg.expressions import AlwaysFalse, BooleanExpression, Or
from pyiceberg.schema import index_by_name

from steam_assets.lake.columns import arrow_schema
from steam_assets.lake.iceberg_table import IcebergTable, of_batches, of_partitions
from steam_assets.lake.parquet_files import DamagedData, file_digests, stored
from steam_assets.ledger.content import Content, Stored


class BackupDiffers(Exception):
    """A copy does not match, or cannot be made to match, the data it was made from."""


@dataclass(frozen=True)
class Part:
    """Rows that replace the matching ones in a table: those of a partition, or of some of its batches."""

    key: str
    batch_ids: frozenset[str] | None
    stored: Stored


class Copies:
    """Parts copied from one pinned table to another: files that were read back but are invisible until the commit."""

    def __init__(self, origin: IcebergTable, goal: IcebergTable) -> None:
        self._origin, self._goal = origin, goal
        self._files: list[str] = []
        self._replaced: list[Part] = []

    @cached_property
    def _alike(self) -> bool:
        """Whether the bytes of the origin's files mean the same in the other table, as it has the same column ids."""
        table = self._origin.load()
        here = index_by_name(self._goal.create().schema())
        return table is None or index_by_name(table.schema()).items() <= here.items()

    def take(self, part: Part | None) -> dict[str, str]:
        """Copy a part and verify the copy; return the SHA-256 of its files by name.

        Only bytes that were written and read back are copied as they are. Of others the rows are: a footer, from which
        readers and Iceberg's metadata take a file's bounds, has no checksum, and if a column's type in it is damaged,
        Arrow ends the process. Raises BackupDiffers, and deletes the copy, if it does not match.
        """
        if part is None:
            return {}
        io, problem = self._goal.create().io, ""
        for rows in (False, True) if part.stored.sha256s and self._alike else (True,):
            files = list[str]()
            try:
                for address in self._goal.copy(self._origin, part.key, part.batch_ids, rows=rows):
                    files.append(address)
                # The digests are read before the rows, so that a later change is detected by one of the two checks.
                digests = file_digests(io, files)
                problem = self._difference(part, files, digests, rows=rows)
            except DamagedData as error:
                problem = str(error)
            else:
                if not problem:
                    self._files += files
                    self._replaced.append(part)
                    return digests
            for address in files:
                with suppress(OSError):  # No role may delete in a backup on AWS.
                    io.delete(address)
        raise BackupDiffers(
            f"{self._origin.identifier} {part.key} cannot be copied to {self._goal.identifier}: {problem}; nothing was "
            "changed. Run `steam-assets verify` to see which copy is good"
        )

    def _difference(self, part: Part, files: Sequence[str], digests: Mapping[str, str], *, rows: bool) -> str:
        """How a copy differs from the ledger's record of its part; empty if it does not. Raises DamagedData."""
        if as_written(digests, part.stored.sha256s):
            return ""
        if not rows:
            return "its files have other bytes than those written"
        table = self._goal.create()
        found = stored(table.io, arrow_schema(table), {part.key: files})[part.key].content
        if found == part.stored.content:
            return ""
        return f"the ledger has {shown(part.stored.content)}, but the copy reads back as {shown(found)}"

    def commit(self, records: Mapping[str, BaseModel]) -> None:
        """Make the copies visible in place of what they replace, together with the records of their partitions."""
        if not records:
            return
        whole = [part.key for part in self._replaced if part.batch_ids is None]
        replaced = [of_partitions(whole)] if whole else list[BooleanExpression]()
        replaced += [of_batches(part.key, part.batch_ids) for part in self._replaced if part.batch_ids is not None]
        # Built from all parts together it is a balanced tree; built one by one it would be as deep as their number.
        remove = Or(AlwaysFalse(), AlwaysFalse(), *replaced) if replaced else None
        self._goal.commit(records, remove=remove, add=self._files)


def as_written(digests: Mapping[str, str], sha256s: Sequence[str]) -> bool:
    """Whether files, by their digests, have the bytes that were written and read back; no if that is not recorded."""
    return bool(sha256s) and sorted(digests.values()) == sorted(sha256s)


def shown(found: Content) -> str:
    return f"{found.rows} rows (digest {found.digest})"
