"""``steam-assets dashboard``: the dashboard as one HTML file.

Belongs here: where it is written and whether it is opened. Does not belong here: its content (visuals/dashboard/).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from steam_assets.commands.common_options import HomeOption
from steam_assets.commands.preflight import opened_settings, require_file
from steam_assets.commands.refresh import stale_note
from steam_assets.commands.terminal import Terminal


def dashboard(
    out: Annotated[Path | None, typer.Option(help="File to write. Default: HOME/dashboard.html.")] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    home: HomeOption = None,
) -> None:
    """Write the dashboard: all collected data in one HTML page that works offline."""
    settings = opened_settings(home)
    if out:
        require_file(out, "--out", "dashboard.html")
    from steam_assets.lake.clean_reader import CleanReader
    from steam_assets.lake.lake import Lake
    from steam_assets.ledger.unrefreshed import behind
    from steam_assets.visuals.dashboard import load, render
    from steam_assets.visuals.dashboard.file import dashboard_path, write_whole

    where = (out or dashboard_path(settings)).absolute()
    lake, console = Lake(settings), Terminal()
    data = load(CleanReader(settings), behind(lake))
    size = write_whole(where, render(data).encode())
    as_of = f"as of {data.newest:%Y-%m-%d %H:%M} UTC" if data.newest else "no data yet"
    console.print(f"{where} ({size / 1e6:.1f} MB, {as_of})", soft_wrap=True)
    if data.behind:
        console.print(stale_note(data.behind, settings), style="yellow", soft_wrap=True)
    if open_browser:
        import webbrowser

        webbrowser.open(where.as_uri())
