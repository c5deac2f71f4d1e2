"""Finding Java: what is taken, and what people are told when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from steam_assets.embedded import jvm


def fake_java(folder: Path, version: str) -> Path:
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    java.chmod(0o755)
    return java


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine without any Java installed in the usual places."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(jvm, "_usual_places", list)
    return monkeypatch


def test_an_old_java_is_named_with_the_command_that_installs_a_new_one(
    bare_machine: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    java = fake_java(tmp_path, "1.8.0_402")
    bare_machine.setenv("PATH", f"{java.parent}:/usr/bin:/bin")
    with pytest.raises(jvm.MissingJava) as caught:
        jvm.find_java(fetch=False)
    assert f"{java} (PATH) is Java 8" in str(caught.value)
    assert jvm.install_command() in str(caught.value)
    assert "17" in jvm.install_command()


def test_no_java_at_all_is_said_plainly(bare_machine: pytest.MonkeyPatch) -> None:
    with pytest.raises(jvm.MissingJava, match="found: no Java at all"):
        jvm.find_java(fetch=False)


def test_a_broken_java_is_passed_over(bare_machine: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "broken" / "bin" / "java"
    broken.parent.mkdir(parents=True)
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    good = fake_java(tmp_path / "good", "21.0.2")
    bare_machine.setenv("JAVA_HOME", str(tmp_path / "broken"))
    bare_machine.setenv("PATH", f"{good.parent}:/usr/bin:/bin")
    assert jvm.find_java(fetch=False) == good


def test_java_home_comes_before_path(bare_machine: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first, second = fake_java(tmp_path / "home", "17.0.1"), fake_java(tmp_path / "path", "25")
    bare_machine.setenv("JAVA_HOME", str(tmp_path / "home"))
    bare_machine.setenv("PATH", f"{second.parent}:/usr/bin:/bin")
    assert jvm.find_java(fetch=False) == first


def test_the_java_of_this_machine_is_new_enough() -> None:
    version = jvm.java_version(jvm.find_java())
    assert version is not None and version >= 17
