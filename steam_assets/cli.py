"""Which commands there are, and how they end. Each lives in a module of commands/.

``__main__.py`` starts this in a session of its own, with SIGTERM blocked until the imports below are done.
"""

from __future__ import annotations

import os
import signal
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
from steam_assets.commands.run import run
from steam_assets.commands.services import broker, dev, simulate
from steam_assets.commands.warm import warm
from steam_assets.embedded.supervised import ending

INTERRUPTED = 128 + signal.SIGINT
"""Exit code of a command that was interrupted, by whichever signal."""

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
    *(verify, restore, drill, housekeeping, import_history),
    *(doctor, broker, simulate, jars, warm),
):
    app.command()(command)


@app.callback()
def steam_assets() -> None:
    """Start with `steam-assets demo`; every command explains itself with `--help`."""


def main() -> None:
    """Run a command, until SIGINT, SIGTERM or SIGHUP. Our own errors say what is wrong and the next step, without
    a traceback.
    """
    try:
        for number in ending():
            signal.signal(number, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ending())
        app(prog_name="steam-assets")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
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


if __name__ == "__main__":
    try:
        main()
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            # Threads that wait for a source would hold up the end; what had to be put in order is in order.
            os._exit(INTERRUPTED)
        raise
