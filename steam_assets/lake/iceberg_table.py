"""One kind of table: an Iceberg table partitioned by ``partition_key``, read and committed without a JVM.

Belongs here: all that pyiceberg is asked for. Does not belong here: what rows mean, what is copied or deleted when.

Each change is one commit that moves ``main`` and the ledger's record together, on condition that ``main`` stands where
the writer saw it. The record of a partition is a property of the table, so that no snapshot's expiry loses it.
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError, TableAlreadyExistsError
from pyiceberg.expressions import AlwaysTrue, BooleanExpression, In
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import DataScan, Table, Transaction
from pyiceberg.table.update.snapshot import ManageSnapshots
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DoubleType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    NestedField,
    StringType,
    TimestamptzType,
)
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from steam_assets.lake.content import Content
from steam_assets.lake.ledger import RECORD, records
from steam_assets.lake.parquet_files import Written, aligned, write_files
from steam_assets.lake.row_digest import content
from steam_assets.sources.source import Column

RETRIES = "commit.retry.num-retries"
PROPERTIES = {
    "format-version": "2",
    "write.parquet.compression-codec": "zstd",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    # Rows arrive grouped by partition already; hashing them again would cost a shuffle a commit.
    "write.distribution-mode": "none",
    # A raw batch is taken out by its id, which has to stand in the files' bounds whole.
    "write.metadata.metrics.column.batch_id": "full",
    # Spark's commits to its own branches; the default of 4 is not enough where several runs write a table.
    RETRIES: "20",
}

CONTENTION_SECONDS = 300
"""How long a writer that loses again and again goes on; Spark writes its rows anew for each try."""
ROWS_AT_ONCE = 4096

_PRIMITIVES: dict[str, IcebergType] = {
    "string": StringType(),
    "bigint": LongType(),
    "int": IntegerType(),
    "double": DoubleType(),
    "boolean": BooleanType(),
    "timestamp": TimestamptzType(),
    "date": DateType(),
    "binary": BinaryType(),
}

# Bodies have no bounds on purpose (parquet_files.py), and each file would say so.
logging.getLogger("pyiceberg.io.pyarrow").setLevel(logging.ERROR)

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


class Contention(Exception):
    """Another writer committed to the table meanwhile; nothing was changed. Look again, and decide anew."""


class DamagedData(Exception):
    """A file of a table is missing or cannot be read as it was written."""


@dataclass(frozen=True)
class IcebergTable:
    """A table of one catalog. ``location`` is where it lies, ``columns`` are what it must have at least."""

    catalog: Catalog
    namespace: str
    name: str
    columns: tuple[Column, ...]
    description: str
    location: str
    held: Table | None = None
    """Set, all reads are of this version; commits are judged by the newest."""

    @property
    def identifier(self) -> str:
        """As Spark names it."""
        return f"{self.catalog.name}.{self.namespace}.{self.name}"

    def contention(self) -> Contention:
        return Contention(
            f"another run committed to {self.identifier} at the same time, and this one changed nothing; wait for the "
            "other run to end, then run it again"
        )

    def load(self) -> Table | None:
        """The table as of now, or as it was pinned; None if it was never made."""
        if self.held is not None:
            return self.held
        with suppress(NoSuchTableError):
            return self.catalog.load_table((self.namespace, self.name))
        return None

    def pinned(self) -> IcebergTable:
        """The table as of now, for reads that have to agree with each other whoever commits meanwhile."""
        return replace(self, held=self.load())

    def create(self) -> Table:
        """The table, made if it is not there; an existing one gets the columns it lacks."""
        table = replace(self, held=None).load()
        if table is None:
            with suppress(TableAlreadyExistsError):
                self._make()
            table = self.catalog.load_table((self.namespace, self.name))
        known = set(table.schema().column_names)
        missing = [column for column in self.columns if column.name not in known]
        if missing:
            with table.update_schema() as update:
                for column in missing:
                    update.add_column(column.name, iceberg_type(column.type), column_comment(column))
        return table

    def _make(self) -> None:
        schema = iceberg_schema(self.columns)
        key = schema.find_field("partition_key").field_id
        spec = PartitionSpec(PartitionField(key, 1000, IdentityTransform(), "partition_key"))
        self.catalog.create_table(
            (self.namespace, self.name),
            schema,
            location=self.location,
            partition_spec=spec,
            properties=PROPERTIES | {"comment": self.description},
        )

    def records(self, model: type[M], prefix: str = RECORD) -> dict[str, M]:
        """The ledger's records of all partitions, by key, oldest first."""
        table = self.load()
        return records(table.properties if table else {}, model, prefix)

    def record(self, model: type[M], key: str, prefix: str = RECORD) -> M | None:
        return self.property(prefix + key, model)

    def property(self, name: str, model: type[M]) -> M | None:
        """A property of the table, read as ``model``; None if it is not set."""
        table = self.load()
        text = table.properties.get(name) if table else None
        return None if text is None else model.model_validate_json(text)

    def snapshot_id(self) -> int | None:
        """The snapshot that readers see; None if nothing was committed."""
        table = self.load()
        snapshot = table.current_snapshot() if table else None
        return snapshot.snapshot_id if snapshot else None

    def snapshot_of(self, branch: str) -> int:
        """The snapshot a branch is at. KeyError if there is no such branch."""
        table = self.load()
        refs = table.refs() if table else {}
        return refs[branch].snapshot_id

    def branches(self) -> list[str]:
        """All but ``main``."""
        table = self.load()
        return [name for name in (table.refs() if table else ()) if name != "main"]

    def drop_branch(self, branch: str) -> None:
        """Forget a branch, if it is there; its files are swept by housekeeping."""

        def change() -> None:
            table = self.load()
            if table is not None and branch in table.refs():
                try:
                    table.manage_snapshots().remove_branch(branch).commit()
                except CommitFailedException as error:
                    raise self.contention() from error

        decided_anew(change)

    def partition_rows(self) -> dict[str, int]:
        """Rows of each partition, from the table's metadata alone."""
        table = self.load()
        if table is None or table.current_snapshot() is None:
            return {}
        # A table whose commits brought no row yet has no column "partition" here, and no line.
        found = table.inspect.partitions().to_pylist()
        return {row["partition"]["partition_key"]: row["record_count"] for row in found}

    def commit(
        self,
        seen: int | None,
        *,
        remove: BooleanExpression | None = None,
        add: Sequence[str] = (),
        publish: str | None = None,
        properties: Mapping[str, BaseModel] | None = None,
        forget: Iterable[str] = (),
        summary: Mapping[str, str] | None = None,
    ) -> Table:
        """One atomic change: rows out, files in, or ``main`` to the branch ``publish``; with it, properties by name.

        Contention, with nothing changed, if ``main`` is no longer at the snapshot ``seen``.
        """
        told = dict(summary or {})
        table = self.create()
        # A commit that lost a race is decided anew by its writer: tried again blindly, a batch would be there twice.
        once = table.properties | {RETRIES: "0"}
        table.metadata = table.metadata.model_copy(update={"properties": once})
        if _current(table) != seen:
            raise self.contention()
        try:
            with table.transaction() as change:
                if publish is not None:
                    ManageSnapshots(change).set_current_snapshot(ref_name=publish).remove_branch(publish).commit()
                emptied = remove is not None and any(table.scan(row_filter=remove).plan_files())
                if remove is not None and emptied:
                    change.delete(remove, snapshot_properties=told)
                if add:
                    change.add_files(list(add), told, check_duplicate_files=False)
                if not (publish or emptied or add):
                    # Catalogs merge changes of properties alone: of two writers' records one would be lost.
                    change.update_snapshot(snapshot_properties=told).fast_append().commit()
                self._set_properties(change, table, properties or {}, forget)
        except CommitFailedException as error:
            raise self.contention() from error
        return table

    @staticmethod
    def _set_properties(
        change: Transaction, table: Table, properties: Mapping[str, BaseModel], forget: Iterable[str]
    ) -> None:
        if gone := [name for name in forget if name in table.properties]:
            change.remove_properties(*gone)
        if properties:
            change.set_properties({name: value.model_dump_json() for name, value in properties.items()})

    def write(self, batches: Iterable[pa.RecordBatch], name: str) -> Written:
        """Files of rows (with this table's columns, by name), grouped by partition, that no snapshot holds yet.

        ``name`` begins their names. No file is ever written over: a snapshot, or another writer, may hold it.
        """
        table = self.create()
        own = f"{name}-{uuid.uuid4().hex[:12]}"
        return write_files(table.io, f"{table.location()}/data", self.arrow_schema(table), batches, own)

    @staticmethod
    def arrow_schema(table: Table) -> pa.Schema:
        return schema_to_pyarrow(table.schema(), include_field_ids=False)

    def rows(self, where: BooleanExpression, snapshot_id: int | None = None) -> Iterator[pa.RecordBatch]:
        """The rows of whole files that match ``where`` (of partition keys alone), a row group at a time.

        Page checksums are verified. DamagedData, while it is read, for a file that is missing or damaged.
        """
        table = self.load()
        if table is not None:
            scan = table.scan(row_filter=where, snapshot_id=snapshot_id)
            yield from _read_files(table, _planned(scan), self.arrow_schema(table))

    def content(self, keys: Sequence[str], snapshot_id: int | None = None) -> dict[str, Content]:
        """The content of partitions, each read back from its files; DamagedData as of ``rows``."""
        held = self.pinned()
        return {key: content(held.rows(of_partitions([key]), snapshot_id)) for key in keys}

    def content_of_files(self, addresses: Iterable[str]) -> Content:
        """The content of files as they rest now, whether a snapshot holds them or not; DamagedData."""
        table = self.create()
        return content(_read_files(table, addresses, self.arrow_schema(table)))

    def discard(self, addresses: Iterable[str]) -> None:
        """Delete files that no snapshot holds, as far as that is allowed; in a backup on AWS it is not."""
        table = self.create()
        for address in addresses:
            with suppress(OSError):
                table.io.delete(address)

    def is_whole(self, key: str) -> bool:
        """Whether every file of a partition is there; reads none, so that ``content`` is the proof."""
        table = self.load()
        if table is None:
            return False
        tasks = table.scan(row_filter=of_partitions([key])).plan_files()
        return all(table.io.new_input(task.file.file_path).exists() for task in tasks)

    def arrow(
        self, keys: Sequence[str] | None = None, columns: Sequence[str] = ("*",), snapshot_id: int | None = None
    ) -> pa.Table | None:
        """Rows of some partitions, or of all, as readers see them or of a snapshot; None without a commit."""
        table = self.load()
        if table is None or (snapshot_id or _current(table)) is None:
            return None
        where = AlwaysTrue() if keys is None else of_partitions(keys)
        return table.scan(row_filter=where, snapshot_id=snapshot_id, selected_fields=tuple(columns)).to_arrow()


def decided_anew(change: Callable[[], T]) -> T:
    """``change()``, from the start, until no other writer comes between; Contention after five minutes of losing."""
    attempts = Retrying(
        retry=retry_if_exception_type(Contention),
        stop=stop_after_delay(CONTENTION_SECONDS),
        wait=wait_random_exponential(multiplier=0.05, max=2),
        reraise=True,
    )
    return attempts(change)


def of_partitions(keys: Sequence[str]) -> BooleanExpression:
    return In("partition_key", list(keys))  # pyright: ignore[reportCallIssue] - its __init__ is hidden by pydantic


def _current(table: Table) -> int | None:
    snapshot = table.current_snapshot()
    return snapshot.snapshot_id if snapshot else None


def _planned(scan: DataScan) -> list[str]:
    """The addresses of a scan's files."""
    try:
        return [task.file.file_path for task in scan.plan_files()]
    except Exception as error:  # A damaged manifest makes the Avro reader raise anything.
        raise DamagedData(f"the metadata cannot be read: {type(error).__name__}: {error}") from error


def _read_files(table: Table, paths: Iterable[str], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for path in paths:
        try:
            with table.io.new_input(path).open() as stream:
                yield from _read_file(pq.ParquetFile(stream, page_checksum_verification=True), schema)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise DamagedData(f"{path} cannot be read: {error}") from error


def _read_file(file: pq.ParquetFile, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for group in range(file.num_row_groups):
        for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, row_groups=[group]):
            yield aligned(batch, schema)


def iceberg_type(ddl: str) -> IcebergType:
    """A Spark DDL type as Iceberg's; nested ids are given by the catalog. ValueError for one that no table uses."""
    if found := _PRIMITIVES.get(ddl):
        return found
    if nested := re.fullmatch(r"array<(\w+)>", ddl):
        return ListType(1, _PRIMITIVES[nested[1]], element_required=False)
    if nested := re.fullmatch(r"map<(\w+), ?(\w+)>", ddl):
        return MapType(1, _PRIMITIVES[nested[1]], 2, _PRIMITIVES[nested[2]], value_required=False)
    raise ValueError(f"{ddl!r} has no Iceberg type here; add it to iceberg_table.py")


def iceberg_schema(columns: Sequence[Column]) -> Schema:
    """Ids are spread so that those of nested types never meet; the catalog gives them anew."""
    return Schema(
        *(
            NestedField(
                100 * number,
                column.name,
                _with_ids(iceberg_type(column.type), 100 * number),
                required=not column.nullable,
                doc=column_comment(column),
            )
            for number, column in enumerate(columns, start=1)
        )
    )


def _with_ids(kind: IcebergType, after: int) -> IcebergType:
    if isinstance(kind, ListType):
        return kind.model_copy(update={"element_id": after + 1})
    if isinstance(kind, MapType):
        return kind.model_copy(update={"key_id": after + 1, "value_id": after + 2})
    return kind


def column_comment(column: Column) -> str:
    return f"{column.description} [{column.unit}]" if column.unit else column.description
