"""Recognize the old files: by the end of the name, at any depth, then by content.

Belongs here: names. Does not belong here: contents (charts.py, feeds.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from steam_assets.ingestion.history.charts import read_most_played, read_top_sellers
from steam_assets.ingestion.history.feeds import read_news, read_printed_reviews, read_reviews, read_visits
from steam_assets.ingestion.history.old_file import OldFile, Reading

DAY = r"(?<![0-9])(\d{4}-\d{2}-\d{2})_"


@dataclass(frozen=True)
class Layout:
    """A kind of old file: the pattern of its name, the source it belongs to, and its reader.

    ``beside`` is the name suffix of the companion file that is read together with it.
    """

    name: re.Pattern[str]
    source: str
    read: Callable[[OldFile, OldFile | None], Reading]
    beside: str = ""


def _layout(ending: str, source: str, read: Callable[[OldFile, OldFile | None], Reading], beside: str = "") -> Layout:
    return Layout(re.compile(DAY + ending), source, read, beside)


IDS_BESIDE = "_appIds"

LAYOUTS = (
    _layout(r"MostPlayed(_Consumed)?\.csv", "most_played", read_most_played),
    _layout(r"weekly_top_sellers\.csv", "top_sellers", read_top_sellers, IDS_BESIDE),
    _layout(r"weekly_reviews\.csv", "reviews", read_reviews),
    _layout(r"\d{1,10}\.txt", "reviews", read_printed_reviews),
    _layout(r"news_\d{1,10}\.json", "news", read_news),
    _layout(r"(monthly_visitor_data|similarweb_data)\.json", "monthly_visits", read_visits),
)
EXPECTED = (
    "2023-10-27_MostPlayed.csv, 2023-10-27_weekly_top_sellers.csv, 2023-10-27_weekly_reviews.csv, "
    "2023-10-27_news_730.json, 2023-10-27_monthly_visitor_data.json"
)
"""Example file names."""
BESIDE_A_CHART = re.compile(DAY + r"weekly_top_sellers_appIds\.csv")


def layout_of(name: str) -> tuple[Layout, date] | None:
    """The layout for a file name and the date in it; None if it is not one of the old pipeline's."""
    for layout in LAYOUTS:
        found = layout.name.search(name)
        if found and found.end() == len(name) and (day := _day(found[1])):
            return layout, day
    return None


def name_beside(layout: Layout, name: str) -> str | None:
    """The name of the companion file to read together with the one named ``name``."""
    stem, dot, ending = name.rpartition(".")
    return f"{stem}{layout.beside}{dot}{ending}" if layout.beside else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
