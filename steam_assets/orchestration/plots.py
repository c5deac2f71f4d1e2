"""Plots of a number over partitions, as images for the Dagster UI.

Belongs here: drawing. Does not belong here: choosing the number (the assets do).

An image is an SVG in Markdown, made only of numbers and dates, with its own background because the Dagster UI has a
light and a dark theme. The time axis is to scale, and the line breaks where partitions are missing.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from itertools import pairwise

import dagster as dg

WIDTH, HEIGHT = 760, 300
LEFT, RIGHT, TOP, BOTTOM = 100, 16, 34, 30
MARKED_POINTS = 62
"""Up to this many partitions are marked as points on the line."""
SMALLEST = 1e-9
"""Smaller differences count as zero."""
INK, GRID, LINE = "#1f2933", "#d9dee5", "#2f5fd0"


@dataclass(frozen=True)
class _Axes:
    """The positions of values and days in the image. ``ticks`` are round values that enclose all values."""

    first: int
    last: int
    ticks: Sequence[float]

    def x(self, day: int) -> float:
        span = self.last - self.first
        # A single partition is drawn in the middle.
        return LEFT + (WIDTH - LEFT - RIGHT) * ((day - self.first) / span if span else 0.5)

    def y(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - low) / (high - low)


def plot(points: Sequence[tuple[str, float]], title: str) -> dg.MarkdownMetadataValue:
    """A line through (partition key, value), oldest first, as a Markdown image; first and last value as its text."""
    known = [(key, value) for key, value in points if math.isfinite(value)]
    if not known:
        return dg.MetadataValue.md("Nothing to plot.")
    (first, start), (last, end) = known[0], known[-1]
    words = f"{title}: {shown_number(start)} on {first}, {shown_number(end)} on {last}, {len(known)} partitions"
    image = base64.b64encode(_svg(known, title, words).encode()).decode()
    return dg.MetadataValue.md(f"![{_alternative(words)}](data:image/svg+xml;base64,{image})\n\n{_alternative(words)}")


def shown_number(value: float) -> str:
    """A number with four digits, or all digits of a large integer part."""
    return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def round_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About ``count`` round numbers at equal distances, from at most ``low`` to at least ``high``."""
    if math.isclose(low, high, abs_tol=SMALLEST):
        low, high = (min(low, 0.0), max(high, 0.0)) if abs(low) > SMALLEST else (0.0, 1.0)
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    return [number * step for number in range(math.floor(low / step), math.ceil(high / step) + 1)]


def _svg(points: Sequence[tuple[str, float]], title: str, words: str) -> str:
    days = [(date.fromisoformat(key).toordinal(), value) for key, value in points]
    values = [value for _, value in days]
    axes = _Axes(days[0][0], days[-1][0], round_ticks(min(values), max(values)))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'role="img" font-family="sans-serif" font-size="13" fill="{INK}"><title>{escape(words)}</title>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="6" fill="#ffffff"/>'
        f'<text x="{LEFT}" y="20" font-weight="bold">{escape(title)}</text>'
        f"{''.join(_value_axis(axes))}{''.join(_time_axis(axes, [day for day, _ in days]))}"
        f"{''.join(_lines(axes, days))}</svg>"
    )


def _value_axis(axes: _Axes) -> Iterator[str]:
    for tick in axes.ticks:
        y = f"{axes.y(tick):.1f}"
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" stroke="{GRID}"/>'
        yield f'<text x="{LEFT - 8}" y="{y}" dy="0.35em" text-anchor="end">{shown_number(tick)}</text>'


def _time_axis(axes: _Axes, days: Sequence[int]) -> Iterator[str]:
    """The first, the middle and the last partition, without duplicates."""
    anchors = {days[0]: "start", days[len(days) // 2]: "middle", days[-1]: "end"} if len(days) > 2 else {}
    anchors = anchors or ({days[0]: "middle"} if len(days) == 1 else {days[0]: "start", days[-1]: "end"})
    for day, anchor in anchors.items():
        label = date.fromordinal(day).isoformat()
        yield f'<text x="{axes.x(day):.1f}" y="{HEIGHT - 10}" text-anchor="{anchor}">{label}</text>'


def _lines(axes: _Axes, days: Sequence[tuple[int, float]]) -> Iterator[str]:
    steps = [after - before for (before, _), (after, _) in pairwise(days)]
    # Months have 28 to 31 days.
    longest = 1.5 * min(steps, default=1)
    stretch: list[str] = []
    for number, (day, value) in enumerate(days):
        if number and steps[number - 1] > longest:
            yield _polyline(stretch)
            stretch = []
        stretch.append(f"{axes.x(day):.1f},{axes.y(value):.1f}")
    yield _polyline(stretch)
    for day, value in days if len(days) <= MARKED_POINTS else days[-1:]:
        yield f'<circle cx="{axes.x(day):.1f}" cy="{axes.y(value):.1f}" r="3" fill="{LINE}"/>'


def _polyline(places: Sequence[str]) -> str:
    return (
        f'<polyline points="{" ".join(places)}" fill="none" stroke="{LINE}" stroke-width="2" stroke-linejoin="round"/>'
    )


def _alternative(words: str) -> str:
    return "".join(c if c.isalnum() or c in " .,:%'-" else " " for c in words)
