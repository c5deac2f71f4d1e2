"""``steam-assets refresh``, and what other commands do or print when insights are stale.

Belongs here: when a command refreshes, and the messages. Does not belong here: the refresh (orchestration/refresh.py),
which partitions are stale (ledger/unrefreshed.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from steam_assets.commands.common_options import HomeOption
from steam_assets.commands.preflight import opened_settings, require_spark
from steam_assets.commands.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from steam_assets.lake.lake import Lake
    from steam_assets.ledger.records import Ledger
    from steam_assets.orchestration.launch import Launcher
    from steam_assets.settings import Settings


def refresh(
    everything: Annotated[
        bool, typer.Option("--all", help="Compute all insights anew, as after a file of one was lost or damaged.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Compute the insights of newly committed clean partitions, then the dashboard, exports and the Tableau extract.

    `run` and `import-history` do this at the end; so does a sensor while the Dagster daemon is running.
    """
    settings = opened_settings(home)
    require_spark(settings)
    from steam_assets.lake.lake import Lake
    from steam_assets.orchestration.build import build_defs
    from steam_assets.orchestration.launch import Launcher, local_instance

    console = Terminal()
    with local_instance(settings) as instance:
        launcher = Launcher(build_defs(settings=settings), instance)
        if not refresh_stale(launcher, Lake(settings), console, everything=everything):
            console.print("Insights are up to date: nothing to do.")


def refresh_stale(launcher: Launcher, lake: Lake, console: Terminal, *, everything: bool = False) -> bool:
    """Run the refresh job once for all stale insights; returns False if none are. RunFailed names the next step.

    ``everything``: compute all insights anew, of which the tables may be damaged.

    Only one command per HOME refreshes at a time; what two of them would refresh, the first one does.
    """
    from filelock import FileLock

    from steam_assets.ledger.unrefreshed import in_words, unfinished
    from steam_assets.orchestration.launch import RunFailed
    from steam_assets.settings import private_folder
    from steam_assets.visuals.dashboard.file import dashboard_path

    private_folder(lake.settings.home)
    with console.status("Insights, dashboard, exports"), FileLock(lake.settings.home / "refresh.lock"):
        changed = {} if everything else unfinished(lake)
        if not changed and not everything:
            return False
        try:
            launcher.refresh(changed)
        except RunFailed as error:
            again = "steam-assets refresh --all" if everything else "steam-assets refresh"
            raise RunFailed(
                f"the data is in place, but its insights are not: {error}. Retry with `{again}`", error.details
            ) from error
    which = in_words(changed) or "everything"
    _print(console, f"Insights, dashboard and exports now include {which}: {dashboard_path(lake.settings)}")
    return True


def warn_if_stale(lake: Ledger, console: Terminal) -> None:
    """Print a warning, with the command to run, if insights are older than the data."""
    from steam_assets.ledger.unrefreshed import unfinished

    if changed := unfinished(lake):
        _print(console, stale_note(changed, lake.settings), style="yellow")


def stale_note(changed: Mapping[str, Sequence[str]], settings: Settings) -> str:
    from steam_assets.ledger.unrefreshed import in_words
    from steam_assets.settings import Settings

    elsewhere = "" if settings.home == Settings().home else f" --home {settings.home}"
    return f"Insights are older than the data: they lack {in_words(changed)}. Run `steam-assets refresh{elsewhere}`"


def _print(console: Terminal, text: str, style: str | None = None) -> None:
    console.print(text, style=style, soft_wrap=True)
