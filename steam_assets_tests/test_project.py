"""What the project states: decisions with status and date, versions tested in CI, lengths of files."""

from __future__ import annotations

import re
import tomllib

import yaml
from packaging.specifiers import SpecifierSet

from steam_assets.java.jvm import NEWEST_JAVA, OLDEST_JAVA
from steam_assets_tests.conftest import REPOSITORY

DECISIONS = REPOSITORY / "docs" / "decisions"
STATUS = re.compile(
    r"^Status: (?P<status>proposed|accepted|superseded by \[[^]]+\]\([^)]+\)), (?P<date>\d{4}-\d\d-\d\d)\.", re.M
)
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
WORKFLOWS = REPOSITORY / ".github" / "workflows"
CI = yaml.safe_load((WORKFLOWS / "ci.yml").read_text("utf-8"))


def test_every_decision_is_in_the_index_with_its_status_and_date() -> None:
    index = (DECISIONS / "index.md").read_text("utf-8")
    pages = sorted(DECISIONS.glob("[0-9]*.md"))
    assert pages
    for number, page in enumerate(pages, start=1):
        text = page.read_text("utf-8")
        title = text.splitlines()[0].removeprefix(f"# {number}. ")
        found = STATUS.search(text)
        assert found, page.name
        assert f"| {number} | [{title}]({page.name}) | {found['status']} | {found['date']} |" in index


def test_ci_runs_the_versions_that_the_project_supports() -> None:
    matrix = CI["jobs"]["test"]["strategy"]["matrix"]
    declared = [
        c.rpartition(" ")[2] for c in PROJECT["classifiers"] if c.startswith("Programming Language :: Python :: 3.")
    ]
    assert matrix["python"] == declared
    assert all(version in SpecifierSet(PROJECT["requires-python"]) for version in declared)
    assert all(OLDEST_JAVA <= int(java) <= NEWEST_JAVA for java in matrix["java"])


def test_actions_are_pinned_by_commit() -> None:
    """Tags can be moved to other code; Dependabot updates commits and the versions in the comments beside them."""
    used = re.findall(r"uses: *(.+)", "".join(file.read_text("utf-8") for file in WORKFLOWS.glob("*.y*ml")))
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", action)] == []


def test_the_changelog_has_a_section_for_the_version_and_one_for_what_comes_next() -> None:
    text = (REPOSITORY / "CHANGELOG.md").read_text("utf-8")
    assert "\n## [Unreleased]\n" in text
    assert re.search(rf"^## \[{re.escape(PROJECT['version'])}\] - \d{{4}}-\d\d-\d\d$", text, re.MULTILINE)


def test_files_of_code_have_at_most_four_hundred_lines() -> None:
    """As CONTRIBUTING says."""
    folders = ("steam_assets", "steam_assets_tests", "benchmarks", "docs")
    files = (file for folder in folders for file in (REPOSITORY / folder).rglob("*"))
    code = [file for file in files if file.suffix in (".py", ".js")]
    assert REPOSITORY / "steam_assets" / "settings.py" in code
    assert [file for file in code if len(file.read_text("utf-8").splitlines()) > 400] == []
