"""Week numbers of the market; weeks start on Tuesday 00:00 UTC, as Steam's top-seller weeks do.

Belongs here: conversion between Unix seconds and week numbers. Does not belong here: what happens in a week.
"""

from __future__ import annotations

DAY = 86_400
WEEK = 7 * DAY

FIRST_TUESDAY = 1_325_548_800
"""2012-01-03 00:00 UTC, start of week 0; the market contains nothing older."""

FIRST_CHART_WEEK = 522
"""The week of 2022-01-04 (Tuesday): the oldest week with a top-seller chart."""

PUBLISHED_AFTER = WEEK + 16 * 3600
"""A week's chart is published on the Tuesday it ends, 16:00 UTC."""


def start_of(week: int) -> int:
    """Unix seconds of the week's Tuesday 00:00 UTC."""
    return FIRST_TUESDAY + week * WEEK


def week_of(moment: int) -> int:
    """The number of the week that contains ``moment`` (Unix seconds); negative before week 0."""
    return (moment - FIRST_TUESDAY) // WEEK


def last_published(moment: int) -> int:
    """The newest week whose chart is published at ``moment``."""
    return (moment - PUBLISHED_AFTER - FIRST_TUESDAY) // WEEK
