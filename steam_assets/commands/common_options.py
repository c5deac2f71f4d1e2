"""Options shared by several commands: one name, one meaning and one help text each.

Belongs here: the options, and looking up the sources they name. Does not belong here: parsing partitions
(partition_options.py).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from steam_assets.sources.source import Source

COMMON = "Common options"
STAGES = ("raw", "raw-backup", "clean", "clean-backup")


def source_names(incomplete: str = "") -> list[str]:
    """The names of the sources that start with ``incomplete``, for shell completion."""
    from steam_assets.sources import SOURCES

    return [source.name for source in SOURCES if source.name.startswith(incomplete)]


def stage_names(incomplete: str = "") -> list[str]:
    """The same for stages."""
    return [stage for stage in STAGES if stage.startswith(incomplete)]


def _folder(text: str) -> Path:
    if not text.strip():
        raise typer.BadParameter("the folder has no name; type one, such as data/demo", param_hint="--home")
    return Path(text)


SourceOption = Annotated[
    str | None,
    typer.Option("--source", help="One source. Default: all.", autocompletion=source_names, rich_help_panel=COMMON),
]
PartitionOption = Annotated[
    str | None,
    typer.Option(
        "--partition",
        help="One partition: the first day of its period, YYYY-MM-DD, or a month, YYYY-MM. Default: all.",
        rich_help_panel=COMMON,
    ),
]
HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        metavar="FOLDER",
        parser=_folder,
        help="The lake's folder, such as data/demo, with its own roots. Default: STEAM_HOME, else data.",
        rich_help_panel=COMMON,
    ),
]


def chosen_sources(name: str | None, option: str = "--source") -> Sequence[Source]:
    """The source of that name, or all. Raises BadParameter that suggests the closest name."""
    from steam_assets.sources import SOURCES

    if name is None:
        return SOURCES
    found = [source for source in SOURCES if source.name == name]
    if not found:
        raise not_among(name, source_names(), "source", option)
    return found


def not_among(text: str, known: Iterable[str], what: str, option: str) -> typer.BadParameter:
    """The error for an unknown name; it suggests the closest one and lists all."""
    names = list(known)
    near = difflib.get_close_matches(text.strip().lower().replace("-", "_"), names, 1) or difflib.get_close_matches(
        text.strip().lower(), names, 1
    )
    meant = f"did you mean {near[0]}? " if near else ""
    return typer.BadParameter(f"unknown {what} {text!r}; {meant}Choose from: {', '.join(names)}", param_hint=option)
