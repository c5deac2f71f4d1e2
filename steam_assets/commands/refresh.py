"""``steam-assets refresh``, and what other commands do or say when insights are older than the data.

Belongs here: when a command refreshes, and the words. Does not belong here: the refresh (orchestration/refresh.py),
what is behind (ledger/unrefreshed.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steam_assets.commands.common_options import HomeOption
from steam_assets.commands.preflight import opened_settings, require_spark
from steam_assets.commands.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from steam_assets.lake.lake import Lake
    from steam_assets.ledger.records import Ledger
    from steam_assets.orchestration.launch import Launcher
    from steam_assets.settings import Settings


def refresh(home: HomeOption = None) -> None:
    """Compute the insights of newly committed clean partitions, then the dashboard, exports and the Tableau extract.

    `run` and `import-history` do so at their end, and so does the sensor where the Dagster daemon runs.
    """
    settings = opened_settings(home)
    require_spark(settings)
    from steam_assets.lake.lake import Lake
    from steam_assets.orchestration.build import build_defs
    from steam_assets.orchestration.launch import Launcher, local_instance

    console = Terminal()
    with local_instance(settings) as instance:
        launcher = Launcher(build_defs(settings=settings), instance)
        if not refresh_behind(launcher, Lake(settings), console):
            console.print("Insights are as new as the data: nothing to do.")


def refresh_behind(launcher: Launcher, lake: Lake, console: Terminal) -> bool:
    """One run of the refresh job for all that is behind; False if nothing is. RunFailed that names the next step.

    One command of a HOME refreshes at a time; what was behind for two of them, the first one has made.
    """
    from filelock import FileLock

    from steam_assets.ledger.unrefreshed import behind, in_words
    from steam_assets.orchestration.launch import RunFailed
    from steam_assets.settings import private_folder
    from steam_assets.visuals.dashboard.file import dashboard_path

    private_folder(lake.settings.home)
    with console.status("Insights, dashboard, exports"), FileLock(lake.settings.home / "refresh.lock"):
        changed = behind(lake)
        if not changed:
            return False
        try:
            launcher.refresh(changed)
        except RunFailed as error:
            raise RunFailed(
                f"the data is in place, its insights are not: {error}. `steam-assets refresh` tries again",
                error.details,
            ) from error
    _print(console, f"Insights, dashboard and exports have {in_words(changed)}: {dashboard_path(lake.settings)}")
    return True


def say_behind(lake: Ledger, console: Terminal) -> None:
    """Say that insights are older than the data, if they are, and which command brings them."""
    from steam_assets.ledger.unrefreshed import behind

    if changed := behind(lake):
        _print(console, behind_note(changed, lake.settings), style="yellow")


def behind_note(changed: Mapping[str, Sequence[str]], settings: Settings) -> str:
    from steam_assets.ledger.unrefreshed import in_words
    from steam_assets.settings import Settings

    elsewhere = "" if settings.home == Settings().home else f"STEAM_HOME={settings.home} "
    return f"Insights are older than the data: they lack {in_words(changed)}. Run `{elsewhere}steam-assets refresh`"


def _print(console: Terminal, text: str, style: str | None = None) -> None:
    console.print(text, style=style, soft_wrap=True)
