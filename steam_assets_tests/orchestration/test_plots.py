"""Plots have readable axes and visible gaps, and contain only numbers and dates."""

from __future__ import annotations

import base64
import re
from datetime import date, timedelta
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steam_assets.orchestration.plots import HEIGHT, WIDTH, plot, round_ticks

SVG = "{http://www.w3.org/2000/svg}"
MARKDOWN = re.compile(r"!\[([^\]]+)\]\(data:image/svg\+xml;base64,([^)]+)\)\n\n[^\n<>\[\]()]+")


def drawn(points: list[tuple[str, float]], title: str = "players") -> ElementTree.Element:
    found = MARKDOWN.fullmatch(plot(points, title).value or "")
    assert found is not None
    return ElementTree.fromstring(base64.b64decode(found[2]))


def texts(svg: ElementTree.Element) -> list[str]:
    return [found.text or "" for found in svg.iter(f"{SVG}text")]


def lines(svg: ElementTree.Element) -> list[list[tuple[float, float]]]:
    return [
        [(float(x), float(y)) for x, y in (place.split(",") for place in found.attrib["points"].split())]
        for found in svg.iter(f"{SVG}polyline")
    ]


def days(*numbers: int) -> list[str]:
    return [(date(2026, 11, 1) + timedelta(days=number)).isoformat() for number in numbers]


def test_the_summary_states_both_ends_and_no_text_leaves_its_box():
    title = "players <&> ](x)"
    svg = drawn([("2026-11-01", 1.0), ("2026-11-02", 3.0), ("2026-11-03", 2.0)], title)
    assert svg.findtext(f"{SVG}title") == f"{title}: 1 on 2026-11-01, 2 on 2026-11-03, 3 partitions"
    assert texts(svg)[0] == title


def test_the_line_rises_with_the_values_between_labelled_axes():
    svg = drawn(list(zip(days(0, 1, 2), [1000.0, 3000.0, 2000.0], strict=True)))
    ((first, highest, last),) = lines(svg)
    assert first[0] < highest[0] < last[0] and first[1] > last[1] > highest[1]
    assert {"1,000", "3,000", *days(0, 1, 2)} <= {*texts(svg)}
    at = {text.text: float(text.attrib["y"]) for text in svg.iter(f"{SVG}text")}
    assert (at["1,000"], at["3,000"]) == pytest.approx((first[1], highest[1]))


@pytest.mark.parametrize(
    ("keys", "stretches"),
    [
        (days(0, 1, 2, 3), [4]),
        (days(0, 1, 4, 5), [2, 2]),
        (days(0, 7, 21), [2, 1]),
        (["2026-01-01", "2026-02-01", "2026-03-01", "2026-05-01"], [3, 1]),
        (days(3), [1]),
    ],
)
def test_missing_partitions_break_the_line(keys: list[str], stretches: list[int]):
    """This holds for days, weeks and months; each collected partition has a marker."""
    svg = drawn([(key, 5.0) for key in keys])
    assert [len(line) for line in lines(svg)] == stretches
    assert len(list(svg.iter(f"{SVG}circle"))) == len(keys)


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=40))
def test_everything_is_inside_the_image(values: list[float]):
    svg = drawn([(key, value) for key, value in zip(days(*range(len(values))), values, strict=True)])
    for x, y in (place for line in lines(svg) for place in line):
        assert 0 <= x <= WIDTH and 0 <= y <= HEIGHT


@given(st.floats(-1e12, 1e12), st.floats(0, 1e12))
def test_ticks_enclose_the_values_at_equal_distances(low: float, span: float):
    ticks = round_ticks(low, low + span)
    off = max(1e-9, 1e-9 * abs(low + span), 1e-9 * abs(low))
    assert ticks[0] <= low + off and ticks[-1] >= low + span - off
    assert 2 <= len(ticks) <= 8
    assert [after - before for before, after in pairwise(ticks)] == pytest.approx(
        [ticks[1] - ticks[0]] * (len(ticks) - 1)
    )


def test_missing_data_is_reported_as_such():
    """With no rows, or with values that are not numbers, the plot says that there is no data."""
    assert plot([], "players").value == plot([("2026-11-01", float("nan"))], "players").value == "Nothing to plot."
