"""Which commands there are, and how they end. Each lives in a module of commands/.

``__main__.py`` starts this in a session of its own, with SIGTERM blocked until the imports below are done.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from contextlib import nullcontext
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console

from steam_assets.commands.dashboard import dashboard
from steam_assets.commands.demo import demo
from steam_assets.commands.diagnostics import (
    DEBUG_VARIABLE,
    Noise,
    is_expected,
    masked,
    off_the_terminal,
    one_line,
    refused_settings,
    write_log,
)
from steam_assets.commands.doctor import doctor
from steam_assets.commands.export import export, jars
from steam_assets.commands.import_history import import_history
from steam_assets.commands.lake_catalog import catalog, relocate
from steam_assets.commands.look import show, trace
from steam_assets.commands.maintenance import drill, housekeeping, restore, status, verify
from steam_assets.commands.refresh import refresh
from steam_assets.commands.run import run
from steam_assets.commands.services import broker, dev, simulate
from steam_assets.commands.warm import warm
from steam_assets.processes.supervised import ending

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
    *(demo, dev, run, status, refresh, dashboard, export),
    *(trace, verify, restore, drill, housekeeping, relocate, import_history),
    *(doctor, broker, simulate, jars, warm),
):
    app.command()(command)
app.add_typer(show, name="show")
app.add_typer(catalog, name="catalog")


@app.callback()
def steam_assets(
    debug: Annotated[
        bool, typer.Option("--debug", envvar=DEBUG_VARIABLE, help="Show tracebacks and what libraries log.")
    ] = False,
) -> None:
    """Start with `steam-assets demo`; every command explains itself with `--help`."""


def main() -> None:
    """Run a command, until SIGINT, SIGTERM or SIGHUP. A failure is one line on stderr, and the log that it names."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1 or os.environ.get(DEBUG_VARIABLE, "") not in ("", "0", "false")
    try:
        for number in ending():
            signal.signal(number, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ending())
        code = _run(arguments, debug=debug)
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)


def _run(arguments: list[str], *, debug: bool) -> int:
    with nullcontext(Noise()) if debug else off_the_terminal() as noise:
        try:
            return app(arguments, prog_name="steam-assets", standalone_mode=False)
        except typer.Abort:
            return INTERRUPTED
        except typer.TyperException as error:
            return _refused(error)
        except Exception as error:
            return _failed(error, noise, debug=debug)


def _refused(error: typer.TyperException) -> int:
    """What was typed cannot be used: say so; our own messages say what to type, Typer's do not."""
    if isinstance(error, typer.BadParameter) and error.param is None:
        _say(": ".join(part for part in (str(error.param_hint or ""), error.message) if part))
    elif message := " ".join(error.format_message().split()):
        # Without arguments there is no message, as the help is printed already.
        path = getattr(getattr(error, "ctx", None), "command_path", "steam-assets")
        _say(f"{message.rstrip('.')}; see `{path} --help`")
    return error.exit_code


def _failed(error: Exception, noise: Noise, *, debug: bool) -> int:
    if debug:
        sys.stderr.write(masked("".join(traceback.format_exception(error))))
    if isinstance(error, ValidationError) and error.title == "Settings":
        _say(refused_settings(error))
    elif debug or is_expected(error):
        _say(one_line(error))
    else:
        log = write_log(error, noise)
        where = f"Details: {log}" if log else f"{DEBUG_VARIABLE}=1 shows more"
        _say(f"{one_line(error)}\n{where}")
    return 1


def _say(message: str) -> None:
    Console(stderr=True).print(message, style="red", highlight=False, markup=False, soft_wrap=True)


if __name__ == "__main__":
    try:
        main()
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            # Threads that wait for a source would hold up the end; what had to be put in order is in order.
            os._exit(INTERRUPTED)
        raise
