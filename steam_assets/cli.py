"""The command ``steam-assets``: which commands there are. Each lives in a module of commands/."""

from __future__ import annotations

import typer

from steam_assets.commands.demo import demo

app = typer.Typer(
    name="steam-assets",
    help="Steam market data on Dagster: five sources through Kafka and Spark into verified tables.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    add_completion=False,
)
app.command("demo")(demo)


@app.callback()
def steam_assets() -> None:
    """Start with `steam-assets demo`; every command explains itself with `--help`."""


def main() -> None:
    """Entry point of the console script."""
    app()
