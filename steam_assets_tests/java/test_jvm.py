"""Finding Java: which installation is used, which are skipped, and the error if there is none."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from steam_assets.java import jvm

NEWEST = str(jvm.NEWEST_JAVA)


def fake_java(folder: Path, version: str, home: Path | None = None, says_before: str = "") -> Path:
    """A command that reports a version and a home as Java does: on standard error, among other properties."""
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True, exist_ok=True)
    report = f"""{says_before}Property settings:
    java.home = {home or folder}
    java.specification.name = Java Platform API Specification
    java.specification.version = {version}

openjdk version "{version}.0.1" 2026-10-20
"""
    java.write_text(f"#!/bin/sh\nprintf %s {shlex.quote(report)} >&2\n")
    java.chmod(0o755)
    return java


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine without Java in any of the usual places."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(jvm, "_usual_places", list)
    return monkeypatch


@pytest.mark.parametrize(("version", "major"), [("1.8", 8), ("11", 11), ("16", 16), ("24", 24), ("25", 25)])
def test_an_unsupported_java_is_named_with_the_command_that_installs_a_supported_one(
    bare_machine: pytest.MonkeyPatch, tmp_path: Path, version: str, major: int
) -> None:
    java = fake_java(tmp_path, version)
    bare_machine.setenv("PATH", str(java.parent))
    with pytest.raises(jvm.MissingJava) as caught:
        jvm.find_java(fetch=False)
    assert f"{java} (PATH) is Java {major}" in str(caught.value)
    assert f"Java {jvm.OLDEST_JAVA} to {NEWEST}" in str(caught.value)
    assert jvm.install_command() in str(caught.value)


def test_a_missing_java_is_reported(bare_machine: pytest.MonkeyPatch) -> None:
    with pytest.raises(jvm.MissingJava, match="found: no Java at all"):
        jvm.find_java(fetch=False)


@pytest.mark.parametrize(
    "script", ["exit 3", "echo 'openjdk version \"21\"' >&2", "echo '    java.home = /x'", "printf '\\377\\376'"]
)
def test_a_broken_java_is_skipped(bare_machine: pytest.MonkeyPatch, tmp_path: Path, script: str) -> None:
    broken = fake_java(tmp_path / "broken", "17")
    broken.write_text(f"#!/bin/sh\n{script}\n")
    good = fake_java(tmp_path / "good", "21")
    bare_machine.setenv("JAVA_HOME", str(tmp_path / "broken"))
    bare_machine.setenv("PATH", str(good.parent))
    assert jvm.find_java(fetch=False) == good


def test_java_home_comes_before_path(bare_machine: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first, second = fake_java(tmp_path / "home", "17"), fake_java(tmp_path / "path", "21")
    bare_machine.setenv("JAVA_HOME", str(tmp_path / "home"))
    bare_machine.setenv("PATH", str(second.parent))
    assert jvm.find_java(fetch=False) == first


@pytest.mark.parametrize("named", ["25", "11", None])
def test_an_unusable_java_home_gives_way_to_the_next_java_on_path(
    bare_machine: pytest.MonkeyPatch, tmp_path: Path, named: str | None
) -> None:
    if named:
        fake_java(tmp_path / "home", named)
    newest, fitting = fake_java(tmp_path / "newest", "25"), fake_java(tmp_path / "fitting", NEWEST)
    bare_machine.setenv("JAVA_HOME", str(tmp_path / "home"))
    bare_machine.setenv("PATH", f"{newest.parent}:{fitting.parent}")
    assert jvm.find_java(fetch=False) == fitting


def test_a_script_of_a_version_manager_leads_to_the_java_that_it_starts(
    bare_machine: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The script's folder has no Java; the real folder's name has a space and non-ASCII letters."""
    real = fake_java(tmp_path / "josé 東京" / "jdk [21]", "21")
    shim = fake_java(tmp_path / "shims", "21", home=real.parents[1])
    bare_machine.setenv("PATH", str(shim.parent))
    assert jvm.find_java(fetch=False) == real


def test_messages_about_java_options_are_ignored(bare_machine: pytest.MonkeyPatch, tmp_path: Path) -> None:
    picked = 'Picked up JAVA_TOOL_OPTIONS: -Dx="version \\"11\\" java.specification.version = 8"\n'
    java = fake_java(tmp_path, "21", says_before=picked)
    bare_machine.setenv("PATH", str(java.parent))
    assert jvm.find_java(fetch=False) == java


def test_java_is_started_once_to_read_its_version(bare_machine: pytest.MonkeyPatch, tmp_path: Path) -> None:
    java = fake_java(tmp_path, "21")
    java.write_text(java.read_text() + f"echo asked >> {tmp_path}/asked\n")
    bare_machine.setenv("PATH", str(java.parent))
    assert jvm.find_java(fetch=False) == jvm.find_java(fetch=False) == java
    assert (tmp_path / "asked").read_text() == "asked\n"


def test_native_libraries_are_unpacked_where_they_can_be_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert jvm.native_options(tmp_path / "native") == [] and not (tmp_path / "native").exists()
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    noexec = [Path(mount[1]) for mount in mounts if "noexec" in mount[3].split(",") and Path(mount[1]).is_dir()]
    if not noexec:
        pytest.skip("nothing is mounted noexec here")
    monkeypatch.setattr(jvm, "JAVA_TEMPORARY", noexec[0])
    options = jvm.native_options(tmp_path / "native")
    assert f"-DZstdTempFolder={tmp_path / 'native'}" in options and (tmp_path / "native").is_dir()


def test_the_java_of_this_machine_is_one_that_spark_runs_on() -> None:
    found = jvm.java_at(jvm.find_java())
    assert found is not None and found.is_served and found.command.is_file()


@pytest.mark.parametrize("variable", ["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"])
def test_our_jvms_use_english_and_utf_8_whatever_the_environment(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """In Turkish the lower case of I is dotless; in the C locale, files with non-ASCII names cannot be opened."""
    monkeypatch.setenv(variable, "-Duser.language=tr -Duser.country=TR -Dfile.encoding=ISO-8859-9")
    monkeypatch.setenv("LC_ALL", "C")
    for name, value in jvm.java_environment().items():
        monkeypatch.setenv(name, value)
    assert jvm.java_environment().get(variable) is None, "existing options are not set again"
    said = subprocess.run(
        [str(jvm.find_java()), "-XshowSettings:properties", "-version"], capture_output=True, text=True, check=True
    ).stderr
    for line in ("user.language = en", "file.encoding = UTF-8", "sun.jnu.encoding = UTF-8"):
        assert f"    {line}\n" in said
