"""``steam-assets sql``: SQL queries over all tables, once or at a prompt.

Belongs here: where statements come from, and where answers go. Does not belong here: answering (query/), the prompt
itself (sql_prompt.py), layout (result_table.py).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from steam_assets.commands.common_options import HomeOption
from steam_assets.commands.counted import counted
from steam_assets.commands.preflight import opened_settings, require_file
from steam_assets.commands.terminal import Terminal

if TYPE_CHECKING:
    from steam_assets.query.engine import Answer, Engine

PRINTED_ROWS = 100
STDOUT = Path("-")


def sql(
    statement: Annotated[
        str | None, typer.Argument(help="One SELECT statement, in quotes. Default: statements from stdin, or a prompt.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the result as CSV, safe for spreadsheets; - is stdout.")
    ] = None,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it as a JSON array of objects; - is stdout.")
    ] = None,
    parquet: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as Parquet.")] = None,
    rows: Annotated[int, typer.Option(min=0, help="Rows to print; 0 for all.")] = PRINTED_ROWS,
    home: HomeOption = None,
) -> None:
    """Query tables with SQL: clean tables and insights by name, others as steam_raw.TABLE or steam_backup.TABLE.

    Read-only. `show tables` lists the tables, `describe TABLE` the columns of one. Each statement reads the newest
    commit. Without a statement, a prompt opens that completes names and keeps its history in HOME. In files, columns
    with the same name are numbered: rank, rank_1.
    """
    files = {"--csv": csv, "--json": json, "--parquet": parquet}
    files = {option: path for option, path in files.items() if path is not None}
    for option, path in files.items():
        _require_file(path, option)
    settings = opened_settings(home)
    typed = statement is None and sys.stdin.isatty()
    if typed and files:
        raise typer.BadParameter("write the statement whose result the file should have", param_hint=min(files))
    from steam_assets.lake.lake import Lake
    from steam_assets.query.engine import Engine, Limits

    # Files get all rows; for printing, only the rows shown are read.
    limits = Limits(rows=None if files or rows == 0 else rows)
    engine = Engine(Lake(settings), limits=limits, keep=statement is None)
    if typed:
        from steam_assets.commands.sql_prompt import prompt

        prompt(engine, settings.home / "sql_history")
    else:
        # What is not UTF-8 is kept for the engine to refuse, as in arguments.
        typed_in = sys.stdin.buffer.read().decode("utf-8-sig", "surrogateescape") if statement is None else statement
        _answer(engine, typed_in, files)


def _answer(engine: Engine, script: str, files: dict[str, Path]) -> None:
    from steam_assets.query.errors import QueryError, QueryStopped

    try:
        statements = engine.statements(script) if script.strip() else []
        if not statements or (files and len(statements) > 1):
            raise QueryError("write one SELECT statement" if statements else "there is no statement; write a SELECT")
        for each in statements:
            answer = engine.ask(each)
            if files:
                _write(answer, files)
            else:
                print_answer(answer)
    except QueryStopped:
        raise
    except QueryError as error:
        raise typer.BadParameter(str(error)) from error


def print_answer(answer: Answer) -> None:
    """Print an answer as a table, and below it, on stderr, how many rows it has."""
    from steam_assets.commands.partition_table import table_console
    from steam_assets.commands.result_table import result_table

    console = table_console()
    if answer.rows.num_rows:
        console.print(result_table(answer, console.width))
    count = answer.rows.num_rows
    said = f"{counted(count, 'row')}, {1000 * answer.seconds:,.0f} ms"
    if answer.truncated:
        said = f"the first {said}; --rows 0 prints all, and --csv FILE writes them"
    Terminal(stderr=True).print(said, style="dim", soft_wrap=True)


def _write(answer: Answer, files: dict[str, Path]) -> None:
    import pyarrow.parquet as pq

    from steam_assets.query.rendering import json_objects, storable
    from steam_assets.visuals.exports.csv_files import write_csv

    for option, path in files.items():
        with _draft_of(path) as draft:
            if option == "--csv":
                write_csv(storable(answer.rows), draft)
            elif option == "--json":
                draft.write_text("[" + ",\n".join(json_objects(answer.rows)) + "]\n", encoding="utf-8")
            else:
                pq.write_table(storable(answer.rows), draft, compression="zstd")
        if path != STDOUT:
            Terminal(stderr=True).print(f"{counted(answer.rows.num_rows, 'row')} in {path}", soft_wrap=True)


@contextmanager
def _draft_of(path: Path) -> Iterator[Path]:
    """A file whose content goes to ``path``, or to stdout, where it must not send control codes to a terminal."""
    from steam_assets.masking import visible
    from steam_assets.processes.temporary_folders import temporary_folder
    from steam_assets.visuals.output_file import draft_of

    if path != STDOUT:
        with draft_of(path) as draft:
            yield draft
        return
    with temporary_folder("sql-") as folder:
        yield (draft := folder / "answer")
        text = draft.read_text(encoding="utf-8")
        typer.echo(visible(text) if sys.stdout.isatty() else text, nl=False)


def _require_file(path: Path, option: str) -> None:
    if path == STDOUT:
        if option == "--parquet":
            raise typer.BadParameter("Parquet is not text; write it to a file", param_hint=option)
        return
    require_file(path, option, "answer")
    folder = path.resolve().parent if path.is_symlink() else path.parent
    if not folder.is_dir():
        raise typer.BadParameter(f"the folder {folder} does not exist; create it first", param_hint=option)
