"""Declarations that the catalogue, the assets and the dashboard rely on."""

from __future__ import annotations

import pytest

from steam_assets.insights import INSIGHTS, insight_named
from steam_assets.insights.insight import Insight
from steam_assets.sources import SOURCES


@pytest.mark.parametrize("insight", INSIGHTS, ids=lambda insight: insight.name)
def test_a_declaration_is_complete(insight: Insight):
    """Key columns are declared and required, inputs are clean tables, method and error are stated."""
    columns = {column.name: column for column in insight.columns}
    assert len(columns) == len(insight.columns)
    assert all(not columns[name].nullable for name in insight.key)
    assert {needed.table for needed in insight.inputs} <= {t.name for source in SOURCES for t in source.tables}
    assert insight.method.endswith(".")
    assert insight.limitations.endswith(".")


def test_an_unknown_name_is_refused_with_the_known_ones():
    """The error lists the existing insights."""
    with pytest.raises(LookupError, match="player_trend"):
        insight_named("owners")
