"""One commit of a table: files out, files in, and the ledger's entries.

Belongs here: staging the parts of a commit. Does not belong here: what is committed and when (iceberg_table.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from pydantic import BaseModel
from pyiceberg.io.pyarrow import parquet_file_to_data_file
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table, TableProperties, Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.update import TableUpdate

from steam_assets.ledger.records import CLEARED, RECORD, prefix_of

Note: TypeAlias = "BaseModel | Callable[[int], BaseModel] | None"
"""A partition's ledger entry, or a function that builds it from the id of the snapshot it is committed with."""

LATEST_STEP_BACK = timedelta(minutes=1)
"""Iceberg's own limit: Java readers refuse a table whose log goes back further, and pyiceberg does not check it."""


class ClockBehind(Exception):
    """This machine's clock is behind the table's last commit; nothing was changed."""


def require_clock(table: Table) -> None:
    """Raise ClockBehind if a commit now would be dated before the table's last one by more than Iceberg allows."""
    last, now = datetime.fromtimestamp(table.metadata.last_updated_ms / 1000, UTC), datetime.now(UTC)
    if now < last - LATEST_STEP_BACK:
        raise ClockBehind(
            f"the last commit to {'.'.join(table.name())} was at {last:%Y-%m-%d %H:%M:%S} UTC, but this machine's clock"
            f" says {now:%Y-%m-%d %H:%M:%S}; set the clock, or wait until then if it was ahead, and run it again"
        )


class Change(Transaction):
    """A transaction that computes its metadata once per staged update.

    pyiceberg's computes it whenever it is read, a dozen times per commit, and copies all snapshots and properties: half
    of the time of a commit to a table of a hundred partitions.
    """

    def __init__(self, table: Table) -> None:
        super().__init__(table)
        self._computed: tuple[TableMetadata, tuple[TableUpdate, ...], TableMetadata] | None = None

    @property
    def table_metadata(self) -> TableMetadata:
        base, updates = self._table.metadata, self._updates
        if self._computed is None or self._computed[0] is not base or self._computed[1] is not updates:
            self._computed = (base, updates, super().table_metadata)
        return self._computed[2]

    def replace_files(self, gone: Sequence[DataFile], add: Sequence[str], details: dict[str, str]) -> None:
        """Replace files in one snapshot, even if there are none to remove or add.

        Catalogs merge concurrent changes that only set properties, so one of two writers' records would be lost.
        """
        table = self._table
        update = self.update_snapshot(snapshot_properties=details)
        with update.overwrite() if gone else update.fast_append() as snapshot:
            for file in gone:
                snapshot.delete_data_file(file)
            for address in add:
                snapshot.append_data_file(parquet_file_to_data_file(table.io, table.metadata, address))

    def note(self, partitions: Mapping[str, Note], properties: Mapping[str, BaseModel]) -> None:
        """Set the ledger entries of partitions, and other properties."""
        snapshot = self.table_metadata.current_snapshot_id
        made = {key: note(snapshot or 0) if callable(note) else note for key, note in partitions.items()}
        # The files have no field ids: readers find columns by name.
        texts = {TableProperties.DEFAULT_NAME_MAPPING: self._table.schema().name_mapping.model_dump_json()}
        texts |= {name: value.model_dump_json() for name, value in properties.items()}
        texts |= {prefix_of(type(said)) + key: said.model_dump_json() for key, said in made.items() if said}
        stale = [prefix + key for key in partitions for prefix in (RECORD, CLEARED) if prefix + key not in texts]
        if gone := [name for name in stale if name in self._table.properties]:
            self.remove_properties(*gone)
        self.set_properties(texts)
