"""What every store promises, on each kind of store."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from steam_assets.lake.disk_store import DiskStore
from steam_assets.lake.store import Store, StoreConflict


def test_what_is_written_is_read(store: Store, tmp_path: Path) -> None:
    data = bytes(range(256)) * 5000
    file = tmp_path / "upload"
    file.write_bytes(data)
    store.write("a/from-bytes", data)
    written = store.write("a/from-file", file)
    assert store.read("a/from-bytes") == store.read("a/from-file") == data
    assert store.sha256("a/from-file") == hashlib.sha256(data).hexdigest()
    assert written == store.stat("a/from-file")
    assert written.size == len(data)
    assert abs((datetime.now(UTC) - written.modified).total_seconds()) < 60
    with store.open("a/from-file") as stream:
        assert stream.read(3) == data[:3]


def test_an_empty_object_is_an_object(store: Store) -> None:
    assert store.write("empty", b"").size == 0
    assert store.read("empty") == b""


def test_a_missing_object_is_named(store: Store) -> None:
    assert store.stat("a/none") is None
    for call in (store.read, store.open, store.sha256):
        with pytest.raises(FileNotFoundError, match="a/none"):
            call("a/none")
    store.delete("a/none")


def test_a_deleted_object_is_gone(store: Store) -> None:
    store.write("a/b", b"1")
    store.delete("a/b")
    assert store.stat("a/b") is None
    assert list(store.list()) == []


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "../x", "a/../../x", "a/..", "./a", "a//b", "a/", "a b", "a\x00", "ä", "~", "a" * 201, "a\\b"],
)
def test_a_key_that_could_leave_the_root_is_refused(store: Store, key: str) -> None:
    for call in (store.read, store.stat, store.delete, store.spark_uri, store.sha256, lambda k: store.write(k, b"")):
        with pytest.raises(ValueError, match="no object key"):
            call(key)


def test_listing_is_in_key_order_and_by_prefix(store: Store) -> None:
    keys = ["a-b", "a.b/c", "a/b", "a/b+c", "a0", "a", "b/x/y/z", "B", "_m/k.json", ".dot"]
    keys.remove("a")
    for key in keys:
        store.write(key, key.encode())
    assert [stored.key for stored in store.list()] == sorted(keys)
    assert [stored.key for stored in store.list("a")] == sorted(key for key in keys if key.startswith("a"))
    assert [stored.key for stored in store.list("a/")] == ["a/b", "a/b+c"]
    assert [stored.key for stored in store.list("b/x/y")] == ["b/x/y/z"]
    assert list(store.list("nothing/")) == []
    assert next(iter(store.list("a/b"))) == store.stat("a/b")


def test_more_than_a_thousand_objects_are_all_listed(store: Store) -> None:
    keys = [f"many/{number % 7}/{number:05d}" for number in range(1050)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: store.write(key, b"x"), keys))
    assert [stored.key for stored in store.list("many/")] == sorted(keys)


def test_a_conditional_write_fails_where_its_condition_does(store: Store) -> None:
    first = store.write("c", b"1", if_absent=True)
    with pytest.raises(StoreConflict):
        store.write("c", b"2", if_absent=True)
    second = store.write("c", b"3", if_etag=first.etag)
    with pytest.raises(StoreConflict):
        store.write("c", b"4", if_etag=first.etag)
    assert store.read("c") == b"3"
    store.delete("c")
    with pytest.raises((StoreConflict, FileNotFoundError)):
        store.write("c", b"5", if_etag=second.etag)
    assert store.stat("c") is None


def test_the_etag_tells_quick_writes_of_one_size_apart(store: Store) -> None:
    etags = {store.write("e", bytes([number])).etag for number in range(20)}
    assert len(etags) == 20


def test_of_many_conditional_writers_one_wins(store: Store) -> None:
    def attempt(number: int) -> bool:
        try:
            store.write("race", str(number).encode(), if_absent=True)
        except StoreConflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 1


def test_a_reader_never_sees_half_an_object(store: Store) -> None:
    old, new = b"o" * 3_000_000, b"n" * 3_000_000
    store.write("whole", old)
    with ThreadPoolExecutor(4) as pool:
        reads = [pool.submit(store.read, "whole") for _ in range(10)]
        pool.submit(store.write, "whole", new).result()
        reads += [pool.submit(store.read, "whole") for _ in range(10)]
        assert {read.result() for read in reads} <= {old, new}
    assert store.read("whole") == new


def test_a_copy_is_verified_and_left_alone_when_it_is_there(new_store: Callable[[], Store]) -> None:
    origin, goal = new_store(), new_store()
    data = b"d" * 100_000
    digest = hashlib.sha256(data).hexdigest()
    origin.write("f/x", data)
    copied = goal.copy_from(origin, "f/x", digest)
    assert goal.read("f/x") == data
    assert goal.copy_from(origin, "f/x", digest) == copied


def test_a_damaged_copy_is_healed_from_a_good_original(new_store: Callable[[], Store]) -> None:
    origin, goal = new_store(), new_store()
    origin.write("x", b"good")
    goal.write("x", b"goof")
    goal.copy_from(origin, "x", hashlib.sha256(b"good").hexdigest())
    assert goal.read("x") == b"good"


def test_a_damaged_original_is_refused(new_store: Callable[[], Store]) -> None:
    origin, goal = new_store(), new_store()
    origin.write("x", b"goof")
    with pytest.raises(ValueError, match=r"x from .* has SHA-256"):
        goal.copy_from(origin, "x", hashlib.sha256(b"good").hexdigest())
    with pytest.raises(FileNotFoundError):
        goal.copy_from(origin, "y", hashlib.sha256(b"good").hexdigest())


def test_a_copy_crosses_from_one_kind_to_the_other(store: Store, tmp_path: Path) -> None:
    other = DiskStore(tmp_path / "other kind")
    digest = hashlib.sha256(b"data").hexdigest()
    store.write("x", b"data")
    other.copy_from(store, "x", digest)
    store.delete("x")
    store.copy_from(other, "x", digest)
    assert store.read("x") == other.read("x") == b"data"
    other.write("y", b"bad")
    with pytest.raises(ValueError, match="y from"):
        store.copy_from(other, "y", digest)
    assert store.stat("y") is None


def test_a_finished_store_has_no_leftovers(store: Store) -> None:
    store.write("x", b"data")
    assert list(store.sweep_leftovers(datetime.now(UTC))) == []
    assert store.read("x") == b"data"
