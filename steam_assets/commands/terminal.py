"""The console of all commands.

Belongs here: showing text literally. Does not belong here: what is printed.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

from rich.console import Console, HighlighterType, JustifyMethod, OverflowMethod, RenderableType
from rich.status import Status
from rich.style import Style, StyleType
from rich.text import Text

from steam_assets.masking import visible

if TYPE_CHECKING:
    from rich.progress import Progress


class Terminal(Console):
    """A Rich console without markup: text from a server can neither add colours or links nor send control codes.

    Styles are given as ``Text`` or by ``style``. Invisible characters are shown as U+FFFD. It writes to the screen even
    while Dagster redirects the standard output of this process to the log of a step.
    """

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        screen = None if stderr else _screen()
        super().__init__(file=screen, stderr=stderr, width=width, markup=False, highlight=False, emoji=False)

    def render_str(
        self,
        text: str,
        *,
        style: str | Style = "",
        justify: JustifyMethod | None = None,
        overflow: OverflowMethod | None = None,
        emoji: bool | None = None,
        markup: bool | None = None,
        highlight: bool | None = None,
        highlighter: HighlighterType | None = None,
    ) -> Text:
        """Render without markup and emoji, whatever the caller requests."""
        return super().render_str(
            visible(text),
            style=style,
            justify=justify,
            overflow=overflow,
            emoji=False,
            markup=False,
            highlight=highlight,
            highlighter=highlighter,
        )

    def status(
        self,
        status: RenderableType,
        *,
        spinner: str = "dots",
        spinner_style: StyleType = "status.spinner",
        speed: float = 1.0,
        refresh_per_second: float = 12.5,
    ) -> Status:
        """Show the text literally: Rich interprets markup in a status whatever its console is set to."""
        shown = Text(visible(status)) if isinstance(status, str) else status
        return super().status(
            shown, spinner=spinner, spinner_style=spinner_style, speed=speed, refresh_per_second=refresh_per_second
        )


def _screen() -> TextIO | None:
    """The screen that standard output is, whatever that is redirected to later; None if it is not a terminal."""
    if not sys.stdout.isatty():
        return None
    return os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors)


def partition_progress(console: Terminal) -> Progress:
    """A progress bar that counts steps and shows the current action and elapsed time."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)
