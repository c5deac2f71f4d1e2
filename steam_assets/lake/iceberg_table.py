"""The one kind of table: an Iceberg table partitioned by ``partition_key``, read and committed without a JVM.

Belongs here: all use of pyiceberg. Does not belong here: what rows mean, what is copied or deleted when.

Each change is one commit that moves ``main`` and the ledger's record together, provided that ``main`` is still where
the writer saw it. A partition's record is a property of the table, so snapshot expiry does not lose it.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

import pyarrow as pa
from pydantic import BaseModel
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError, TableAlreadyExistsError
from pyiceberg.expressions import AlwaysTrue, And, BooleanExpression, In
from pyiceberg.manifest import DataFile
from pyiceberg.table import FileScanTask, Table, TableProperties
from pyiceberg.table.update.snapshot import ManageSnapshots
from pyiceberg.utils.datetime import datetime_to_millis
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from steam_assets.lake.catalogs import read_metadata
from steam_assets.lake.change import Change, Note, require_clock
from steam_assets.lake.columns import arrow_schema, column_comment, iceberg_schema
from steam_assets.lake.former_columns import displaced, put_back
from steam_assets.lake.parquet_files import (
    BATCH,
    DamagedData,
    NewFiles,
    Written,
    batch_of,
    file_digests,
    read_files,
    reading_manifests,
    stored,
)
from steam_assets.lake.partition_spec import by_key, is_by_key, partition_by_key, with_keys
from steam_assets.lake.synced_files import SyncedFileIO
from steam_assets.lake.unreadable_tables import naming_damage
from steam_assets.ledger.content import Stored
from steam_assets.ledger.records import prefix_of, records
from steam_assets.sources.source import Column

PARTITIONS = "steam.partitions"
"""In a snapshot's summary: the keys of the partitions that it changed."""

PROPERTIES = {
    "format-version": "2",
    "write.parquet.compression-codec": "zstd",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    # Rows already arrive grouped by partition; hash distribution would cost a shuffle per commit.
    "write.distribution-mode": "none",
    # For Spark's commits to its own branches; the default of 4 is too low when several runs write to a table.
    TableProperties.COMMIT_NUM_RETRIES: "20",
}

CONTENTION_SECONDS = 300
"""How long a writer keeps retrying after lost commits; Spark rewrites its rows on each attempt."""

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


def whole_bounds(columns: Iterable[Column]) -> dict[str, str]:
    """A raw batch is deleted by its id, which must not be truncated in the files' column bounds."""
    return {f"write.metadata.metrics.column.{BATCH}": "full" for column in columns if column.name == BATCH}


class Contention(Exception):
    """Another writer committed to the table meanwhile; nothing was changed. Reload, and decide again."""


@dataclass(frozen=True)
class IcebergTable:
    """A table of one catalog. ``location`` is its address, ``columns`` are those it must have at least."""

    catalog: Catalog
    namespace: str
    name: str
    columns: tuple[Column, ...]
    description: str
    location: str
    held: Table | None = None
    """If set, all reads use this version; commits are checked against the newest."""
    plan: Mapping[str, Sequence[DataFile]] = field(default_factory=dict[str, Sequence[DataFile]])
    """The files of some partitions in that version, looked up together (``planned``)."""

    @property
    def identifier(self) -> str:
        """The table's name in Spark."""
        return f"{self.catalog.name}.{self.namespace}.{self.name}"

    def contention(self) -> Contention:
        return Contention(
            f"another run committed to {self.identifier} at the same time, so this one changed nothing; wait for the "
            "other run to end, then run it again"
        )

    def load(self) -> Table | None:
        """The current table, or the pinned version; None if there is none. Raises UnsafeRoot if it is damaged."""
        if self.held is not None:
            return self.held
        with suppress(NoSuchTableError), read_metadata(self.catalog, self.name, self.location):
            return self.catalog.load_table((self.namespace, self.name))
        return None

    def pinned(self) -> IcebergTable:
        """The table pinned to its current version, for reads that must be consistent despite concurrent commits."""
        return replace(self, held=self.load())

    def planned(self, keys: Sequence[str], snapshot_id: int | None = None) -> IcebergTable:
        """The table pinned, with the files of some partitions looked up at once, for reads of each of them.

        Each look-up reads the list of all manifests, of which a table has about as many as partitions. Raises
        DamagedData if the metadata of a given snapshot is damaged; of the current one, reading its partition does.
        """
        held = self.pinned()
        if snapshot_id is None and set(keys) <= held.plan.keys():
            return held
        try:
            found = held._files(of_partitions(keys), snapshot_id)
        except DamagedData:
            if snapshot_id is not None:
                raise
            return held
        return replace(held, plan={key: found.get(key, ()) for key in keys})

    def create(self) -> Table:
        """Create the table if it does not exist, or add the columns that it lacks; a pinned version may be complete.

        Columns and a partition spec that another program has changed become what they were.
        """
        table = self.load()
        if table is not None and is_by_key(table) and not self.lacking(table) and not self.displaced(table):
            return table
        newest = replace(self, held=None)
        return retry_on_contention(newest._completed)

    def _completed(self) -> Table:
        schema, table = iceberg_schema(self.columns), self.load()
        if table is None:
            with suppress(TableAlreadyExistsError):
                self.catalog.create_table(
                    (self.namespace, self.name),
                    schema,
                    location=self.location,
                    partition_spec=by_key(schema),
                    properties=PROPERTIES | whole_bounds(self.columns) | {"comment": self.description},
                )
            table = self.catalog.load_table((self.namespace, self.name))
        require_clock(table)
        try:
            if names := self.displaced(table):
                put_back(table, names)
                table = self.catalog.load_table((self.namespace, self.name))
            if not is_by_key(table):
                partition_by_key(table)
            if missing := self.lacking(table):
                with table.update_schema() as update:
                    for column in missing:
                        update.add_column(column.name, schema.find_type(column.name), column_comment(column))
        except CommitFailedException as error:
            raise self.contention() from error
        return table

    def lacking(self, table: Table) -> list[Column]:
        """The columns that the table does not have: new ones, or ones that another program has dropped or renamed."""
        known = set(table.schema().column_names)
        return [column for column in self.columns if column.name not in known]

    def displaced(self, table: Table) -> list[str]:
        """The columns that another program has dropped, renamed or exchanged, so that readers find other values."""
        return displaced(table, [column.name for column in self.columns])

    def records(self, model: type[M]) -> dict[str, M]:
        """The ledger's records of all partitions, or those of cleared ones, by key, oldest first."""
        table = self.load()
        return records(table.properties if table else {}, model)

    def record(self, model: type[M], key: str) -> M | None:
        return self.property(prefix_of(model) + key, model)

    def property(self, name: str, model: type[M]) -> M | None:
        """A property of the table, parsed as ``model``; None if it is not set."""
        table = self.load()
        text = table.properties.get(name) if table else None
        return None if text is None else model.model_validate_json(text)

    def heads(self) -> dict[str, int]:
        """The snapshot ids of ``main``, which readers see, and of the other branches."""
        table = self.load()
        return {name: ref.snapshot_id for name, ref in table.refs().items()} if table else {}

    def snapshot_id(self) -> int | None:
        """The id of the snapshot that readers see; None if nothing was committed."""
        return self.heads().get("main")

    def partition_rows(self) -> dict[str, int]:
        """Rows of each partition, from the table's metadata only. Raises DamagedData if that is damaged."""
        table, rows = self.load(), Counter[str]()
        for key, file in with_keys(table, [task.file for task in self._tasks(AlwaysTrue())]) if table else ():
            rows[key] += file.record_count
        return dict(rows)

    def commit(
        self,
        partitions: Mapping[str, Note],
        *,
        remove: BooleanExpression | None = None,
        add: Sequence[str] = (),
        publish: str | None = None,
        properties: Mapping[str, BaseModel] | None = None,
        summary: Mapping[str, str] | None = None,
    ) -> None:
        """Commit one atomic change: replace whole files, or move ``main`` to the branch ``publish``, in one snapshot.

        The commit also sets the ledger entries of ``partitions``: a record, a cleared mark, or nothing; a function gets
        the id of the snapshot. Other ``properties`` are set by name. Raises Contention, with nothing changed, if others
        committed since this was pinned; ClockBehind.
        """
        seen, table = self.snapshot_id(), replace(self, held=None).create()
        require_clock(table)
        # A writer that lost a race decides again: a blind retry would add a batch twice.
        once = table.properties | {TableProperties.COMMIT_NUM_RETRIES: "0"}
        table.metadata = table.metadata.model_copy(update={"properties": once})
        current = table.current_snapshot()
        if (current and current.snapshot_id) != seen:
            raise self.contention()
        gone = [task.file for task in self._tasks(remove)] if remove is not None else []
        details = {PARTITIONS: ",".join(partitions), **(summary or {})}
        try:
            with (change := Change(table)):
                if publish is not None:
                    ManageSnapshots(change).set_current_snapshot(ref_name=publish).remove_branch(publish).commit()
                else:
                    change.replace_files(gone, add, details)
                change.note(partitions, properties or {})
        except CommitFailedException as error:
            raise self.contention() from error

    def expire_snapshots(self, older_than: datetime) -> None:
        """Forget snapshots older than an aware time that no branch points at. Their files stay."""
        oldest = datetime_to_millis(older_than)

        def change() -> None:
            table = self.load()
            heads = {ref.snapshot_id for ref in table.refs().values()} if table else set[int]()
            old = [one.snapshot_id for one in table.snapshots() if one.timestamp_ms < oldest] if table else []
            if table is None or not (gone := [one for one in old if one not in heads]):
                return
            try:
                table.maintenance.expire_snapshots().by_ids(gone).commit()
            except CommitFailedException as error:
                raise self.contention() from error

        retry_on_contention(change)

    def write(self, batches: Iterable[pa.RecordBatch], name: str) -> Written:
        """Write rows (with this table's columns, by name), grouped by partition, to files not yet in any snapshot.

        ``name`` is the prefix of the file names. Files are never overwritten: a snapshot or another writer may use one.
        """
        return self._new_files(name).write(batches)

    def copy(
        self, origin: IcebergTable, key: str, batch_ids: Collection[str] | None = None, *, rows: bool
    ) -> Iterator[str]:
        """Copy a partition of ``origin``, or some of its batches, to files not yet in any snapshot: bytes, or ``rows``.

        Yields the address of each new file. Iterating raises DamagedData if a file of ``origin`` cannot be read.
        """
        new = self._new_files("copy")
        if table := origin.load():
            for file in origin.files_of(key, batch_ids):
                yield from new.copy(table.io, key, file.file_path, rows=rows)

    def _new_files(self, name: str) -> NewFiles:
        table = self.create()
        return NewFiles(table.io, f"{table.location()}/data", table.schema(), f"{name}-{uuid.uuid4().hex[:12]}")

    def _files(self, where: BooleanExpression, snapshot_id: int | None = None) -> dict[str, list[DataFile]]:
        """The files whose rows match, by partition.

        Raises DamagedData if one also holds others, if another program has deleted rows beside it (as Iceberg allows,
        but this product never does), or if the metadata is damaged.
        """
        table, tasks = self.load(), self._tasks(where, snapshot_id)
        if less := next((task.file for task in tasks if task.delete_files), None):
            raise DamagedData(f"another program has deleted rows of {less.file_path}, which readers no longer see")
        files = defaultdict[str, list[DataFile]](list)
        for key, file in with_keys(table, [task.file for task in tasks]) if table else ():
            files[key].append(file)
        return files

    def _tasks(self, where: BooleanExpression, snapshot_id: int | None = None) -> list[FileScanTask]:
        table = self.load()
        if table is None:
            return []
        with reading_manifests():
            tasks = list(table.scan(row_filter=where, snapshot_id=snapshot_id).plan_files())
        for _, file in with_keys(table, [task.file for task in tasks if task.residual != AlwaysTrue()]):
            if BATCH in table.schema().column_names:
                batch_of(file, table.schema())
        return tasks

    def files_of(self, key: str, batch_ids: Collection[str] | None = None) -> Sequence[DataFile]:
        """The files of a partition, or of some of its batches. Raises DamagedData like ``_files``."""
        table = self.load()
        if table is None or key not in self.plan:
            found = self._files(of_partitions([key]) if batch_ids is None else of_batches(key, batch_ids))
            return found.get(key, ())
        return [file for file in self.plan[key] if batch_ids is None or batch_of(file, table.schema()) in batch_ids]

    def sync(self, snapshot_id: int) -> None:
        """Sync what another program wrote for a snapshot to a local disk: its data files, manifests and their list."""
        table = self.load()
        snapshot = table.snapshot_by_id(snapshot_id) if table else None
        if table is None or snapshot is None or not isinstance(table.io, SyncedFileIO):
            return
        own = [manifest for manifest in snapshot.manifests(table.io) if manifest.added_snapshot_id == snapshot_id]
        entries = (entry for manifest in own for entry in manifest.fetch_manifest_entry(table.io))
        files = [*(one.manifest_path for one in own), *(one.data_file.file_path for one in entries)]
        table.io.sync(table.location(), [snapshot.manifest_list, *files])

    def rows(self, key: str) -> Iterator[pa.RecordBatch]:
        """Rows of a partition, one row group at a time. Iterating may raise DamagedData."""
        if table := self.load():
            found = (file.file_path for file in self.files_of(key))
            yield from read_files(table.io, arrow_schema(table), found)

    def stored(self, keys: Sequence[str], snapshot_id: int | None = None) -> dict[str, Stored]:
        """What partitions hold, each read back from its files. Raises DamagedData."""
        held = self.planned(keys, snapshot_id)
        table, files = held.load(), {key: [file.file_path for file in held.files_of(key)] for key in keys}
        return stored(table.io, arrow_schema(table), files) if table else dict.fromkeys(keys, Stored())

    def digests(self, key: str) -> dict[str, str]:
        """SHA-256 of each file of a partition, by name. Raises DamagedData if one cannot be read, or is named twice."""
        table = self.load()
        return file_digests(table.io, [file.file_path for file in self.files_of(key)]) if table else {}

    def is_whole(self, key: str) -> bool:
        """Whether readers see every row of a partition's files, and these exist; it reads none, unlike ``stored``."""
        table, tasks = self.load(), self._tasks(of_partitions([key]))
        return table is not None and all(
            not task.delete_files and table.io.new_input(task.file.file_path).exists() for task in tasks
        )

    def arrow(
        self, keys: Sequence[str] | None = None, columns: Sequence[str] = ("*",), snapshot_id: int | None = None
    ) -> pa.Table | None:
        """Rows of some partitions, or of all, from one snapshot; None without a commit. Raises UnreadableTable."""
        table = self.load()
        if table is None or (snapshot_id or table.current_snapshot()) is None:
            return None
        where = AlwaysTrue() if keys is None else of_partitions(keys)
        with naming_damage(table):
            return table.scan(row_filter=where, snapshot_id=snapshot_id, selected_fields=tuple(columns)).to_arrow()

    def size(self) -> int:
        """Bytes of the current snapshot's files, from its summary; 0 if there is no table or no snapshot."""
        table = self.load()
        snapshot = table.current_snapshot() if table else None
        summary = snapshot.summary if snapshot else None
        return int(summary.additional_properties.get("total-files-size", 0)) if summary else 0

    def first_rows(self, key: str, count: int) -> list[dict[str, object]]:
        """Some rows of a partition, without reading more files than they take."""
        table, where = self.load(), of_partitions([key])
        found = table.scan(where, limit=count).to_arrow() if table and table.current_snapshot() else None
        return found.to_pylist() if found else []


def retry_on_contention(change: Callable[[], T]) -> T:
    """Run ``change()`` from the start until no other writer interferes; Contention after losing for 5 minutes."""
    attempts = Retrying(
        retry=retry_if_exception_type(Contention),
        stop=stop_after_delay(CONTENTION_SECONDS),
        wait=wait_random_exponential(multiplier=0.05, max=2),
        reraise=True,
    )
    return attempts(change)


def of_partitions(keys: Sequence[str]) -> BooleanExpression:
    return In("partition_key", list(keys))  # pyright: ignore[reportCallIssue] - its __init__ is hidden by pydantic


def of_batches(key: str, batch_ids: Iterable[str]) -> BooleanExpression:
    """Batches of a raw partition; each batch has its own files."""
    return And(of_partitions([key]), In(BATCH, sorted(batch_ids)))  # pyright: ignore[reportCallIssue]
