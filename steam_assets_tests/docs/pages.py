"""The fenced blocks of README and docs, and how each is tested.

Belongs here: finding blocks and their marks. Does not belong here: running them (test_blocks.py).

A bash or Python block has an invisible mark on the line before it: ``<!-- run -->`` or ``<!-- not run: REASON -->``.
Blocks that are not run are still parsed.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from steam_assets_tests.conftest import REPOSITORY

PAGES = sorted(
    page.relative_to(REPOSITORY)
    for page in [*REPOSITORY.glob("*.md"), *REPOSITORY.glob(".github/**/*.md"), *REPOSITORY.glob("docs/**/*.md")]
)
TESTED = {"bash": "bash", "console": "bash", "sh": "bash", "shell": "bash", "python": "python", "py": "python"}
"""Languages of blocks that need a mark."""
SHOWN = {"text", "json", "yaml", "toml", "sql", "mermaid"}
"""Languages of blocks that show output or are for another program."""

_FENCE = re.compile(r"^(?P<indent>[ ]*)```(?P<language>\S*)[^\n]*\n(?P<text>.*?)^(?P=indent)```[ ]*$", re.DOTALL | re.M)
_MARK = re.compile(r"<!-- (?P<mark>run|not run: (?P<reason>[^\n]*\S)) -->\s*$")


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, line, language as given by the fence, text, mark and reason."""

    page: Path
    line: int
    language: str
    text: str
    mark: str | None
    reason: str = ""

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page (relative to the repository), in order."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        before = text[: found.start()].rpartition("\n")[0].rpartition("\n")[2] if found.start() else ""
        marked = _MARK.search(before)
        yield Block(
            page,
            text.count("\n", 0, found.start()) + 1,
            found["language"],
            textwrap.dedent(found["text"]),
            marked["mark"].partition(":")[0] if marked else None,
            (marked["reason"] or "") if marked else "",
        )


ALL = [block for page in PAGES for block in blocks(page)]
MARKED = [block for block in ALL if block.language in TESTED]
