"""The command ``steam-assets``: which commands there are. Each lives in a module of commands/."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from steam_assets.commands.care import drill, housekeeping, restore, status, verify
from steam_assets.commands.dashboard import dashboard
from steam_assets.commands.demo import demo
from steam_assets.commands.doctor import doctor
from steam_assets.commands.export import export, jars
from steam_assets.commands.import_history import import_history
from steam_assets.commands.lake_catalog import catalog, relocate
from steam_assets.commands.look import show, trace
from steam_assets.commands.run import run
from steam_assets.commands.services import broker, dev, simulate
from steam_assets.commands.warm import warm

app = typer.Typer(
    name="steam-assets",
    help="Steam market data on Dagster: five sources through Kafka and Spark into verified tables.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    add_completion=False,
)
for command in (
    *(demo, dev, run, status, dashboard, export),
    *(trace, verify, restore, drill, housekeeping, relocate, import_history),
    *(doctor, broker, simulate, jars, warm),
):
    app.command()(command)
app.add_typer(show, name="show")
app.add_typer(catalog, name="catalog")


@app.callback()
def steam_assets() -> None:
    """Start with `steam-assets demo`; every command explains itself with `--help`."""


def main() -> None:
    """Entry point of the console script. Our own errors say what is wrong and the next step: no traceback for those."""
    try:
        app()
    except ValidationError as error:
        if error.title != "Settings":
            raise
        _fail("\n".join(f"STEAM_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors(include_input=False)))
    except Exception as error:
        if not type(error).__module__.startswith("steam_assets."):
            raise
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    Console(stderr=True).print(f"[red]{escape(message)}[/]", highlight=False)
    sys.exit(1)
