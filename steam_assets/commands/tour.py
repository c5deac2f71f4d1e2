"""``steam-assets tour``: the dashboard of a synthetic year, without Kafka, Spark or a lake.

Belongs here: where the page is written and whether it is opened. Does not belong here: the year (tour/), the page
(visuals/dashboard/), the real pipeline on synthetic responses (demo.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from steam_assets.commands.preflight import require_file
from steam_assets.commands.terminal import Terminal

NEXT = (
    "The data are synthetic, and the page says so. Next: `steam-assets demo` runs the pipeline itself, "
    "`steam-assets run daily` collects today's real chart."
)


def tour(
    out: Annotated[Path | None, typer.Option(help="File to write. Default: STEAM_HOME/tour.html.")] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write the dashboard of a synthetic year in seconds, without Kafka or Spark.

    It shows what a year of collected data looks like. Nothing is fetched, and only this page is written. The same
    version always writes the same page.
    """
    from steam_assets.settings import Settings, private_folder

    home = Settings().home
    where = (out or home / "tour.html").absolute()
    require_file(out or where, "--out", "tour.html")
    if out is None:
        # Collected data may follow there.
        private_folder(home)
    from steam_assets.tour.year import year
    from steam_assets.visuals.dashboard import render
    from steam_assets.visuals.dashboard.file import write_whole

    console = Terminal()
    with console.status("Making up a year"):
        size = write_whole(where, render(year()).encode())
    console.print(f"{where} ({size / 1e6:.1f} MB)", soft_wrap=True)
    console.print(NEXT, soft_wrap=True)
    if open_browser:
        import webbrowser

        webbrowser.open(where.as_uri())
