"""The pages: generated ones are up to date, and no link or file name is dead."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType

import pytest
from pages import PAGES

from steam_assets.sources import SOURCES
from steam_assets_tests.conftest import REPOSITORY

BY_NAME = {source.name for source in SOURCES}
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_OUR_FILE = re.compile(
    r"`(?P<file>(?:steam_assets|steam_assets_tests|docs|docker|aws|benchmarks|\.github)/[\w./-]+|\w[\w/]*/\w+\.py)`"
)
ROOTS = (REPOSITORY, REPOSITORY / "steam_assets", REPOSITORY / "steam_assets_tests")
"""File names are relative to one of these."""
READERS_FILES = {
    "benchmarks/results.md",
    "docker/.env",
    "docker/compose.quicksight.yaml",
    "docs/decisions/NNNN-short-name.md",
    "steam_assets/simulator/endpoints/steam_store.py",
    "steam_assets/sources/specials.py",
}
"""Files that a reader of a page writes; their folder exists."""
_HEADING = re.compile(r"^#+ (?P<title>.+)$", re.MULTILINE)


def is_record(page: Path) -> bool:
    """Whether the page describes a past state, and may name things that no longer exist."""
    return page.name == "CHANGELOG.md" or page.match("docs/decisions/[0-9]*.md")


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(REPOSITORY / "docs")
        return importlib.import_module("generate")


def test_the_generated_reference_is_up_to_date(generator: ModuleType) -> None:
    """To regenerate it: make reference."""
    for name, text in generator.pages().items():
        assert (REPOSITORY / "docs" / "reference" / name).read_text("utf-8") == text, name


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_no_page_has_a_dead_link(page: str) -> None:
    """This includes pages outside the site, such as README, and anchors."""
    here = REPOSITORY / page
    for found in _LINK.finditer(_prose(here.read_text("utf-8"))):
        file, _, anchor = found["target"].partition("#")
        if "://" in file or file.startswith("mailto:"):
            continue
        target = (here.parent / file) if file else here
        assert target.exists(), found["target"]
        if anchor and target.suffix == ".md":
            assert anchor in {_slug(one["title"]) for one in _HEADING.finditer(_prose(target.read_text("utf-8")))}


def missing_files(page: Path) -> list[str]:
    """The product's files and folders that the page names and that do not exist."""
    named = {found["file"] for found in _OUR_FILE.finditer(_prose(page.read_text("utf-8")))}
    expected = {file: Path(file).parent if file in READERS_FILES else Path(file) for file in named}
    return sorted(file for file, path in expected.items() if not any((root / path).exists() for root in ROOTS))


@pytest.mark.parametrize("page", [page for page in PAGES if not is_record(page)], ids=str)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    assert missing_files(REPOSITORY / page) == []


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    there = ["lake/backup.py", "steam_assets/lake/", "docker/.env", "most_played/raw", "data/x.csv"]
    moved = ["docs/nothing.md", "lake/nothing.py", "steam_assets/nothing/", "steam_assets/nothing/specials.py"]
    page.write_text(" ".join(f"`{name}`" for name in there + moved))
    assert missing_files(page) == moved


def _prose(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)


def _slug(title: str) -> str:
    return re.sub(r"[^\w\s-]", "", re.sub(r"[`*]", "", title)).strip().lower().replace(" ", "-")


def test_the_demo_table_of_the_tutorial_shows_every_source_reconciled() -> None:
    """The table is pasted from a run: the numbers of each line agree, as the text below it says."""
    text = (REPOSITORY / "docs" / "tutorial" / "first-insight.md").read_text("utf-8")
    table = [words for line in text.splitlines() if len(words := line.split()) == 9 and words[0] in BY_NAME]
    assert {line[0] for line in table} == BY_NAME
    for line in table:
        fetched, published, landed, clean, quarantined, duplicates = map(int, line[2:8])
        assert fetched == published == landed == clean + quarantined + duplicates
