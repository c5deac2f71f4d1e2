"""A restore that cannot repair a partition, because no backup has one of its batches, says so."""

from __future__ import annotations

import pyarrow as pa
import pytest
from raw_landing import KEY, NEWS, NOW, batch_id, files_of, land, rows_of, sequences
from test_backup import DAMAGES, damage, flip

from steam_assets.lake.backup import back_up, restore, verify_twins
from steam_assets.lake.columns import arrow_schema
from steam_assets.lake.lake import Lake
from steam_assets.lake.restore import Restored, Restorer


@pytest.fixture
def half(lake: Lake) -> Lake:
    """A raw partition of two batches; the backup has only the first."""
    land(lake, number=1)
    assert back_up(lake.raw_twins(NEWS), [KEY], NOW)[1] == []
    land(lake, number=2)
    return lake


def restored(lake: Lake) -> Restored:
    (result,) = Restorer.in_place(lake).restore(NEWS, [KEY], overwrite=True)
    return result


@pytest.mark.parametrize("how", [name for name in DAMAGES if name != "of others"])
def test_a_damaged_batch_without_a_backup_is_named_and_landed_again_once_its_file_is_gone(half: Lake, how: str) -> None:
    table = half.raw(NEWS)
    (path,) = [path for path in files_of(table) if batch_id(2) in path.name]
    DAMAGES[how](path)
    result = restored(half)
    (problem,) = result.problems
    assert f"batch {batch_id(2)} is damaged and no backup has it" in problem and "run the partition again" in problem
    assert str(path) in problem and "\n" not in problem
    assert result.rows == {}
    path.unlink(missing_ok=True)
    land(half, number=2)
    assert restored(half).problems == ()
    assert back_up(half.raw_twins(NEWS), [KEY], NOW)[1] == [] == verify_twins(half.raw_twins(NEWS), KEY)


def test_a_batch_of_the_backup_is_repaired_beside_a_damaged_one_that_no_backup_has(half: Lake) -> None:
    """A run of the partition restores the first before it lands the second again."""
    for path in files_of(half.raw(NEWS)):
        flip(path)
    assert f"batch {batch_id(2)} is damaged" in restored(half).problems[0]
    damage(half.raw(NEWS), "missing")
    assert restore(half.raw_twins(NEWS), KEY, overwrite=True) == 20


def test_an_intact_batch_without_a_backup_is_kept_and_counted(half: Lake) -> None:
    (path,) = [path for path in files_of(half.raw(NEWS)) if batch_id(1) in path.name]
    flip(path)
    result = restored(half)
    assert (result.problems, result.rows) == ((), {"raw": 40})
    assert sequences(half.raw(NEWS)) == [(batch_id(n), s) for n in (1, 2) for s in range(20)]


def test_rows_of_another_program_beside_a_batch_without_a_backup_are_named_and_then_removed(half: Lake) -> None:
    table = half.raw(NEWS).load()
    assert table is not None
    table.append(pa.Table.from_pylist([*rows_of(9)], arrow_schema(table)))
    (problem,) = restored(half).problems
    assert "holds 60 rows" in problem and "back it up, then restore it again" in problem
    assert back_up(half.raw_twins(NEWS), [KEY], NOW)[1] == []
    assert restored(half).problems == ()
    assert verify_twins(half.raw_twins(NEWS), KEY) == []
