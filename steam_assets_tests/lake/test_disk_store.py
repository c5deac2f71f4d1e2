"""What is a disk's own: temporary files, links, a full disk, locks between processes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from steam_assets.lake.disk_store import DiskStore


def test_a_link_that_leads_out_is_refused_and_not_listed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("s")
    store = DiskStore(tmp_path / "root")
    store.write("inside", b"1")
    (store.root / "link").symlink_to(outside)
    (store.root / "file").symlink_to(outside / "secret")
    for call in (store.read, store.stat, store.delete, lambda key: store.write(key, b"x")):
        for key in ("link/secret", "file"):
            with pytest.raises(PermissionError, match="symbolic link"):
                call(key)
    assert [stored.key for stored in store.list()] == ["inside"]
    assert (outside / "secret").read_text() == "s"


def test_a_root_behind_a_link_is_used(tmp_path: Path) -> None:
    (tmp_path / "big-disk").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "big-disk")
    DiskStore(tmp_path / "data" / "raw").write("x", b"1")
    assert (tmp_path / "big-disk" / "raw" / "x").read_bytes() == b"1"


def test_addresses_of_a_root_with_odd_characters(tmp_path: Path) -> None:
    store = DiskStore(tmp_path / "a b%c")
    assert store.uri.endswith("/a%20b%25c")
    assert store.spark_uri("k") == f"file://{tmp_path.resolve()}/a b%c/k"


def test_what_a_dead_writer_left_is_not_listed_and_is_swept(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    store.write("f/x", b"1")
    left = tmp_path / ".temporary~" / "0123"
    left.write_bytes(b"half")
    assert [stored.key for stored in store.list()] == ["f/x"]
    assert store.sweep_leftovers(datetime.now(UTC) - timedelta(hours=1)) == []
    assert store.sweep_leftovers(datetime.now(UTC) + timedelta(seconds=1)) == [".temporary~/0123"]
    assert not left.exists()
    assert store.read("f/x") == b"1"


WRITE_UNDER_A_LIMIT = textwrap.dedent("""
    import resource, sys
    from pathlib import Path
    from steam_assets.lake.disk_store import DiskStore
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    try:
        DiskStore(Path(sys.argv[1])).write("f/x", b"n" * 200_000)
    except OSError as error:
        print(*error.__notes__)
        sys.exit(7)
""")


def test_a_full_disk_leaves_the_old_version_and_says_what_is_needed(tmp_path: Path) -> None:
    """The limit on file size of a process stands in for the end of a disk: the write fails in the same place."""
    store = DiskStore(tmp_path)
    store.write("f/x", b"old")
    done = subprocess.run([sys.executable, "-c", WRITE_UNDER_A_LIMIT, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 7, done.stderr
    assert "free space" in done.stdout
    assert store.read("f/x") == b"old"
    assert [path.name for path in (tmp_path / "f").iterdir()] == ["x"]


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX folders")
def test_a_place_that_cannot_be_written_fails_plainly(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("a file where a folder should be")
    with pytest.raises(OSError):
        DiskStore(tmp_path).write("f/x", b"1")
    assert (tmp_path / "f").read_text() == "a file where a folder should be"


COUNT_UP = textwrap.dedent("""
    import sys
    from pathlib import Path
    from steam_assets.lake.disk_store import DiskStore
    from steam_assets.lake.store import StoreConflict
    store, added = DiskStore(Path(sys.argv[1])), 0
    while added < 50:
        found = store.stat("n")
        try:
            store.write("n", str(int(store.read("n")) + 1).encode(), if_etag=found.etag)
        except StoreConflict:
            continue
        added += 1
""")


def test_conditional_writes_of_several_processes_lose_nothing(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    store.write("n", b"0")
    writers = [subprocess.Popen([sys.executable, "-c", COUNT_UP, str(tmp_path)]) for _ in range(3)]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    assert store.read("n") == b"150"
