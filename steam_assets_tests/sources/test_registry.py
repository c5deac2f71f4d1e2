"""The registry and what every source must declare."""

from __future__ import annotations

import pytest

from steam_assets.sources import SOURCES, source_named
from steam_assets.sources.source import Source


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_declaration_holds_together(source: Source) -> None:
    """Its oldest partition exists, its tables' keys are columns, and its tables' assets differ."""
    assert source.cadence.window(source.cadence.first).key == source.cadence.first
    assert len({table.asset for table in source.tables}) == len(source.tables)
    for table in source.tables:
        columns = [column.name for column in table.columns]
        assert set(table.key) <= set(columns)
        assert len(set(columns)) == len(columns)
        assert all(column.description for column in table.columns)
    assert source.apps_from is None or source_named(source.apps_from).cadence is source.cadence


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    """The error names what there is."""
    with pytest.raises(LookupError, match=r"'rewievs'.*reviews"):
        source_named("rewievs")
