"""Responses in another language than requested are detected by changed names and by reviews in a single language."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from steam_assets.ingestion.languages import FEWEST_NAMES, languages_of, only_one, renamed


def named(count: int, odd: int) -> Any:
    """A response with ``count`` apps, the first ``odd`` of them with other names."""
    return {
        "ranks": [{"item": {"appid": n, "name": f"{'Spiel' if n <= odd else 'Game'} {n}"}} for n in range(1, count + 1)]
    }


@pytest.mark.parametrize(
    ("count", "odd", "ignored"),
    [(100, 9, False), (100, 10, True), (4, 4, False), (FEWEST_NAMES, FEWEST_NAMES, True), (100, 0, False)],
)
def test_names_in_another_language_are_distinguished_from_a_few_new_ones(count: int, odd: int, ignored: bool) -> None:
    said = renamed(named(count, 0), named(count, odd))
    assert (said is not None) is ignored
    assert said is None or f"{odd} of {count} names" in said
    other_apps = {"ranks": [{"appid": -n, "name": "x"} for n in range(1, count)]}
    assert renamed(named(count, 0), other_apps) is None


def test_one_language_is_drift_only_where_there_were_several() -> None:
    several, english = Counter(english=80, german=20), Counter(english=200)
    assert "all 200 items are in english" in (only_one(several, english) or "")
    assert only_one(several, Counter(english=20)) is None, "may be chance"
    assert only_one(english, english) is None
    assert only_one(Counter(), english) is None
    assert only_one(several, Counter()) is None
    body = json.dumps({"reviews": [{"language": "german", "review": '"language": "french"'}]})
    assert languages_of(body) == {"german": 1}, "the text of a review is not a field"
