"""Every test is in exactly one lane."""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain, combinations

import pytest
from _pytest.mark.expression import Expression

from steam_assets_tests.lanes import COLLECTED, LANES, OWN_FILES, files_of

MARKS = ("process", "fault", "spark", "daemon", "kafka", "slow", "lake", "copies")


def in_lane(lane: str, marks: Collection[str]) -> bool:
    def marked(name: str, /, **_: object) -> bool:
        return name in marks

    return Expression.compile(LANES[lane]).evaluate(marked)


@pytest.mark.parametrize("marks", list(chain.from_iterable(combinations(MARKS, n) for n in range(len(MARKS) + 1))))
def test_a_test_of_any_marks_is_in_one_lane(marks: tuple[str, ...]) -> None:
    assert [in_lane(lane, marks) for lane in LANES].count(True) == 1


@pytest.mark.parametrize("lane", OWN_FILES)
def test_no_test_of_a_lane_is_in_a_file_that_it_leaves_out(lane: str, pytestconfig: pytest.Config) -> None:
    files = {*files_of(lane)}
    for item in pytestconfig.stash[COLLECTED]:
        assert str(item.path) in files or not in_lane(lane, [mark.name for mark in item.iter_markers()]), item.nodeid
