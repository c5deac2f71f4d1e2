"""A transaction of pyiceberg that stays fast for tables of many snapshots.

Belongs here: what pyiceberg computes too often. Does not belong here: what is committed (iceberg_table.py).
"""

from __future__ import annotations

from pyiceberg.table import Table, Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.update import TableUpdate


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
