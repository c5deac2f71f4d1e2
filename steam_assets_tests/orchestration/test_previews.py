"""Previews: text from the web stays text in the Dagster UI."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from steam_assets.orchestration.previews import SHOWN_ROWS, preview, sparkline


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), min_size=1, max_size=4))
def test_no_text_leaves_its_cell(rows: list[list[str]]):
    """A row is one line of two cells, and each cell with text is one code span: no link, no image, no HTML."""
    text = preview([dict(zip("ab", row, strict=True)) for row in rows]).value or ""
    lines = text.splitlines()
    assert len(lines) == 2 + len(rows)
    for line, row in zip(lines[2:], rows, strict=True):
        assert re.fullmatch(r"\| (`[^`|\\]+`| ) \| (`[^`|\\]+`| ) \|", line)
        assert line.count("`") == 2 * sum(1 for cell in row if cell)


def test_what_has_no_form_is_shown_as_such():
    """Marks that turn the direction of a line, line breaks and NUL are replaced; letters of any script stay."""
    text = preview([{"title": "a\u202eb\nc\0 ゲーム"}]).value or ""
    assert "`a�b�c� ゲーム`" in text


def test_a_preview_is_short():
    """Ten rows, and long texts are cut."""
    text = preview([{"title": "x" * 5000, "at": datetime(2026, 11, 1, 5, tzinfo=UTC)}] * 50).value or ""
    assert len(text.splitlines()) == SHOWN_ROWS + 2
    assert len(text) < 1200
    assert "`2026-11-01 05:00`" in text


def test_nothing_is_said_to_be_nothing():
    """No rows and no points have words, not an empty place."""
    assert preview([]).value == "No rows."
    assert sparkline([], "players").value == "Nothing to plot."


def test_a_sparkline_is_an_image_with_words():
    """The SVG is well-formed, has a point a partition, rises with the values, and its title tells the ends."""
    text = sparkline([("2026-11-01", 1.0), ("2026-11-02", 3.0), ("2026-11-03", 2.0)], "players <&> ](x)").value or ""
    found = re.fullmatch(r"!\[([^\]]+)\]\(data:image/svg\+xml;base64,([^)]+)\)\n\n[^\n<>\[\]()]+", text)
    assert found is not None
    svg = ElementTree.fromstring(base64.b64decode(found[2]))
    title, line, _ = svg
    heights = [float(place.split(",")[1]) for place in line.attrib["points"].split()]
    assert len(heights) == 3
    assert heights[0] > heights[2] > heights[1]
    assert title.text == "players <&> ](x): 1 on 2026-11-01, 2 on 2026-11-03, 3 partitions"
