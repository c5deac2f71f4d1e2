"""The questions of docs/tutorial/questions.md.

Belongs here: finding them. Does not belong here: running them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from steam_assets_tests.conftest import REPOSITORY

PAGE = REPOSITORY / "docs" / "tutorial" / "questions.md"
_QUESTION = re.compile(r"^### (?P<number>\d+)\. (?P<text>[^\n]+)\n.*?^```sql\n(?P<sql>.*?)^```$", re.DOTALL | re.M)


@dataclass(frozen=True)
class Question:
    """A question from its heading, and its SQL statement."""

    number: int
    text: str
    sql: str


def questions() -> list[Question]:
    found = _QUESTION.finditer(PAGE.read_text("utf-8"))
    return [Question(int(one["number"]), one["text"], one["sql"]) for one in found]
