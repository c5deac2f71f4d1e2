"""The program: what all commands have in common, and how they exit. commands/command_list.py lists them.

``__main__.py`` starts this in its own session, with SIGTERM blocked until the imports below are done.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from steam_assets.commands.command_list import CommandList
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
from steam_assets.commands.misspelt import unknown_variables
from steam_assets.processes.garbage_collection import collect_less_often
from steam_assets.processes.supervised import ending

INTERRUPTED = 128 + signal.SIGINT
"""Exit code of a command that was interrupted by any signal."""

MISTAKE = 2
"""Exit code for a usage or configuration error; nothing was started."""

app = typer.Typer(
    name="steam-assets",
    cls=CommandList,
    help="Steam market data on Dagster: every source through Kafka and Spark into verified tables.",
    epilog="Start with `steam-assets tour --open`, then `steam-assets demo`."
    "\n\n`steam-assets COMMAND --help` explains a command, with examples. Shared options mean the same everywhere: "
    "--source and --partition select data, --home is the lake's folder, --json is for programs."
    "\n\nExit codes: 0 success, 1 failure, 2 invalid command line or setting, 3 a source is late (status), 130 "
    "interrupted.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"steam-assets {version('steam_assets')}")
        raise typer.Exit


@app.callback()
def steam_assets(
    context: typer.Context,
    debug: Annotated[
        bool, typer.Option("--debug", envvar=DEBUG_VARIABLE, help="Show tracebacks and what libraries log.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Reject misspelt settings before any command starts; `doctor` shows them with everything else."""
    if "--help" in sys.argv:
        return
    _require_folder()
    unknown = unknown_variables()
    for variable in unknown if context.invoked_subcommand != "doctor" else ():
        if variable.meant:
            raise typer.BadParameter(f"{variable}; type `unset {variable.name}`, or take it out of .env")
        _say(f"{variable}; it has no effect", style="yellow")


def _require_folder() -> None:
    try:
        Path.cwd()
    except FileNotFoundError:
        raise typer.BadParameter("the current folder was deleted; change to another one with `cd`") from None


def main() -> None:
    """Run a command until it ends or is interrupted. A failure is one line on stderr, which names the log."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1 or os.environ.get(DEBUG_VARIABLE, "") not in ("", "0", "false")
    collect_less_often()
    # Rich would take it for a width, and print nothing.
    if not os.environ.get("COLUMNS", "").strip("0"):
        os.environ.pop("COLUMNS", None)
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
    """Report a usage error; our own messages state what to type, Typer's do not."""
    if isinstance(error, typer.BadParameter) and error.param is None:
        _say(": ".join(part for part in (str(error.param_hint or ""), error.message) if part))
    elif message := " ".join(error.format_message().split()):
        # Without arguments there is no message, because the help has already been printed.
        path = getattr(getattr(error, "ctx", None), "command_path", "steam-assets")
        _say(f"{message.rstrip('.')}; see `{path} --help`")
    return error.exit_code


def _failed(error: Exception, noise: Noise, *, debug: bool) -> int:
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from steam_assets.settings import UnusableSetting

    if debug:
        sys.stderr.write(masked("".join(traceback.format_exception(error))))
    if isinstance(error, SettingsError) or (isinstance(error, ValidationError) and error.title == "Settings"):
        for variable, problem in refused_settings(error).items():
            _say(f"{variable}: {problem}; correct it, or type `unset {variable}`")
        return MISTAKE
    if isinstance(error, UnusableSetting):
        _say(one_line(error))
        return MISTAKE
    from steam_assets.outages import outage

    error = outage(error) or error
    if debug or is_expected(error):
        _say(one_line(error))
    else:
        log = write_log(error, noise)
        where = f"Details: {log}" if log else f"{DEBUG_VARIABLE}=1 shows more"
        _say(f"{one_line(error)}\n{where}")
    return 1


def _say(message: str, style: str = "red") -> None:
    from steam_assets.commands.terminal import Terminal

    Terminal(stderr=True).print(message, style=style, soft_wrap=True)


if __name__ == "__main__":
    try:
        main()
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            # Threads waiting for a source would delay the exit; all clean-up has been done.
            os._exit(INTERRUPTED)
        raise
