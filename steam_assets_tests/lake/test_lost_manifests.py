"""After a manifest, or the list of them, was lost or damaged, `restore --overwrite` makes the whole table readable."""

from __future__ import annotations

import zlib
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pytest
import zstandard
from clean_partitions import clean, raw_and_clean
from fastavro._read_py import block_reader
from fastavro.io.binary_encoder import BinaryEncoder
from raw_landing import KEY, LATER, NEWS, NOW, batch_id, files_of, land, sequences

from steam_assets.lake.backup import WouldOverwrite, back_up, restore_partitions, verify_twins
from steam_assets.lake.housekeeping import sweep
from steam_assets.lake.lake import Lake, Twins
from steam_assets.lake.parquet_files import DamagedData
from steam_assets_tests.nightly import rest_nightly
from steam_assets_tests.prepared_lakes import Prepared

KEYS = (KEY, LATER)


@pytest.fixture
def filled(prepared: Prepared) -> Lake:
    return prepared(two_weeks)


def two_weeks(lake: Lake) -> None:
    """Two partitions, raw and clean, with backups; the later one has a further batch without."""
    for number, key in enumerate(KEYS, start=1):
        land(lake, number=number, key=key)
        clean(lake, {number: key}, key=key)
    for twins in raw_and_clean(lake):
        assert back_up(twins, KEYS, NOW)[1] == []
    land(lake, number=3, key=LATER)


@pytest.fixture(params=[0, 1], ids=["raw", "clean"])
def twins(request: pytest.FixtureRequest, filled: Lake) -> Twins[Any]:
    return raw_and_clean(filled)[request.param]


def lose(twins: Twins[Any], what: str) -> None:
    table = twins.primary.load()
    assert table is not None
    snapshot = table.current_snapshot()
    assert snapshot is not None
    manifests = [Path(one.manifest_path) for one in snapshot.manifests(table.io)]
    listed = Path(snapshot.manifest_list)
    lost = {"a manifest": manifests[-1:], "all manifests": manifests, "their list": [listed]}.get(what, manifests[:1])
    for path in lost:
        path.write_bytes(path.read_bytes()[:200]) if what == "the end of one" else path.unlink()


@pytest.mark.parametrize("what", rest_nightly(["a manifest", "their list", "the end of one", "all manifests"], kept=2))
def test_all_partitions_are_found_again_without_being_copied(filled: Lake, twins: Twins[Any], what: str) -> None:
    before = {key: files_of(twins.primary, key) for key in KEYS}
    lose(twins, what)
    with pytest.raises(WouldOverwrite, match=r"the metadata cannot be read.*--overwrite. Nothing was changed"):
        restore_partitions(twins, KEYS)
    done = restore_partitions(twins, KEYS, overwrite=True)
    assert (done.problems, done.beyond) == ({}, {})
    assert {key: files_of(twins.primary, key) for key in KEYS} == before
    assert all(key == LATER or verify_twins(twins, key) == [] for key in KEYS)
    assert back_up(twins, KEYS, NOW)[1] == [] == [line for key in KEYS for line in verify_twins(twins, key)]
    table = twins.primary.load()
    assert table is not None
    assert sum(row["record_count"] for row in table.inspect.partitions().to_pylist()) == len(table.scan().to_arrow())
    summary = table.current_snapshot()
    assert summary is not None and summary.summary is not None
    assert summary.summary["total-records"] == str(len(table.scan().to_arrow()))
    sweep(filled, twins.primary, NOW + timedelta(days=9999))
    land(filled, number=4)
    assert (batch_id(4), 0) in sequences(filled.raw(NEWS))


def test_a_partition_whose_files_are_lost_too_is_restored_from_the_backup(twins: Twins[Any]) -> None:
    lose(twins, "all manifests")
    for path in Path(twins.primary.location, "data", f"partition_key={KEY}").iterdir():
        path.unlink()
    done = restore_partitions(twins, [KEY], overwrite=True)
    assert (done.problems, done.beyond) == ({}, {}) and done.rows[KEY] > 0
    assert verify_twins(twins, KEY) == []


def test_a_batch_in_neither_place_is_named(filled: Lake) -> None:
    twins = filled.raw_twins(NEWS)
    (path,) = [path for path in files_of(twins.primary, LATER) if batch_id(3) in path.name]
    lose(twins, "all manifests")
    path.unlink()
    done = restore_partitions(twins, [LATER], overwrite=True)
    assert f"batch {batch_id(3)} is damaged and no backup has it" in done.beyond[LATER]
    assert restore_partitions(twins, [KEY], overwrite=True).beyond == {} and verify_twins(twins, KEY) == []


@pytest.mark.parametrize("what", ["manifest", "list"])
@pytest.mark.parametrize("codec", rest_nightly(["deflate", "zstandard", "null"], kept=1))
def test_a_damaged_length_cannot_end_the_process(twins: Twins[Any], what: str, codec: str) -> None:
    table = twins.primary.load()
    assert table is not None
    snapshot = table.current_snapshot()
    assert snapshot is not None
    manifest = snapshot.manifests(table.io)[0].manifest_path
    path = Path({"manifest": manifest, "list": snapshot.manifest_list}[what])
    path.write_bytes(_compressed(path.read_bytes(), codec))
    assert twins.primary.partition_rows()
    path.write_bytes(_too_long(path.read_bytes(), codec))
    with pytest.raises(DamagedData, match="the metadata cannot be read"):
        twins.primary.partition_rows()
    restore_partitions(twins, KEYS, overwrite=True)
    assert twins.primary.partition_rows() and verify_twins(twins, KEY) == []


def _compressed(data: bytes, codec: str) -> bytes:
    """The same records with another codec."""
    reader, target = fastavro.reader(BytesIO(data)), BytesIO()
    kept = {key: value for key, value in reader.metadata.items() if not key.startswith("avro.")}
    fastavro.writer(target, reader.writer_schema or {}, reader, codec=codec, metadata=kept)
    return target.getvalue()


def _too_long(data: bytes, codec: str) -> bytes:
    """A file whose first text, an address, claims to be a gigabyte long."""
    (block,) = block_reader(BytesIO(data))
    records, mark = block.bytes_.read(), data[-16:]
    address = records.index(b"/")
    damaged = records[: address - 2] + _number(1 << 30) + records[address:]
    if codec == "deflate":
        damaged = zlib.compress(damaged, wbits=-15)
    elif codec == "zstandard":
        damaged = zstandard.compress(damaged)
    return data[: data.index(mark) + 16] + _number(block.num_records) + _number(len(damaged)) + damaged + mark


def _number(value: int) -> bytes:
    encoded = BytesIO()
    BinaryEncoder(encoded).write_long(value)
    return encoded.getvalue()
