"""The pages themselves: those made from code are up to date, and no link outside the site is dead."""

from __future__ import annotations

import importlib.util
import re
import sys
from types import ModuleType

import pytest
from pages import PAGES

from steam_assets.sources import SOURCES
from steam_assets_tests.conftest import REPOSITORY

BY_NAME = {source.name for source in SOURCES}
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ (?P<title>.+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", REPOSITORY / "docs" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["generate"] = module
    spec.loader.exec_module(module)
    return module


def test_the_reference_says_what_the_code_says(generator: ModuleType) -> None:
    """To write it anew: make reference."""
    for name, text in generator.pages().items():
        assert (REPOSITORY / "docs" / "reference" / name).read_text("utf-8") == text, name


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_no_link_of_a_page_is_dead(page: str) -> None:
    """Also of those that the site does not contain, as README; anchors too."""
    here = REPOSITORY / page
    for found in _LINK.finditer(_prose(here.read_text("utf-8"))):
        file, _, anchor = found["target"].partition("#")
        if "://" in file or file.startswith("mailto:"):
            continue
        target = (here.parent / file) if file else here
        assert target.exists(), found["target"]
        if anchor and target.suffix == ".md":
            assert anchor in {_slug(one["title"]) for one in _HEADING.finditer(_prose(target.read_text("utf-8")))}


def _prose(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)


def _slug(title: str) -> str:
    return re.sub(r"[^\w\s-]", "", re.sub(r"[`*]", "", title)).strip().lower().replace(" ", "-")


def test_the_demo_table_of_the_tutorial_shows_every_source_reconciled() -> None:
    """It is pasted from a run: each line's numbers agree with each other, as the text under it says."""
    text = (REPOSITORY / "docs" / "tutorial" / "first-insight.md").read_text("utf-8")
    table = [words for line in text.splitlines() if len(words := line.split()) == 9 and words[0] in BY_NAME]
    assert {line[0] for line in table} == BY_NAME
    for line in table:
        fetched, published, landed, clean, quarantined, duplicates = map(int, line[2:8])
        assert fetched == published == landed == clean + quarantined + duplicates
