"""Jars: the pinned ones from this machine, or a clear error."""

from __future__ import annotations

from pathlib import Path

import pytest

from steam_assets.java import jars


def test_every_pinned_set_is_wholly_in_the_lock() -> None:
    lock = jars._read_lock()
    for wanted in jars.PINNED:
        members = lock.closures["+".join(wanted.coordinates)] if wanted.transitive else wanted.coordinates
        assert set(members) <= set(lock.sha256)


def test_a_baked_in_folder_serves_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jars.export_jars(tmp_path, [jars.SPARK])
    monkeypatch.setenv("STEAM_JARS_DIR", str(tmp_path))
    assert {jar.parent for jar in jars.spark_jars(s3=False)} == {tmp_path}


def test_a_jar_missing_from_the_baked_in_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEAM_JARS_DIR", str(tmp_path))
    with pytest.raises(jars.UnavailableJar, match=r"iceberg-spark-runtime.*STEAM_JARS_DIR"):
        jars.spark_jars(s3=False)


def test_a_jar_with_other_bytes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jar, *_ = jars.export_jars(tmp_path, [jars.SPARK])
    with jar.open("ab") as stream:
        stream.write(b"!")
    monkeypatch.setenv("STEAM_JARS_DIR", str(tmp_path))
    with pytest.raises(jars.ChangedJar, match="delete that file"):
        jars.spark_jars(s3=False)
