"""A sealed spool survives a crash; an unsealed one leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from steam_assets.extraction.spool import Spool, SpoolDamaged, SpoolInUse, SpoolWriter
from steam_assets.kafka.envelope import Envelope
from steam_assets.sources.source import Fetched, Request, Response
from steam_assets.sources.steam import STEAM_API

SOURCE, KEY = "most_played", "2026-11-20"


def envelope(batch_id: str, sequence: int, body: str = '{"é": "\u2028 \\n"}') -> Envelope:
    request = Request(STEAM_API, "chart", "/", {}, bytes)
    moment = datetime(2026, 11, 20, 12, tzinfo=UTC)
    response = Response(request, "http://host/", 200, {"etag": "a"}, body.encode(), moment, b"")
    return Envelope.from_response(
        Fetched(response, {"players": 100, "names": 2}),
        source=SOURCE,
        partition_key=KEY,
        batch_id=batch_id,
        sequence=sequence,
    )


def fill(folder: Path, records: int = 3, about: str = "all") -> Spool:
    with SpoolWriter(folder, SOURCE, KEY) as writer:
        for sequence in range(records):
            writer.append(envelope(writer.batch_id, sequence))
        return writer.seal(about)


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_a_sealed_spool_gives_any_reader_the_same_bytes_and_counts(tmp_path: Path) -> None:
    written = fill(tmp_path)
    found = Spool.sealed(tmp_path, SOURCE, KEY, "all")
    assert found is not None
    assert found.batch_id == written.batch_id
    assert found.records == len(found) == 3
    assert found.items == {"players": 300, "names": 6}
    for _ in range(2):
        assert [line.to_bytes() for line in found] == [envelope(found.batch_id, n).to_bytes() for n in range(3)]


def test_an_empty_batch_can_be_sealed(tmp_path: Path) -> None:
    assert list(fill(tmp_path, 0)) == []


def test_a_spool_of_another_request_or_partition_is_not_used(tmp_path: Path) -> None:
    fill(tmp_path, about="apps 1,2")
    assert Spool.sealed(tmp_path, SOURCE, KEY, "apps 1,2,3") is None
    assert Spool.sealed(tmp_path, SOURCE, "2026-11-21", "apps 1,2") is None
    assert Spool.sealed(tmp_path, SOURCE, KEY) is not None


def test_a_sealed_spool_stays_until_another_is_sealed(tmp_path: Path) -> None:
    first = fill(tmp_path)
    with SpoolWriter(tmp_path, SOURCE, KEY) as writer:
        writer.append(envelope(writer.batch_id, 0))
    assert len(list(first)) == 3
    assert len(files(tmp_path)) == 2
    second = fill(tmp_path, 1)
    found = Spool.sealed(tmp_path, SOURCE, KEY)
    assert found is not None and found.batch_id == second.batch_id
    assert len(files(tmp_path)) == 2


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with SpoolWriter(tmp_path, SOURCE, KEY) as writer:
            writer.append(envelope(writer.batch_id, 0))
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        fail()
    assert files(tmp_path) == []
    assert fill(tmp_path).records == 3


def test_a_killed_writer_leaves_no_spool_and_blocks_no_other(tmp_path: Path) -> None:
    dying = (
        "import os, sys; from pathlib import Path; from steam_assets.extraction.spool import SpoolWriter\n"
        f"SpoolWriter(Path(sys.argv[1]), {SOURCE!r}, {KEY!r}).__enter__(); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", dying, str(tmp_path)], timeout=60, check=False).returncode == 9
    assert len(files(tmp_path)) == 1
    assert Spool.sealed(tmp_path, SOURCE, KEY, "all") is None
    fill(tmp_path)
    assert len(files(tmp_path)) == 2


def test_two_writers_of_one_partition_do_not_mix(tmp_path: Path) -> None:
    with SpoolWriter(tmp_path, SOURCE, KEY) as first:
        first.append(envelope(first.batch_id, 0))
        with pytest.raises(SpoolInUse, match="wait for it to end"), SpoolWriter(tmp_path, SOURCE, KEY):
            pass
        with SpoolWriter(tmp_path, SOURCE, "2026-11-21") as other:
            other.seal("all")
        assert [line.sequence for line in first.seal("all")] == [0]


def test_envelopes_come_in_sequence_and_of_one_batch(tmp_path: Path) -> None:
    with SpoolWriter(tmp_path, SOURCE, KEY) as writer:
        with pytest.raises(ValueError, match="in sequence"):
            writer.append(envelope(writer.batch_id, 1))
        with pytest.raises(ValueError, match="not number 0"):
            writer.append(envelope("0" * 32, 0))


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone", "replaced"])
def test_damage_is_noticed(damage: str, tmp_path: Path) -> None:
    spool = fill(tmp_path, 50)
    path = next(tmp_path.rglob("*.jsonl.gz"))
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "replaced":
        shorter = fill(tmp_path / "other", 2)
        (tmp_path / "other" / SOURCE / KEY / f"{shorter.batch_id}.jsonl.gz").replace(path)
    else:
        middle = len(data) // 2
        path.write_bytes(data[:middle] if damage == "cut" else data[:middle] + b"\xff\x00" + data[middle + 2 :])
    with pytest.raises(SpoolDamaged, match="materialize the partition again"):
        list(spool)


def test_a_discarded_spool_is_gone_and_can_be_discarded_again(tmp_path: Path) -> None:
    spool = fill(tmp_path)
    spool.discard()
    spool.discard()
    assert files(tmp_path) == []
    assert Spool.sealed(tmp_path, SOURCE, KEY, "all") is None


@pytest.mark.parametrize(("source", "key"), [("../x", KEY), ("x/y", KEY), ("x", ".."), ("x", "2026-11-20/..")])
def test_names_never_become_other_paths(source: str, key: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a source name and a partition key"):
        SpoolWriter(tmp_path, source, key)
