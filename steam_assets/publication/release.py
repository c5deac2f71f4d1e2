"""A release: the rows of all tables as self-contained files, for people without a lake.

Belongs here: which rows and columns are released, their files, checksums, and reproducible bytes for the same lake.
Does not belong here: the text of the card (card.py), the contracts (contracts.py).

A release is a folder: ``README.md`` (the card), ``data/TABLE/YYYY-MM.parquet`` (rows by the month in which their period
begins), ``contracts/TABLE.odcs.yaml`` and ``SHA256SUMS``. It is written atomically. Each table is read as of one
commit. Columns that identify a person are never included, texts only on request (``Sensitivity``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from open_data_contract_standard.model import Server
from pyiceberg.io.pyarrow import schema_to_pyarrow

from steam_assets.insights.declared_tables import DeclaredTable, declared_tables
from steam_assets.insights.insight import ALL
from steam_assets.lake.columns import iceberg_schema
from steam_assets.lake.iceberg_table import IcebergTable
from steam_assets.lake.lake import Lake
from steam_assets.lake.ledger_files import open_ledger
from steam_assets.lake.parquet_files import aligned, row_groups
from steam_assets.processes.temporary_folders import temporary_folder
from steam_assets.publication.card import ReleasedTable, card_text
from steam_assets.publication.contracts import RELEASED, contract, write_contract
from steam_assets.publication.state import LakeState, lake_state
from steam_assets.sources.source import Sensitivity, Source

DATA, CONTRACTS, CARD, CHECKSUMS = "data", "contracts", "README.md", "SHA256SUMS"


class NothingToRelease(Exception):
    """No table has rows."""


class FolderNotEmpty(Exception):
    """A release needs a new folder, so that it never mixes with other files."""


@dataclass(frozen=True)
class Part:
    """A file of a release: the partitions of a table that begin in a month."""

    table: DeclaredTable
    released: DeclaredTable
    rows: IcebergTable
    month: str
    keys: tuple[str, ...]

    @property
    def path(self) -> Path:
        """Relative to the release's folder."""
        return Path(DATA, self.table.name, f"{self.month}.parquet")


class Release:
    """A release of a lake as it is now. Raises NothingToRelease if no table has rows.

    ``with_text``: texts by people and publishers are included.
    """

    def __init__(self, lake: Lake, sources: Sequence[Source], *, with_text: bool = False) -> None:
        state = lake_state(open_ledger(lake.settings), sources)
        self.parts = [part for table in declared_tables(sources) for part in _parts(lake, table, with_text=with_text)]
        if state is None or not self.parts:
            raise NothingToRelease(f"no table has rows in {lake.settings.home}")
        self._state: LakeState = state

    def write(self, folder: Path) -> Iterator[Part]:
        """Write the release into ``folder``, which must be new or empty (else FolderNotEmpty).

        Yields each part when its file is written; the folder is in place when the iterator ends.
        """
        if folder.exists() and any(folder.iterdir()):
            raise FolderNotEmpty(f"{folder} is not empty")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(f".{folder.name}-", folder.parent) as drafts:
            draft, counts = drafts / "release", dict[Path, int]()
            for part in self.parts:
                counts[part.path] = _write_part(part, draft / part.path)
                yield part
            self._describe(draft, counts)
            (draft / CHECKSUMS).write_text("".join(_checksums(draft)), encoding="utf-8")
            if folder.exists():
                folder.rmdir()
            draft.rename(folder)

    def _describe(self, draft: Path, counts: dict[Path, int]) -> None:
        """Write the card and the contracts."""
        (draft / CONTRACTS).mkdir()
        tables: list[ReleasedTable] = []
        for _, group in groupby(self.parts, key=lambda part: part.table.name):
            parts = list(group)
            first, last = parts[0], parts[-1]
            rows = sum(counts[part.path] for part in parts)
            tables.append(ReleasedTable(first.table, first.released, rows, len(parts), first.keys[0], last.keys[-1]))
            where = Server(
                server="release", type="local", path=f"{DATA}/{first.table.name}/*.parquet", format="parquet"
            )
            document = contract(first.released, RELEASED, where, synthetic=self._state.synthetic)
            write_contract(document, first.released, draft / CONTRACTS)
        (draft / CARD).write_text(card_text(self._state, tables), encoding="utf-8")


def released(table: DeclaredTable, *, with_text: bool) -> DeclaredTable:
    """The table without its withheld columns, and without a key or rules that need them."""
    withheld = {Sensitivity.PERSON} if with_text else {Sensitivity.PERSON, Sensitivity.TEXT}
    gone = {column.name for column in table.columns if column.sensitivity in withheld}
    return replace(
        table,
        columns=tuple(column for column in table.columns if column.name not in gone),
        key=() if gone & {*table.key} else table.key,
        rules={name: rule for name, rule in table.rules.items() if not gone & {*re.findall(r"\w+", rule)}},
    )


def _parts(lake: Lake, table: DeclaredTable, *, with_text: bool) -> Iterator[Part]:
    rows = lake.table("clean", table.name, (), "").pinned()
    keys = sorted(key for key, count in rows.partition_rows().items() if count)
    shown = released(table, with_text=with_text)
    for month, group in groupby(keys, key=lambda key: key if key == ALL else key[:7]):
        yield Part(table, shown, rows, month, tuple(group))


def _write_part(part: Part, where: Path) -> int:
    where.parent.mkdir(parents=True, exist_ok=True)
    fields = schema_to_pyarrow(iceberg_schema(part.released.columns), include_field_ids=False)
    # A column that is required today may have been added after these rows.
    schema = pa.schema([field.with_nullable(True) for field in fields])
    count = 0
    with pq.ParquetWriter(where, schema, compression="zstd") as writer:
        for group in row_groups(batch for key in part.keys for batch in _sorted_rows(part, key, schema)):
            writer.write_table(group, row_group_size=max(1, group.num_rows))
            count += group.num_rows
    return count


def _sorted_rows(part: Part, key: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """A partition's rows sorted by key, whatever their order and number of files in the lake."""
    rows = part.rows.arrow([key])
    if rows is None:
        return
    ordered = rows.sort_by([(name, "ascending") for name in part.table.key]).combine_chunks()
    for batch in ordered.to_batches():
        yield aligned(batch, schema)


def _checksums(folder: Path) -> Iterator[str]:
    """The lines of a file for ``sha256sum -c``."""
    for path in sorted(found for found in folder.rglob("*") if found.is_file()):
        with path.open("rb") as file:
            yield f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.relative_to(folder).as_posix()}\n"
