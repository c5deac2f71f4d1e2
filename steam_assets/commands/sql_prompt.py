"""The prompt of ``steam-assets sql``: editing, history, and completion of names.

Belongs here: reading input. Does not belong here: answering (query/engine.py), printing answers (sql.py).
"""

from __future__ import annotations

import asyncio
import re
import sys
import termios
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory
from prompt_toolkit.input import Input
from prompt_toolkit.input.typeahead import store_typeahead
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.keys import Keys
from prompt_toolkit.lexers import PygmentsLexer
from prompt_toolkit.output import Output
from pygments.lexers.sql import SqlLexer

from steam_assets.commands.sql import print_answer
from steam_assets.commands.terminal import Terminal
from steam_assets.query.engine import Answer, Engine
from steam_assets.query.errors import QueryError

WELCOME = "End each statement with ; as in show tables; — Tab completes names, Ctrl-C cancels, Ctrl-D exits."
LEAVE = {"exit", "quit", "\\q", ".quit", ".exit"}
KEYWORDS = (
    *("select", "from", "where", "group by", "order by", "limit", "join", "left join", "using", "on", "as", "with"),
    *("having", "distinct", "and", "or", "not", "in", "between", "like", "ilike", "is null", "is not null", "case"),
    *("when", "then", "else", "end", "over", "partition by", "desc", "nulls last", "union all", "qualify"),
    *("count(*)", "sum(", "avg(", "min(", "max(", "round(", "median(", "date_trunc(", "show tables", "describe"),
)
_WORD = re.compile(r"[\w.]*$")
_TABLE = re.compile(r"\b(?:from|join|describe|summarize)\s+([\w.]+)(?:\s+(?:as\s+)?(\w+))?", re.IGNORECASE)


class Names(Completer):
    """Completes tables, columns of the tables in the statement, and keywords."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._tables: list[str] | None = None
        self._columns: dict[str, list[str]] = {}

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        found = _WORD.search(document.text_before_cursor)
        word = found[0].lower() if found else ""
        for name, what in self._names(document.text, word):
            if name.startswith(word) and name != word:
                yield Completion(name, start_position=-len(word), display_meta=what)

    def _names(self, statement: str, word: str) -> Iterator[tuple[str, str]]:
        if self._tables is None:
            self._tables = self._engine.tables()
        named = [(table.lower(), (alias or table).lower()) for table, alias in _TABLE.findall(statement)]
        used = [(table, alias) for table, alias in named if table in self._tables]
        for table, alias in dict.fromkeys(used):
            prefix = (
                f"{alias}." if word.startswith(f"{alias}.") else f"{table}." if word.startswith(f"{table}.") else ""
            )
            yield from ((prefix + column, table) for column in self._of(table))
        yield from ((table, "table") for table in self._tables)
        yield from ((keyword, "") for keyword in KEYWORDS)

    def _of(self, table: str) -> Iterable[str]:
        if table not in self._columns:
            self._columns[table] = self._engine.columns(table)
        return self._columns[table]


def prompt(engine: Engine, history: Path, source: Input | None = None, output: Output | None = None) -> None:
    """Answer statements until Ctrl-D. ``history`` is the file of earlier statements, readable only by its owner."""
    history.touch(mode=0o600)
    session: PromptSession[str] = PromptSession(
        "sql> ",
        history=FileHistory(history),
        completer=Names(engine),
        complete_while_typing=True,
        complete_in_thread=True,
        lexer=PygmentsLexer(SqlLexer),
        multiline=True,
        prompt_continuation="  -> ",
        key_bindings=_keys(),
        input=source,
        output=output,
    )
    console = Terminal(stderr=True)
    console.print(WELCOME, style="dim", soft_wrap=True)
    with _warming(engine), nullcontext() if source else _without_signals():
        for typed in _typed(session):
            _run(engine, typed, session.app.input, console)


def _typed(session: PromptSession[str]) -> Iterator[str]:
    """The lines typed, without empty ones, until an exit command or Ctrl-D."""
    while True:
        try:
            typed = session.prompt().strip()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if typed.rstrip(";").lower() in LEAVE:
            return
        if typed.rstrip(";"):
            yield typed


@contextmanager
def _without_signals() -> Iterator[None]:
    """Treat Ctrl-C as a key between statements too: as a signal it would end the whole command (``__main__.py``)."""
    before = termios.tcgetattr(sys.stdin)
    keys_alone = termios.tcgetattr(sys.stdin)
    keys_alone[3] &= ~termios.ISIG
    termios.tcsetattr(sys.stdin, termios.TCSADRAIN, keys_alone)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _run(engine: Engine, typed: str, source: Input, console: Terminal) -> None:
    try:
        for statement in engine.statements(typed):
            print_answer(asyncio.run(_cancellable(engine, statement, source)))
    except QueryError as error:
        console.print(str(error), style="red", soft_wrap=True)


async def _cancellable(engine: Engine, statement: str, source: Input) -> Answer:
    """Run a query and stop it at Ctrl-C, which is read as a key. Other keys go to the next statement."""

    def pressed() -> None:
        keys = source.read_keys()
        if any(press.key == Keys.ControlC for press in keys):
            stop()
        else:
            store_typeahead(source, keys)

    def stop() -> None:
        # Repeated until the query ends: before it runs there is nothing to interrupt.
        engine.interrupt()
        asyncio.get_running_loop().call_later(0.1, stop)

    with source.raw_mode(), source.attach(pressed):
        return await asyncio.to_thread(engine.ask, statement)


@contextmanager
def _warming(engine: Engine) -> Iterator[None]:
    """Open tables while the first statement is typed.

    The thread ends before the process does: one inside DuckDB or Arrow while Python shuts down aborts the process.
    """
    leaving = threading.Event()

    def warm() -> None:
        # A table that cannot be opened is reported to the query that reads it.
        with suppress(Exception):
            for _ in engine.warm():
                if leaving.is_set():
                    return

    thread = threading.Thread(target=warm)
    thread.start()
    try:
        yield
    finally:
        leaving.set()
        thread.join()


def _keys() -> KeyBindings:
    """Enter sends a statement ending with ``;``, an exit command or an empty line; otherwise it adds a line."""
    keys = KeyBindings()

    @Condition
    def complete() -> bool:
        text = keys_buffer().text.strip()
        return not text or text.endswith(";") or text.lower() in LEAVE

    def keys_buffer() -> Buffer:
        from prompt_toolkit.application import get_app

        return get_app().current_buffer

    @keys.add("enter", filter=complete)
    def send(event: object) -> None:
        keys_buffer().validate_and_handle()

    return keys
