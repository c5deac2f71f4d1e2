"""Landing, backup, damage, housekeeping and restore in any order, compared with a model of the expected state.

Belongs here: the steps and the invariants after each. Does not belong here: how many orders are tried.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from steam_assets.lake.backup import WouldOverwrite, back_up, backup_of, restore, verify
from steam_assets.lake.housekeeping import Housekeeping
from steam_assets.lake.lake import Lake
from steam_assets.lake.partition_copies import BackupDiffers
from steam_assets.ledger.records import RawRecord
from steam_assets.settings import Settings
from steam_assets_tests.lake.raw_landing import KEY, LATER, NEWS, NOW, batch_id, files_of, land

keys = st.sampled_from([KEY, LATER])


class RawWork(RuleBasedStateMachine):
    """The model: which batches were landed, and which were damaged in which root."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="steam-model-"))
        self.lake = Lake(Settings(home=self.folder))
        self.twins = self.lake.raw_twins(NEWS)
        self.landed: set[tuple[str, str]] = set()
        self.damaged: set[tuple[str, str]] = set()

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @rule(key=keys, number=st.integers(1, 3))
    def land(self, key: str, number: int) -> None:
        land(self.lake, key=key, number=number, count=number - 1)
        self.landed.add((key, batch_id(number)))

    @rule(key=keys)
    def back_up(self, key: str) -> None:
        held = backup_of(self.twins, key)
        proven, problems = back_up(self.twins, [key], NOW)
        after = backup_of(self.twins, key)
        assert (key in proven) != bool(problems)
        assert held is None or (after is not None and held.of.batch_ids <= after.of.batch_ids), "a backup only grows"
        if proven:
            assert after is not None and verify(self.twins.backup, [after.of]) == []

    @rule(key=keys, overwrite=st.booleans())
    def restore(self, key: str, overwrite: bool) -> None:
        with contextlib.suppress(BackupDiffers, WouldOverwrite):
            if restore(self.twins, key, overwrite=overwrite) is not None:
                held, record = backup_of(self.twins, key), self.twins.primary.record(RawRecord, key)
                assert held is not None and record is not None and held.of.batch_ids <= record.batch_ids

    @rule(in_backup=st.booleans(), key=keys, position=st.integers(0, 1000))
    def damage(self, in_backup: bool, key: str, position: int) -> None:
        table = self.twins.backup if in_backup else self.twins.primary
        with contextlib.suppress(IndexError, ZeroDivisionError, FileNotFoundError):
            files = files_of(table, key)
            path = files[position % len(files)]
            data = path.read_bytes()
            path.write_bytes(data[:4] + bytes(byte ^ 1 for byte in data[4:200]) + data[200:])
            self.damaged.add((table.location, key))

    @rule(older=st.sampled_from([KEY, LATER, "2026-02-01"]))
    def keep_house(self, older: str) -> None:
        before = self.twins.primary.records(RawRecord)
        saved = {path: path.read_bytes() for path in (self.folder / "raw-backup").rglob("*") if path.is_file()}
        for line in Housekeeping(self.lake, (NEWS,), datetime.fromisoformat(older).replace(tzinfo=UTC)).apply():
            if line.clear:
                held = backup_of(self.twins, line.partition_key)
                assert held is not None and verify(self.twins.backup, [held.of]) == []
                assert held.of.batch_ids >= before[line.partition_key].batch_ids
        now = {path: path.read_bytes() for path in (self.folder / "raw-backup").rglob("*") if path.is_file()}
        assert now == saved

    @invariant()
    def every_landed_batch_is_somewhere_whole(self) -> None:
        hurt = {key for _, key in self.damaged}
        for key in {key for key, _ in self.landed} - hurt:
            record, held = self.twins.primary.record(RawRecord, key), backup_of(self.twins, key)
            there = (record.batch_ids if record else set()) | (held.of.batch_ids if held else set())
            assert {(key, batch) for batch in there} == {place for place in self.landed if place[0] == key}

    @invariant()
    def only_what_was_damaged_is_named(self) -> None:
        """Only damaged partitions fail verification, and only until a backup or a restore repairs them."""
        for key in {key for key, _ in self.landed}:
            held = backup_of(self.twins, key)
            sides = (
                (self.twins.primary, self.twins.primary.record(RawRecord, key)),
                (self.twins.backup, held and held.of),
            )
            for table, record in sides:
                if record and verify(table, [record]):
                    assert (table.location, key) in self.damaged
                else:
                    self.damaged.discard((table.location, key))
