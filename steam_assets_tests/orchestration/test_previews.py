"""Text from the web is shown as plain text in the Dagster UI."""

from __future__ import annotations

from datetime import UTC, date, datetime

import dagster as dg
from hypothesis import given
from hypothesis import strategies as st

from steam_assets.masking import visible
from steam_assets.orchestration.previews import SHOWN_CHARACTERS, SHOWN_ROWS, preview


def records(shown: dg.MetadataValue) -> list[dict[str, object]]:
    assert isinstance(shown, dg.TableMetadataValue)
    return [dict(record.data) for record in shown.records]


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), min_size=1, max_size=4))
def test_every_text_is_one_visible_line_in_its_cell(rows: list[list[str]]):
    """Cells of the UI's tables show one line of text; any invisible character is replaced."""
    shown = records(preview([dict(zip("ab", row, strict=True)) for row in rows]))
    assert [list(record) for record in shown] == [["a", "b"]] * len(rows)
    for cell in (str(cell) for record in shown for cell in record.values()):
        assert len(cell) <= SHOWN_CHARACTERS and cell == visible(cell) and len(cell.splitlines()) <= 1


def test_invisible_characters_are_replaced_in_previews():
    """Direction marks and NUL are replaced; markup and letters of any script stay."""
    (row,) = records(preview([{"title": "<b>a\u202eb</b> `c`\0 [x](y) ゲーム"}]))
    assert row == {"title": "<b>a�b</b> `c`� [x](y) ゲーム"}


def test_values_are_shown_for_people_and_whole_numbers_as_numbers():
    rows = [
        {"at": datetime(2026, 11, 1, 5, tzinfo=UTC), "day": date(2026, 11, 1), "share": 0.123456, "n": 7, "yes": True}
    ]
    shown = preview([*rows, {}], list(rows[0]))
    assert records(shown) == [
        {"at": "2026-11-01 05:00", "day": "2026-11-01", "share": "0.1235", "n": 7, "yes": "yes"},
        dict.fromkeys(rows[0], ""),
    ]
    only = preview(rows)
    assert isinstance(only, dg.TableMetadataValue)
    assert {column.name: column.type for column in only.schema.columns if column.type != "string"} == {"n": "int"}


def test_a_preview_is_short():
    """It has ten rows, and long texts are truncated."""
    shown = records(preview([{"title": "x" * 5000}] * 50))
    assert len(shown) == SHOWN_ROWS and len(str(shown[0]["title"])) == SHOWN_CHARACTERS


def test_missing_data_is_reported_as_such():
    assert preview([]).value == "No rows."
