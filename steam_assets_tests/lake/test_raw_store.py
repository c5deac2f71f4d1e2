"""The raw store: files that are always the same bytes, manifests that lose nothing, problems named by file."""

from __future__ import annotations

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from raw_landing import KEY, SOURCE, TOPIC, batch_of, land, lines_of

from steam_assets.lake.disk_store import DiskStore
from steam_assets.lake.raw_store import DamagedManifest, RawStore, raw_file_name
from steam_assets.lake.store import Store

FIRST_COPY = f"{SOURCE}/{KEY}/manifest.json"
SECOND_COPY = f"{SOURCE}/_manifests/{KEY}.json"
NAME = raw_file_name(TOPIC, 0, 5)


@pytest.fixture
def raw(tmp_path: Path) -> RawStore:
    return RawStore(DiskStore(tmp_path / "raw"))


def test_a_file_is_named_by_its_offsets_and_holds_the_lines(store: Store) -> None:
    raw = RawStore(store)
    file = raw.write_file(SOURCE, KEY, NAME, iter(lines_of(1)))
    assert file.key == f"{SOURCE}/{KEY}/steam.news.v1+0+00000000000000000005.jsonl.gz"
    assert file.records == 20
    assert gzip.decompress(store.read(file.key)).splitlines() == lines_of(1)
    assert (file.sha256, file.size) == (store.sha256(file.key), len(store.read(file.key)))


def test_the_same_lines_are_the_same_bytes_and_are_written_once(store: Store) -> None:
    raw = RawStore(store)
    first = raw.write_file(SOURCE, KEY, NAME, lines_of(1))
    before = store.stat(first.key)
    assert raw.write_file(SOURCE, KEY, NAME, lines_of(1)) == first
    assert store.stat(first.key) == before
    other = raw.write_file(SOURCE, "2026-01-13", NAME, lines_of(1))
    assert other.sha256 == first.sha256


def test_other_lines_under_a_name_are_an_alarm_and_change_nothing(store: Store) -> None:
    raw = RawStore(store)
    file = raw.write_file(SOURCE, KEY, NAME, lines_of(1))
    with pytest.raises(ValueError, match="holds other lines"):
        raw.write_file(SOURCE, KEY, NAME, lines_of(2))
    assert store.sha256(file.key) == file.sha256


def test_the_same_lines_packed_by_another_zlib_are_no_alarm(raw: RawStore) -> None:
    key = f"{SOURCE}/{KEY}/{NAME}"
    packed = gzip.compress(b"".join(line + b"\n" for line in lines_of(1)), compresslevel=1)
    raw.store.write(key, packed)
    file = raw.write_file(SOURCE, KEY, NAME, lines_of(1))
    assert raw.store.read(key) == packed
    assert (file.sha256, file.size) == (raw.store.sha256(key), len(packed))


@pytest.mark.parametrize("position", [0, 5, 40, -10, -1])
def test_a_damaged_file_under_the_name_is_said_to_be_damaged(raw: RawStore, position: int) -> None:
    file = raw.write_file(SOURCE, KEY, NAME, lines_of(1))
    data = bytearray(raw.store.read(file.key))
    data[position] ^= 0x10
    raw.store.write(file.key, bytes(data[: position + 2 or None]))
    with pytest.raises(ValueError, match=r"is damaged .* restore it"):
        raw.write_file(SOURCE, KEY, NAME, lines_of(1))


@pytest.mark.parametrize("name", ["_hidden.jsonl.gz", ".hidden.jsonl.gz", "x.json", "a/b.jsonl.gz", "../x.jsonl.gz"])
def test_a_name_that_spark_would_skip_is_refused(raw: RawStore, name: str) -> None:
    with pytest.raises(ValueError, match="no raw file name"):
        raw.write_file(SOURCE, KEY, name, [])


@pytest.mark.parametrize("line", [b"", b"a\nb"])
def test_a_line_that_is_not_one_line_is_refused(raw: RawStore, line: bytes) -> None:
    with pytest.raises(ValueError, match="line 1 "):
        raw.write_file(SOURCE, KEY, NAME, [b"{}", line])
    assert list(raw.store.list()) == []


@pytest.mark.parametrize(("source", "key"), [("../x", KEY), ("News", KEY), ("news", "2026-1-6"), ("news", "..")])
def test_a_source_or_key_that_is_none_is_refused(raw: RawStore, source: str, key: str) -> None:
    with pytest.raises(ValueError, match="is no "):
        raw.write_file(source, key, NAME, [])
    with pytest.raises(ValueError, match="is no "):
        raw.manifest(source, key)


def test_an_interrupted_stream_of_lines_leaves_nothing(raw: RawStore) -> None:
    def broken() -> object:
        yield b"{}"
        raise ConnectionResetError("broker gone")

    with pytest.raises(ConnectionResetError):
        raw.write_file(SOURCE, KEY, NAME, broken())  # pyright: ignore[reportArgumentType]
    assert list(raw.store.list()) == []


def test_a_partition_exists_from_its_commit_on(store: Store) -> None:
    raw = RawStore(store)
    file = raw.write_file(SOURCE, KEY, NAME, lines_of(1))
    assert raw.manifest(SOURCE, KEY) is None
    assert raw.partitions(SOURCE) == []
    assert not raw.is_whole(SOURCE, KEY)
    with pytest.raises(FileNotFoundError, match=f"no raw data of {SOURCE} {KEY}: materialize"):
        raw.uris(SOURCE, [KEY])
    manifest = raw.commit(SOURCE, KEY, batch_of(file))
    assert raw.manifest(SOURCE, KEY) == manifest
    assert raw.partitions(SOURCE) == [KEY]
    assert raw.uris(SOURCE, [KEY]) == [store.spark_uri(file.key)]
    assert raw.verify(SOURCE, KEY).ok
    assert raw.is_whole(SOURCE, KEY)


def test_only_files_that_the_manifest_names_are_read(raw: RawStore) -> None:
    land(raw)
    extra = raw.write_file(SOURCE, KEY, raw_file_name(TOPIC, 9, 9), lines_of(9))
    assert raw.store.spark_uri(extra.key) not in raw.uris(SOURCE, [KEY])
    assert raw.verify(SOURCE, KEY).problems == (f"{extra.key}: extra (no manifest names it)",)


def test_an_empty_partition_differs_from_one_that_never_ran(raw: RawStore) -> None:
    raw.commit(SOURCE, KEY, batch_of())
    assert raw.partitions(SOURCE) == [KEY]
    assert raw.uris(SOURCE, [KEY]) == []
    assert raw.verify(SOURCE, KEY).ok


def test_partitions_are_sorted_and_of_their_source_alone(raw: RawStore) -> None:
    for key in ("2026-01-13", "2025-12-30", KEY):
        land(raw, key=key)
    raw.quarantine(SOURCE, "2026-02-03", "x", b"x", {})
    assert raw.partitions(SOURCE) == ["2025-12-30", KEY, "2026-01-13"]
    assert raw.partitions("new") == []
    assert len(raw.uris(SOURCE, ["2025-12-30", KEY])) == 4


def test_committing_a_batch_again_changes_nothing(raw: RawStore) -> None:
    batch = land(raw)
    before = {stored.key: stored for stored in raw.store.list()}
    land(raw)
    raw.commit(SOURCE, KEY, batch)
    assert {stored.key: stored for stored in raw.store.list()} == before


def test_batches_that_are_committed_at_once_all_stay(store: Store) -> None:
    raw = RawStore(store)
    with ThreadPoolExecutor(4) as pool:
        batches = list(pool.map(lambda number: land(RawStore(store), number=number), range(4)))
    manifest = raw.manifest(SOURCE, KEY)
    assert manifest is not None
    assert {batch.batch_id for batch in manifest.batches} == {batch.batch_id for batch in batches}
    assert raw.verify(SOURCE, KEY).ok


def test_a_batch_whose_files_are_not_there_is_not_committed(raw: RawStore) -> None:
    file = raw.write_file(SOURCE, KEY, NAME, lines_of(1))
    raw.store.delete(file.key)
    with pytest.raises(FileNotFoundError, match="land the batch again"):
        raw.commit(SOURCE, KEY, batch_of(file))
    assert raw.manifest(SOURCE, KEY) is None


def test_a_batch_is_not_committed_to_another_partition(raw: RawStore) -> None:
    file = raw.write_file(SOURCE, KEY, NAME, lines_of(1))
    with pytest.raises(ValueError, match="does not belong to"):
        raw.commit(SOURCE, "2026-01-13", batch_of(file))


def test_landing_a_batch_again_cannot_forget_its_files(raw: RawStore) -> None:
    batch = land(raw)
    with pytest.raises(ValueError, match="would be forgotten"):
        raw.commit(SOURCE, KEY, batch_of(batch.files[0]))
    manifest = raw.manifest(SOURCE, KEY)
    assert manifest is not None
    assert manifest.files == batch.files


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff\xfe", b"[" * 100_000, None])
@pytest.mark.parametrize("key", [FIRST_COPY, SECOND_COPY])
def test_either_copy_of_a_manifest_may_be_lost(raw: RawStore, key: str, damage: bytes | None) -> None:
    land(raw)
    expected = raw.manifest(SOURCE, KEY)
    if damage is None:
        raw.store.delete(key)
    else:
        raw.store.write(key, damage)
    assert raw.manifest(SOURCE, KEY) == expected
    assert raw.partitions(SOURCE) == [KEY]
    assert [problem.split(":")[0] for problem in raw.verify(SOURCE, KEY).problems] == [key]
    land(raw, number=2)
    assert raw.verify(SOURCE, KEY).ok
    assert len(raw.uris(SOURCE, [KEY])) == 4


def test_a_changed_or_foreign_manifest_is_not_believed(raw: RawStore) -> None:
    land(raw)
    expected = raw.manifest(SOURCE, KEY)
    changed = json.loads(raw.store.read(FIRST_COPY))
    changed["batches"][0]["files"].pop()
    raw.store.write(FIRST_COPY, json.dumps(changed).encode())
    assert raw.manifest(SOURCE, KEY) == expected
    land(raw, key="2026-01-13")
    raw.store.write(FIRST_COPY, raw.store.read(f"{SOURCE}/2026-01-13/manifest.json"))
    assert raw.manifest(SOURCE, KEY) == expected


def test_with_both_copies_damaged_the_next_step_is_named(raw: RawStore) -> None:
    land(raw)
    raw.store.write(FIRST_COPY, b"x")
    raw.store.write(SECOND_COPY, b"x")
    for call in (lambda: raw.manifest(SOURCE, KEY), lambda: land(raw, number=2), lambda: raw.uris(SOURCE, [KEY])):
        with pytest.raises(DamagedManifest, match="restore the partition"):
            call()
    assert raw.partitions(SOURCE) == [KEY]
    assert raw.store.read(FIRST_COPY) == b"x"
    assert not raw.verify(SOURCE, KEY).ok


def test_quarantine_keeps_bytes_and_reason_once(store: Store) -> None:
    raw = RawStore(store)
    assert raw.quarantine(SOURCE, KEY, f"{TOPIC}+0+7.poison", b"\x00\xff", {"reason": "not JSON"})
    assert not raw.quarantine(SOURCE, KEY, f"{TOPIC}+0+7.poison", b"\x00\xff", {"reason": "not JSON"})
    assert raw.quarantine(SOURCE, KEY, f"{TOPIC}+0+7.poison", b"other", {"reason": "not JSON"})
    kept = {stored.key: store.read(stored.key) for stored in store.list(f"{SOURCE}/_quarantine/{KEY}/")}
    assert sorted(data for key, data in kept.items() if key.endswith(".bytes")) == [b"\x00\xff", b"other"]
    notes = [json.loads(data) for key, data in kept.items() if key.endswith(".json")]
    assert {note["reason"] for note in notes} == {"not JSON"}
    assert {note["size"] for note in notes} == {2, 5}
    with pytest.raises(ValueError, match="no object key"):
        raw.quarantine(SOURCE, KEY, "../../../etc/x y", b"", {})
