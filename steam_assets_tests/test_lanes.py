"""No test falls between the lanes, and none runs in two."""

from __future__ import annotations

from itertools import chain, combinations

import pytest
from _pytest.mark.expression import Expression

from steam_assets_tests.lanes import LANES

MARKS = ("process", "fault", "spark", "daemon", "kafka", "slow")


@pytest.mark.parametrize("marks", list(chain.from_iterable(combinations(MARKS, n) for n in range(len(MARKS) + 1))))
def test_a_test_of_any_marks_is_in_one_lane(marks: tuple[str, ...]) -> None:
    def marked(name: str, /, **_: object) -> bool:
        return name in marks

    assert [Expression.compile(lane).evaluate(marked) for lane in LANES.values()].count(True) == 1
