"""``steam-assets status``: what is stored, late and missing, within a second.

Belongs here: what it prints, and its exit code. Does not belong here: deciding what is late (ledger/freshness.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from steam_assets.commands.common_options import HomeOption, SourceOption, chosen_sources
from steam_assets.commands.preflight import opened_settings

if TYPE_CHECKING:
    from steam_assets.ledger.freshness import Freshness
    from steam_assets.settings import Settings

LATE = 3
"""Exit code if a source is late; 1 is a failure and 2 a usage error."""


def status(
    source: SourceOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable: one object per source.")] = False,
    home: HomeOption = None,
) -> None:
    """Show every partition with its counts and backup status, the freshness of each source, and the gaps.

    Exit code 3 if a source is late: its newest due partition is missing, or it was never collected.
    """
    chosen = chosen_sources(source)
    settings = opened_settings(home)
    from steam_assets.clock import Clock
    from steam_assets.lake.ledger_files import open_ledger
    from steam_assets.lake.roots import SYNTHETIC, is_synthetic
    from steam_assets.ledger.freshness import freshness

    synthetic = is_synthetic(settings)
    ledger, now = open_ledger(settings), Clock.from_settings(settings).now()
    reports = [freshness(ledger, one, now) for one in chosen]
    from steam_assets.commands.partition_table import freshness_json, partition_table, table_console

    if as_json:
        typer.echo(json.dumps([freshness_json(report, synthetic=synthetic) for report in reports], indent=1))
    else:
        from steam_assets.commands.refresh import warn_if_stale

        console = table_console()
        shown = [partition for report in reports for partition in report.partitions]
        if synthetic:
            console.print(SYNTHETIC, style="yellow", soft_wrap=True)
        console.print(partition_table(shown, f"Stored in {_place(settings)}", console.width))
        for line in _lines(reports):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
        warn_if_stale(ledger, console)
    if any(report.late for report in reports):
        raise typer.Exit(LATE)


def _place(settings: Settings) -> str:
    """HOME, or the four roots if any of them is elsewhere."""
    from steam_assets.lake.roots import ROOT_NAMES

    roots = [settings.root(name) for name in ROOT_NAMES]
    inside = all(Path(root).is_relative_to(settings.home.absolute()) for root in roots)
    return str(settings.home) if inside else ", ".join(roots)


def _lines(reports: Sequence[Freshness]) -> Iterator[str]:
    """One line per source, followed by its drift, and by one per reason why partitions are missing."""
    for report in reports:
        yield f"{report.source}: {report.summary}"
        if report.drift:
            yield f"  {report.drift}"
        for why, keys in report.gaps_by_reason.items():
            yield f"  missing, {why}: {keys}"
