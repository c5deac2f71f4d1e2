"""Each batch is landed exactly once under any concurrency; readers see either the old or the new partition."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

import pyarrow as pa
import pytest
from clean_partitions import SOURCE, THINGS, clean
from pyiceberg.exceptions import CommitFailedException
from raw_landing import KEY, NEWS, NOW, batch_id, files_of, land, rows_of, sequences

from steam_assets.lake import catalogs
from steam_assets.lake.backup import verify
from steam_assets.lake.iceberg_table import Contention, of_batches
from steam_assets.lake.lake import Lake
from steam_assets.lake.parquet_files import DamagedData
from steam_assets.lake.raw_tables import Aside, commit_batch, put_aside, write_batch
from steam_assets.lake.row_digest import content
from steam_assets.ledger.content import EMPTY
from steam_assets.ledger.records import CleanRecord, RawRecord
from steam_assets_tests.forked_work import exit_code, start
from steam_assets_tests.lake.stages import run


def whole(lake: Lake, key: str = KEY) -> RawRecord:
    """The partition's record, after checking that it matches the rows."""
    table = lake.raw(NEWS)
    record = table.record(RawRecord, key)
    assert record is not None
    assert verify(table, [record]) == []
    return record


def test_a_partition_exists_from_its_commit_on(lake: Lake) -> None:
    table = lake.raw(NEWS)
    written = write_batch(table, batch_id(1), rows_of(1))
    assert (table.records(RawRecord), sequences(table), table.is_whole(KEY)) == ({}, [], True)
    record = land(lake)
    assert table.records(RawRecord) == {KEY: record}
    assert record.content == written.stored.content
    assert sequences(table) == [(batch_id(1), n) for n in range(20)]


def test_an_empty_batch_differs_from_none_and_is_not_lost_to_another(lake: Lake) -> None:
    """Its commit has no rows, but concurrent commits still conflict with it."""
    table = lake.raw(NEWS)
    land(lake, number=1, count=0)
    seen = table.pinned()
    land(lake, number=2, count=0)
    with pytest.raises(Contention):
        seen.commit({KEY: RawRecord(table=table.name, partition_key=KEY)})
    assert whole(lake).batch_ids == {batch_id(1), batch_id(2)}
    assert whole(lake).content == EMPTY


def test_committing_a_batch_again_changes_nothing(lake: Lake) -> None:
    record = land(lake)
    before = lake.raw(NEWS).snapshot_id()
    land(lake)
    commit_batch(lake.raw(NEWS), KEY, record.batches[0], [str(file) for file in files_of(lake.raw(NEWS))])
    assert lake.raw(NEWS).snapshot_id() == before
    assert whole(lake) == record


def test_a_batch_with_the_same_id_and_other_content_is_refused(lake: Lake) -> None:
    record = land(lake)
    with pytest.raises(ValueError, match="other content than the 19 new rows"):
        land(lake, count=19)
    assert whole(lake) == record


def test_a_batch_that_lands_again_never_touches_the_files_that_readers_read(lake: Lake) -> None:
    land(lake)
    table = lake.raw(NEWS)
    before = {file: (file.stat().st_ino, file.read_bytes()) for file in files_of(table)}
    write_batch(table, batch_id(1), rows_of(1, count=3))
    assert {file: (file.stat().st_ino, file.read_bytes()) for file in files_of(table)} == before


def test_two_processes_that_land_the_same_batch_store_it_once(lake: Lake) -> None:
    racing = [start(run, lake.settings.home, "land", 1, 2, 3) for _ in range(2)]
    assert [exit_code(process) for process in racing] == [0, 0]
    assert [b.batch_id for b in whole(lake).batches] == [batch_id(n) for n in (1, 2, 3)]
    assert sequences(lake.raw(NEWS)) == [(batch_id(n), s) for n in (1, 2, 3) for s in range(20)]


@pytest.mark.slow
def test_concurrent_commits_lose_no_batch(lake: Lake) -> None:
    racing = [start(run, lake.settings.home, "land", *range(first, first + 10)) for first in (10, 20, 30, 40)]
    assert [exit_code(process) for process in racing] == [0, 0, 0, 0]
    record = whole(lake)
    assert record.batch_ids == {batch_id(n) for n in range(10, 50)}
    assert len(record.batches) == 40


def test_records_that_are_set_aside_are_kept_once_as_bytes(lake: Lake) -> None:
    table = lake.set_aside(NEWS)
    poison, other = Aside("topic+0+7", b"\x00\xff", "not JSON"), Aside("topic+0+7", b"other", "not JSON")
    assert put_aside(table, NEWS.name, KEY, [poison], NOW) == 1
    assert put_aside(table, NEWS.name, KEY, [poison, other], NOW) == 1
    assert put_aside(table, NEWS.name, KEY, [other], NOW) == 0
    rows = table.arrow([KEY], ("value", "reason"))
    assert rows is not None
    assert sorted(row["value"] for row in rows.to_pylist()) == [b"\x00\xff", b"other"]
    assert set(rows["reason"].to_pylist()) == {"not JSON"}


def test_a_lost_commit_is_reevaluated_and_not_repeated(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalog rejects one commit because another writer landed the same batch; it is landed once."""
    table, catalog = lake.raw(NEWS), lake.raw(NEWS).catalog
    table.create()
    commit = type(catalog).commit_table

    def refusing(*arguments: object) -> object:
        monkeypatch.undo()
        land(lake)
        raise CommitFailedException("another was first")

    monkeypatch.setattr(type(catalog), "commit_table", refusing)
    land(lake)
    assert type(catalog).commit_table is commit
    assert len(whole(lake).batches) == 1
    assert len(sequences(table)) == 20


def test_a_file_in_which_another_program_merged_batches_is_not_taken_for_one(lake: Lake) -> None:
    """Removing the file for one batch would lose the others."""
    table = lake.raw(NEWS)
    rows = [row for number in (1, 2) for row in rows_of(number)]
    (file,) = write_batch(table, batch_id(1), rows).files
    table.commit({}, add=[file])
    assert [found.file_path for found in table.files_of(KEY)] == [file]
    with pytest.raises(DamagedData, match="several batches"):
        table.commit({}, remove=of_batches(KEY, [batch_id(2)]))


def test_a_digest_is_independent_of_row_order_and_distinguishes_lists() -> None:
    lists = [None, [], [""], [None], ["-"], ["a"], ["a", ""], ["", "a"], ["1:a"], ["ab"], ["a", "b"], [None, None]]
    batch = pa.record_batch({"names": pa.array(lists, pa.list_(pa.string()))})
    alone = [content([batch.slice(place, 1)]) for place in range(len(lists))]
    assert len({one.digest for one in alone}) == len(lists)
    assert content([batch.slice(5), batch.slice(0, 5)]) == content([batch]) == sum(alone, EMPTY)
    pairs = [[("a", 1), ("b", None)], [], None, [("a1", 1)], [("a", 11)]]
    maps = pa.record_batch({"counts": pa.array(pairs, pa.map_(pa.string(), pa.int64()))})
    assert len({content([maps.slice(place, 1)]).digest for place in range(len(pairs))}) == len(pairs)
    assert content([maps.slice(2), maps.slice(0, 2)]) == content([maps])


def test_readers_of_a_pinned_table_see_one_version(lake: Lake) -> None:
    land(lake)
    clean(lake, {1: "one"})
    raw, things = lake.raw(NEWS).pinned(), lake.clean_twins(SOURCE, THINGS).primary.pinned()
    land(lake, number=2)
    clean(lake, {1: "another", 2: "two"})
    for held, model in ((raw, RawRecord), (things, CleanRecord)):
        record = held.record(model, KEY)
        assert record is not None
        assert held.stored([KEY])[KEY].content == record.content


@pytest.mark.parametrize("kind", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_catalog_that_another_program_keeps_locked_is_named(
    kind: str, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it was open before or not. The batch is landed once the lock is gone."""
    monkeypatch.setattr(catalogs, "BUSY_SECONDS", 0.1)
    land(lake, number=1)
    file = catalogs.sqlite_file(lake.settings, "raw")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute(f"BEGIN {kind}")
        for opened in (lake, Lake(lake.settings)):
            with pytest.raises(
                catalogs.UnusableCatalog, match=f"^{re.escape(str(file))} has been locked .*run it again$"
            ):
                land(opened, number=2)
        other.rollback()
    assert len(land(lake, number=2).batches) == 2
