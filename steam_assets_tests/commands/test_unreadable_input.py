"""Input that is not text, and a current folder that is gone, are one line with what to do, and exit code 2."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from steam_assets.cli import _run
from steam_assets.lake.lake import Lake

ACCENTED = "select 'é' as a"


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
@pytest.mark.parametrize("command", ["status", "doctor", "run"])
def test_settings_that_are_not_utf_8_are_named(
    command: str, encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("STEAM_KAFKA_SASL_USERNAME=é\n", encoding=encoding)
    assert _run([command], debug=False) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert ".env is not UTF-8" in line


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-8", "utf-8-sig"])
def test_statements_are_read_as_utf_8(
    encoding: str, market_lake: Lake, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STEAM_HOME", str(market_lake.settings.home))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(ACCENTED.encode(encoding))))
    code, said = _run(["sql"], debug=False), capfd.readouterr()
    if encoding.startswith("utf-8"):
        assert not code and "é" in said.out
    else:
        (line,) = said.err.splitlines()
        assert code == 2 and "not UTF-8" in line


def test_a_statement_typed_in_another_encoding_is_refused(
    market_lake: Lake, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STEAM_HOME", str(market_lake.settings.home))
    assert _run(["sql", ACCENTED.encode("latin-1").decode("utf-8", "surrogateescape")], debug=False) == 2
    assert "not UTF-8" in capfd.readouterr().err


@pytest.mark.parametrize("command", ["status", "doctor", "run"])
def test_a_deleted_folder_is_named(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert _run([command], debug=False) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert "folder was deleted" in line and "`cd`" in line
