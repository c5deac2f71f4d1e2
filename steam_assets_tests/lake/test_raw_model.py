"""Any order of landing, backup, damage, housekeeping and restore: no batch is lost that was not damaged everywhere."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from raw_landing import SOURCE, land

from steam_assets.lake.disk_store import DiskStore
from steam_assets.lake.manifest import RawFile
from steam_assets.lake.raw_backup import back_up, restore
from steam_assets.lake.raw_housekeeping import apply, plan
from steam_assets.lake.raw_store import DamagedManifest, RawStore

KEYS = ["2026-01-06", "2026-01-13"]
keys = st.sampled_from(KEYS)
numbers = st.integers(1, 3)
positions = st.integers(0, 1000)


class RawWork(RuleBasedStateMachine):
    """The model: which batches were landed, and which files somebody damaged, in which root."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="steam-model-"))
        self.primary = RawStore(DiskStore(self.folder / "raw"))
        self.backup = RawStore(DiskStore(self.folder / "raw-backup"))
        self.landed: dict[str, RawFile] = {}
        self.damaged: set[tuple[str, str]] = set()

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @rule(key=keys, number=numbers)
    def land(self, key: str, number: int) -> None:
        # Landing over a damaged file, or a damaged manifest, is refused: that too must lose nothing.
        with contextlib.suppress(ValueError, FileNotFoundError, DamagedManifest):
            self.landed |= {file.key: file for file in land(self.primary, key=key, number=number).files}

    @rule(key=keys)
    def back_up(self, key: str) -> None:
        with contextlib.suppress(ValueError, FileNotFoundError, DamagedManifest):
            back_up(self.primary, self.backup, SOURCE, key)
            self._mended(self.backup)

    @rule(key=keys, overwrite=st.booleans())
    def restore(self, key: str, overwrite: bool) -> None:
        with contextlib.suppress(ValueError, FileNotFoundError, DamagedManifest):
            restore(self.backup, self.primary, SOURCE, key, overwrite=overwrite)
            self._mended(self.primary)

    @rule(in_backup=st.booleans(), position=positions, cut=st.booleans())
    def damage(self, in_backup: bool, position: int, cut: bool) -> None:
        raw = self.backup if in_backup else self.primary
        found = [stored.key for stored in raw.store.list(SOURCE) if stored.key.endswith(".gz")]
        if found:
            key = found[position % len(found)]
            data = bytearray(raw.store.read(key))
            data[position % len(data)] ^= 0x10
            raw.store.write(key, bytes(data[:-1] if cut else data))
            self.damaged.add((raw.store.uri, key))

    @rule(second=st.booleans(), key=keys)
    def lose_a_manifest_copy(self, second: bool, key: str) -> None:
        copies = self.primary.manifests.copies(SOURCE, key)
        if all(copy.manifest for copy in copies):
            self.primary.store.delete(copies[second].key)

    @rule()
    def keep_house(self) -> None:
        before = {stored.key: self.primary.store.read(stored.key) for stored in self.primary.store.list(SOURCE)}
        saved = {stored.key: self.backup.store.read(stored.key) for stored in self.backup.store.list()}
        candidates = plan(self.primary, self.backup, [SOURCE], datetime(2026, 4, 1, tzinfo=UTC))
        apply(self.primary, self.backup, candidates)
        assert {stored.key: self.backup.store.read(stored.key) for stored in self.backup.store.list()} == saved
        for key in before:
            if key.endswith(".gz") and self.primary.store.stat(key) is None:
                assert saved[key] == before[key]
                assert hashlib.sha256(saved[key]).hexdigest() == self.landed[key].sha256

    @invariant()
    def every_landed_file_is_somewhere_whole(self) -> None:
        roots = (self.primary, self.backup)
        for key in self.landed:
            whole = any(self._whole(raw, key) for raw in roots)
            # A file may be lost only where somebody damaged it.
            assert whole or any(hurt == key for _, hurt in self.damaged), key

    @invariant()
    def a_manifest_promises_nothing_that_was_not_damaged(self) -> None:
        for raw in (self.primary, self.backup):
            for key in raw.partitions(SOURCE):
                problems = raw.verify(SOURCE, key).problems
                hurt = {name for uri, name in self.damaged if uri == raw.store.uri}
                # An extra file is one that a refused landing, or a backup that met a damaged file, had already written.
                expected = (": extra ", ": manifest (missing)")
                assert all(p.split(": ")[0] in hurt or any(e in p for e in expected) for p in problems), problems

    def _mended(self, raw: RawStore) -> None:
        self.damaged = {(uri, name) for uri, name in self.damaged if uri != raw.store.uri or not self._whole(raw, name)}

    def _whole(self, raw: RawStore, key: str) -> bool:
        file = self.landed.get(key)
        return file is not None and raw.store.stat(key) is not None and raw.store.sha256(key) == file.sha256


TestRawWork = pytest.mark.slow(RawWork.TestCase)
RawWork.TestCase.settings = settings(
    max_examples=30,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    # Each step works on real files: shrinking a failure would take many minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
