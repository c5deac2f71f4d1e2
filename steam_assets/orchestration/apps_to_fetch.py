"""Which apps a source is fetched for: those of a run, of the settings, or of the charts, and the watchlist.

Belongs here: that order, and reading a chart's apps. Does not belong here: fetching (ingestion/).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from steam_assets.lake.clean_reader import CleanReader
from steam_assets.lake.lake import Lake
from steam_assets.ledger.records import CleanRecord
from steam_assets.orchestration.failures import permanent
from steam_assets.sources.source import Source


def apps_to_fetch(source: Source, charts: Sequence[Source], key: str, given: Sequence[int], lake: Lake) -> list[int]:
    """The apps of one partition: ``given`` if there are any, else those on ``charts`` (or STEAM_APPS) and watched ones.

    A permanent failure names what to run first if the chart of the same partition is missing.
    """
    if given:
        return list(given)
    apps: list[int] = []
    if charts:
        apps += lake.settings.apps or [app for chart in charts for app in _charted(source, chart, key, lake)]
    if source.watched:
        apps += lake.settings.watchlist
    return list(dict.fromkeys(apps))


def _charted(source: Source, chart: Source, key: str, lake: Lake) -> list[int]:
    """The apps on the chart of the same partition, or, of another cadence, on its newest one by the partition's end."""
    table = chart.tables[0]
    same = chart.cadence is source.cadence
    shown = key if same else max(_by_then(source, chart, key, lake), default=None)
    rows = None if shown is None else CleanReader(lake.settings).arrow(table.name, [shown], ("rank", "app_id"))
    if rows is not None and rows.num_rows:
        ranked = sorted((row["rank"], row["app_id"]) for row in rows.to_pylist())
        return list(dict.fromkeys(app for _, app in ranked))
    if not same:
        return []
    raise permanent(
        f"{chart.name}/{table.asset}, which names the apps to fetch, has no partition {key}. Materialize it first: "
        f"steam-assets run {chart.name} --from {key} --to {key}; or name the apps: --apps 730,570"
    )


def _by_then(source: Source, chart: Source, key: str, lake: Lake) -> Iterator[str]:
    end = source.cadence.window(key).end
    for charted in lake.clean(chart.tables[0]).records(CleanRecord):
        if chart.cadence.window(charted).start < end:
            yield charted
