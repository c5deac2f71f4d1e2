"""The commands: where each is, and its summary in the list of all.

Belongs here: the list, and importing a command when it is used. Does not belong here: the commands themselves.

Help is what a newcomer types first. Importing every command for it would take longer than showing it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer.main
from typer.core import TyperCommand, TyperGroup

from steam_assets.commands.examples import epilog

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter


@dataclass(frozen=True)
class Listed:
    """A command, or a group of them: a function or a ``typer.Typer`` of a module of this package.

    ``summary`` is the first paragraph of its help.
    """

    module: str
    summary: str


COMMANDS: Mapping[str, Listed] = {
    "tour": Listed("tour", "Write the dashboard of a synthetic year in seconds, without Kafka or Spark."),
    "demo": Listed(
        "demo",
        "Run the whole pipeline on this machine (Kafka, Spark, verified backups), without contacting the real sources.",
    ),
    "dev": Listed(
        "services",
        "Start the Dagster UI, the daemon, an embedded Kafka and Spark, against the real Steam. Ctrl-C stops all of "
        "them.",
    ),
    "run": Listed("run", "Run a source, or all sources of a cadence, for one partition or a range."),
    "status": Listed(
        "status", "Show every partition with its counts and backup status, the freshness of each source, and the gaps."
    ),
    "refresh": Listed(
        "refresh",
        "Compute the insights of newly committed clean partitions, then the dashboard, exports and the Tableau "
        "extract.",
    ),
    "dashboard": Listed("dashboard", "Write the dashboard: all collected data in one HTML page that works offline."),
    "sql": Listed(
        "sql",
        "Query tables with SQL: clean tables and insights by name, others as steam_raw.TABLE or steam_backup.TABLE.",
    ),
    "export": Listed(
        "export",
        "Write clean and insight tables as CSV (safe to open in a spreadsheet) and Parquet, one file per partition.",
    ),
    "release": Listed(
        "release",
        "Write all tables for people without a lake: Parquet by table and month, a card, contracts and checksums.",
    ),
    "contracts": Listed(
        "release",
        "Write a contract for each table (Open Data Contract Standard): schema, units, keys, rules, freshness, terms.",
    ),
    "trace": Listed(
        "show_and_trace",
        "Trace clean rows back to the responses they came from: snapshot, request, time, SHA-256, Kafka offset.",
    ),
    "verify": Listed(
        "maintenance",
        "Read raw and clean data and their backups, and compare them with the ledger. Exit code 1 if anything differs.",
    ),
    "restore": Listed(
        "maintenance", "Restore raw and clean partitions from their backups, and verify them by reading them back."
    ),
    "drill": Listed(
        "maintenance",
        "Prove that the backups can be restored: restore them into an empty folder, compare, and remove the folder.",
    ),
    "housekeeping": Listed(
        "maintenance",
        "Delete primaries older than the setting, each only after its backup has been verified. A dry run by default.",
    ),
    "exclude": Listed(
        "exclude",
        "Exclude a batch that is wrong, or cannot be landed, from cleaning. Its rows and their backup are kept.",
    ),
    "relocate": Listed(
        "lake_catalog",
        "Repair a lake that was copied or moved to the location in the settings. The original is not changed.",
    ),
    "import-history": Listed(
        "import_history",
        "Import the CSV and JSON files of the old pipeline (2023) as raw data of their own dates, and clean them.",
    ),
    "doctor": Listed(
        "doctor",
        "Check every setting and dependency. Problems come first, with their fixes. Exit code 1 if there are any.",
    ),
    "broker": Listed("services", "Run only the embedded Kafka, until Ctrl-C, for runs started by other processes."),
    "simulate": Listed(
        "services", "Run the simulator of all hosts until Ctrl-C. It prints the settings that point the pipeline at it."
    ),
    "mcp": Listed("mcp", "Serve the tables and insights to agents, read-only, over the Model Context Protocol."),
    "jars": Listed(
        "export", "Copy the pinned jars of Kafka and Spark into a folder, for an offline machine or an image."
    ),
    "warm": Listed(
        "warm", "Halve the start time of Kafka and Spark: store class data sharing archives in the user's cache."
    ),
    "show": Listed("show_and_trace", "Show data as it is stored."),
    "catalog": Listed(
        "lake_catalog",
        "Print the code with which other programs open a table of this deployment by name, without secrets.",
    ),
}


class CommandGroup(TyperGroup):
    """A group of commands whose help is shown without pydantic."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        for param in self.get_params(ctx):
            if param.default is None and getattr(param, "is_flag", False):
                # Typer's own options. To read "no" from None it would import pydantic, a quarter of the time of help.
                param.default = False
        if "--help" not in args or args[0] not in self.commands:
            return super().parse_args(ctx, args)
        # The help of a command in the group does not need the group's own options, which Typer reads by pydantic, too.
        own, self.params = self.params, []
        try:
            return super().parse_args(ctx, args)
        finally:
            self.params = own


class CommandList(CommandGroup):
    """The group of all commands. A command's module is imported when it is used; listing them imports none."""

    def __init__(self, **settings: Any) -> None:
        settings["commands"] = _Imported(settings.get("commands") or {})
        super().__init__(**settings)
        self._listing = False

    def list_commands(self, ctx: Context) -> list[str]:
        return [*COMMANDS]

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        if self._listing and cmd_name in COMMANDS:
            return TyperCommand(cmd_name, help=COMMANDS[cmd_name].summary)
        return super().get_command(ctx, cmd_name)

    def format_help(self, ctx: Context, formatter: HelpFormatter) -> None:
        self._listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._listing = False


class _Imported(Mapping[str, "Command"]):
    """The commands by name, each imported on first access, and those added by a program."""

    def __init__(self, added: Mapping[str, Command]) -> None:
        self._added = added

    def __getitem__(self, name: str) -> Command:
        return self._added[name] if name in self._added else _imported(name)

    def __iter__(self) -> Iterator[str]:
        return iter({**COMMANDS, **self._added})

    def __len__(self) -> int:
        return len({**COMMANDS, **self._added})


@cache
def _imported(name: str) -> Command:
    """Raises KeyError if there is no such command."""
    module = import_module(f"steam_assets.commands.{COMMANDS[name].module}")
    found = getattr(module, name.replace("-", "_"))
    if not isinstance(found, typer.Typer):
        alone = typer.Typer(add_completion=False)
        alone.command(name, epilog=epilog(name))(found)
        return typer.main.get_command(alone)
    group = typer.main.get_group(found)
    group.name = name
    return group
