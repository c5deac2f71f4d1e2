"""New files are read back before a commit names them, and their bytes then stand for their rows."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyiceberg.io.pyarrow import PyArrowFile
from raw_landing import KEY, NOW, files_of

from steam_assets.lake.backup import back_up, restore, verify_twins
from steam_assets.lake.columns import iceberg_schema
from steam_assets.lake.iceberg_table import of_partitions
from steam_assets.lake.lake import Twins
from steam_assets.lake.parquet_files import DamagedData, NewFiles, read_files
from steam_assets.lake.synced_files import SyncedFileIO
from steam_assets.ledger.records import covers
from steam_assets.sources.source import Column

COLUMNS = (
    Column("app_id", "bigint", "The app.", nullable=False),
    Column("title", "string", "Its name."),
    Column("partition_key", "string", "Day.", nullable=False),
)
ROWS = [{"app_id": number, "title": f"title {number}", "partition_key": KEY} for number in range(50)]


class WornDisk(SyncedFileIO):
    """Changes one bit of each file when it is first read; ``place`` is from 0 (start) to below 1 (end)."""

    def __init__(self, place: float, bit: int) -> None:
        super().__init__()
        self.place, self.bit = place, bit
        self.changed = set[str]()

    def new_input(self, location: str) -> PyArrowFile:
        if location not in self.changed:
            self.changed.add(location)
            held = bytearray(Path(location).read_bytes())
            held[int(self.place * len(held))] ^= 1 << self.bit
            Path(location).write_bytes(held)
        return super().new_input(location)


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_what_a_worn_disk_changed_is_not_committed(
    tmp_path_factory: pytest.TempPathFactory, place: float, bit: int
) -> None:
    io = WornDisk(place, bit)
    new = NewFiles(io, str(tmp_path_factory.mktemp("worn")), iceberg_schema(COLUMNS), "new")
    try:
        written = new.write(pa.Table.from_pylist(ROWS, new.schema).to_batches())
    except DamagedData:
        return
    # A bit that no reader looks at: the rows are whole, and the digest is that of the bytes on the disk.
    assert [row for batch in read_files(io, new.schema, written.files) for row in batch.to_pylist()] == ROWS
    digests = tuple(hashlib.sha256(Path(file).read_bytes()).hexdigest() for file in written.files)
    assert written.stored.sha256s == digests


def test_files_rewritten_by_another_program_are_intact_if_their_rows_are(twins: Twins[Any]) -> None:
    record = twins.primary.record(twins.model, KEY)
    assert record is not None
    rewritten = [path.with_stem(f"{path.stem}-rewritten") for path in files_of(twins.primary)]
    for old, new in zip(files_of(twins.primary), rewritten, strict=True):
        pq.write_table(pq.ParquetFile(old).read(), new, compression="gzip")
    twins.primary.commit({KEY: record}, remove=of_partitions([KEY]), add=[str(path) for path in rewritten])
    assert verify_twins(twins, KEY) == []
    twins.backup.commit({KEY: None}, remove=of_partitions([KEY]))
    proven, problems = back_up(twins, [KEY], NOW)
    assert problems == [] and covers(proven[KEY], record)
    assert verify_twins(twins, KEY) == []


@pytest.mark.parametrize("side", ["primary", "backup"])
def test_a_file_that_another_program_added_again_is_named_and_restored(twins: Twins[Any], side: str) -> None:
    table = getattr(twins, side)
    table.commit({}, add=[str(files_of(table)[0])])
    (problem,) = verify_twins(twins, KEY)
    assert "names a file twice" in problem
    if side == "primary":
        restore(twins, KEY, overwrite=True)
    else:
        assert back_up(twins, [KEY], NOW)[1] == []
    assert verify_twins(twins, KEY) == []
