"""What commands print on.

Belongs here: that text is shown as it is. Does not belong here: what is printed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType
from rich.status import Status
from rich.text import Text

from steam_assets.masking import visible

if TYPE_CHECKING:
    from rich.progress import Progress


class Terminal(Console):
    """Rich's console, for which no text is markup: what a server sent can neither colour, nor link, nor steer it.

    Styles are given as ``Text`` or by ``style``. What has no form of its own is shown as U+FFFD.
    """

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, width=width, markup=False, highlight=False, emoji=False)

    def render_str(self, text: str, **options: Any) -> Text:
        forced: dict[str, Any] = {"markup": False, "emoji": False}
        return super().render_str(visible(text), **options | forced)

    def status(self, status: RenderableType, **options: Any) -> Status:
        # Rich reads a status as markup whatever its console says.
        return super().status(Text(visible(status)) if isinstance(status, str) else status, **options)


def partition_progress(console: Console) -> Progress:
    """A progress bar that counts steps, with what is being done and for how long."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)
