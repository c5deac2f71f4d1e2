"""Releases: their contents, what they leave out, and their verification."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from small_lake import CANARY, DECLARED, SmallLake, fill

from steam_assets.lake.lake import Lake
from steam_assets.publication.contracts import SUFFIX
from steam_assets.publication.release import CHECKSUMS, FolderNotEmpty, NothingToRelease, Release, released
from steam_assets.settings import Settings
from steam_assets.sources import SOURCES
from steam_assets.sources.source import Sensitivity


def release(small: SmallLake, folder: Path, *, with_text: bool = False) -> dict[str, bytes]:
    """Write a release; return its files' bytes by path."""
    assert list(Release(small.lake, SOURCES, with_text=with_text).write(folder))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def contains(files: dict[str, bytes], folder: Path, canary: str) -> list[str]:
    """The files that contain a text, as bytes or in compressed columns."""
    encodings = [canary.encode(encoding) for encoding in ("utf-8", "utf-16-le", "utf-16-be")]
    plain = [path for path, content in files.items() if any(text in content for text in encodings)]
    tables = [path for path in files if path.endswith(".parquet")]
    return plain + [path for path in tables if canary in str(pq.read_table(folder / path).to_pylist())]


def test_rows_are_by_table_and_month_in_the_order_of_their_key(filled: SmallLake, tmp_path: Path) -> None:
    files = release(filled, tmp_path / "out")
    data = {path for path in files if path.startswith("data/")}
    assert data == {
        *("data/most_played/2026-10.parquet", "data/most_played/2026-11.parquet", "data/reviews/2026-11.parquet"),
        *("data/review_summary/2026-11.parquet", "data/news/2026-11.parquet"),
        *("data/insight_market_day/2026-11.parquet", "data/insight_freshness/all.parquet"),
    }
    read = duckdb.execute(f"select partition_key, rank from '{tmp_path}/out/data/most_played/*.parquet'").fetchall()
    assert read == sorted(read) and len(read) == 12
    contracts = {
        path.removeprefix("contracts/").removesuffix(SUFFIX) for path in files if path.startswith("contracts/")
    }
    assert contracts == {path.split("/")[1] for path in data}


def test_no_byte_of_a_release_identifies_a_person_or_has_a_text(filled: SmallLake, tmp_path: Path) -> None:
    files = release(filled, tmp_path / "out")
    for canary in CANARY.values():
        assert contains(files, tmp_path / "out", canary) == []


def test_texts_are_included_on_request_and_people_never(filled: SmallLake, tmp_path: Path) -> None:
    """Finding the texts here shows that the tests above would find them."""
    files = release(filled, tmp_path / "out", with_text=True)
    texts = contains(files, tmp_path / "out", CANARY[Sensitivity.TEXT])
    assert {path for path in texts if path.endswith(".parquet")} == {
        "data/news/2026-11.parquet",
        "data/reviews/2026-11.parquet",
    }
    assert contains(files, tmp_path / "out", CANARY[Sensitivity.PERSON]) == []
    assert "They may name people" in files["README.md"].decode()


def test_a_table_of_pseudonyms_declares_which_column_they_are_in() -> None:
    """A new one cannot be released because its mark was forgotten."""
    for table in (table for source in SOURCES for table in source.tables if table.pseudonymous):
        assert [column.name for column in table.columns if column.sensitivity is Sensitivity.PERSON], table.name


def test_a_table_without_its_key_claims_none() -> None:
    shown = released(DECLARED["reviews"], with_text=True)
    gone = {column.name for column in DECLARED["reviews"].columns} - {column.name for column in shown.columns}
    assert gone == {"recommendation_id", "author_key"} and shown.key == ()
    assert "recommendation_id_is_a_number" in DECLARED["reviews"].rules
    assert not any("recommendation_id" in rule for rule in shown.rules.values()) and "app_id_positive" in shown.rules


def test_sha256sum_verifies_every_file(filled: SmallLake, tmp_path: Path) -> None:
    """It also detects a changed file."""
    folder = tmp_path / "out"
    files = release(filled, folder)
    check = ["sha256sum", "--check", "--strict", CHECKSUMS]
    verified = subprocess.run(check, cwd=folder, capture_output=True, text=True, check=True).stdout
    assert {line.removesuffix(": OK") for line in verified.splitlines()} == files.keys() - {CHECKSUMS}
    (folder / "README.md").write_bytes(files["README.md"] + b" ")
    failed = subprocess.run(check, cwd=folder, capture_output=True, text=True, check=False)
    assert failed.returncode == 1 and "README.md: FAILED" in failed.stdout


def test_the_same_lake_gives_the_same_bytes(filled: SmallLake, tmp_path: Path) -> None:
    """A copy of the lake with its rows in other files and another order gives them, too."""
    copy = SmallLake(Lake(Settings(home=tmp_path / "copy")))
    fill(copy)
    rows = [{"app_id": 570, "recommendation_id": f"{CANARY[Sensitivity.PERSON]} {n}"} for n in (3, 1, 2)]
    copy.put("reviews", "2026-11-10", rows, files=3)
    first = release(filled, tmp_path / "first")
    assert release(filled, tmp_path / "second") == first
    assert release(copy, tmp_path / "third") == first


@pytest.fixture(scope="module")
def card(filled: SmallLake, tmp_path_factory: pytest.TempPathFactory) -> str:
    return release(filled, tmp_path_factory.mktemp("card") / "out")["README.md"].decode()


def test_the_card_names_gaps_and_what_was_set_aside(card: str) -> None:
    """Gaps have their reason; a source without any data says so."""
    gaps = card.partition("## Gaps")[2].partition("\n## ")[0]
    played = gaps.partition("**Most played**")[2].partition("**")[0]
    assert "2026-11-02 to 2026-11-03, 2026-11-05 to 2026-11-17: not collected: missed while it was live" in played
    assert "1 item of `most_played` set aside" in played
    assert "**Top sellers** (weekly): nothing was collected" in gaps
    assert "- no gap" in gaps.partition("**Reviews**")[2].partition("**")[0]


def test_the_card_states_content_date_method_and_terms(card: str) -> None:
    assert card.startswith("# Steam market data, as of 2026-11-18 21:05 UTC")
    assert "| `most_played` | Most played | 2026-10-30 to 2026-11-04 | 12 | 2 |" in card
    market = DECLARED["insight_market_day"]
    assert market.method in card and market.limitations in card
    assert "https://steamcommunity.com/dev/apiterms" in card and "as is" in card
    assert "`reviews` without `recommendation_id`, `author_key`, `text`, `developer_response`" in card


def test_insights_that_lag_behind_are_named(card: str) -> None:
    """No partition of the small lake was refreshed into insights."""
    assert "do not include these partitions yet" in card and "reviews 2026-11-10" in card


def test_nothing_is_overwritten(filled: SmallLake, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(FolderNotEmpty):
        list(Release(filled.lake, SOURCES).write(tmp_path / "mine"))
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_a_release_that_fails_leaves_nothing(filled: SmallLake, tmp_path: Path) -> None:
    """Readers never see a partial release, and a retry does not find the folder taken."""
    places = tmp_path / "places"
    for _ in Release(filled.lake, SOURCES).write(places / "out"):
        break
    assert [path.name for path in places.iterdir()] == []
    (places / "out").mkdir()
    release(filled, places / "out")


def test_an_empty_lake_has_nothing_to_release(lake: Lake) -> None:
    with pytest.raises(NothingToRelease):
        Release(lake, SOURCES)


@pytest.mark.process
def test_the_command_needs_no_java_and_leaves_only_the_release(filled: SmallLake, tmp_path: Path) -> None:
    """Runs as a process with an empty PATH; a second release into the same folder says what to type."""
    home = filled.settings.home
    before = sorted(path.relative_to(home) for path in home.rglob("*"))
    command = [sys.executable, "-m", "steam_assets", "release", "out", "--home", str(home)]
    clean = {name: value for name, value in os.environ.items() if name != "JAVA_HOME" and not name.startswith("STEAM_")}

    def run() -> subprocess.CompletedProcess[str]:
        nowhere = clean | {"PATH": str(tmp_path / "no programs")}
        return subprocess.run(command, cwd=tmp_path, env=nowhere, capture_output=True, text=True, check=False)

    done = run()
    assert done.returncode == 0, done.stderr
    assert "7 files of data" in done.stdout and str(tmp_path / "out" / "README.md") in done.stdout
    assert (tmp_path / "out" / CHECKSUMS).exists()
    assert sorted(path.relative_to(home) for path in home.rglob("*")) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    again = run()
    assert again.returncode == 2 and "type another folder" in again.stderr
