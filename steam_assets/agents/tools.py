"""What agents can ask: the tables, one of them, SQL, an insight, the status.

Belongs here: answering with method, limitations, as-of and gaps. Does not belong here: the protocol (server.py), the
form of answers (answers.py).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import datetime

from steam_assets.agents import answers
from steam_assets.agents.quoting import quoted_rows, short_name, within_size
from steam_assets.clock import Clock
from steam_assets.lake.ledger_files import open_ledger
from steam_assets.lake.roots import is_synthetic
from steam_assets.ledger.freshness import freshness
from steam_assets.ledger.records import Ledger
from steam_assets.ledger.unrefreshed import behind, in_words
from steam_assets.query.coverage import Coverage, Gap, coverage, merged
from steam_assets.query.descriptions import Description, descriptions
from steam_assets.query.engine import Answer
from steam_assets.query.errors import QueryError
from steam_assets.query.worker import QueryWorker
from steam_assets.settings import Settings
from steam_assets.sources import SOURCES
from steam_assets.sources.cadence import Cadence, Window


class Tools:
    """Answers about the clean tables and insights of ``settings``, with ``worker`` for their rows.

    Each raises QueryError for a request that cannot be answered.
    """

    def __init__(self, settings: Settings, worker: QueryWorker) -> None:
        self._settings, self._worker = settings, worker
        self._clock = Clock.from_settings(settings)
        self.synthetic = is_synthetic(settings)

    def list_tables(self) -> answers.Tables:
        ledger = open_ledger(self._settings)
        return answers.Tables(
            synthetic=self.synthetic,
            tables=[
                answers.TableSummary(
                    name=one.name,
                    kind=one.kind,
                    title=one.title,
                    cadence=one.cadence and one.cadence.value,
                    exists=bool(ledger.properties("clean", one.name)),
                )
                for one in descriptions().values()
            ],
        )

    def describe_table(self, name: str) -> answers.TableDescription:
        one = _described(name)
        covered = coverage(open_ledger(self._settings), one, self._clock.now())
        return answers.TableDescription(
            name=one.name,
            kind=one.kind,
            title=one.title,
            cadence=one.cadence and one.cadence.value,
            key=list(one.key),
            method=one.method,
            limitations=one.limitations,
            columns=[
                answers.ColumnDescription(
                    name=column.name,
                    type=column.type,
                    unit=column.unit,
                    nullable=column.nullable,
                    meaning=column.description,
                )
                for column in one.columns
            ],
            coverage=self._coverage(covered),
        )

    def query(self, sql: str) -> answers.Result:
        answer = self._worker.ask(sql)
        read = [descriptions()[name] for name in answer.tables]
        ledger, now = open_ledger(self._settings), self._clock.now()
        return self._result(answer, read, merged(coverage(ledger, one, now) for one in read))

    def read_insight(
        self, name: str, first: str | None = None, last: str | None = None, app_id: int | None = None
    ) -> answers.Result:
        one = _described(name)
        if one.kind != "insight":
            raise QueryError(f"{one.name} is a table, not an insight; read its rows with query")
        ledger, now = open_ledger(self._settings), self._clock.now()
        within = _period(one, first, last)
        # Names come from declarations; dates and numbers are formatted here.
        answer = self._worker.ask(
            f"select * from {one.name} where {_condition(one, within, app_id)} order by {', '.join(one.key)}"  # noqa: S608
        )
        return self._result(answer, [one], coverage(ledger, one, now, within or _newest(answer, one.cadence)))

    def status(self) -> answers.Status:
        ledger, now = open_ledger(self._settings), self._clock.now()
        reports = [(source, freshness(ledger, source, now)) for source in SOURCES]
        return answers.Status(
            synthetic=self.synthetic,
            now=_moment(now),
            sources=[
                answers.SourceStatus(
                    source=source.name,
                    title=source.title,
                    cadence=source.cadence.value,
                    newest_partition=report.newest,
                    late=report.late,
                    partitions=len(report.partitions),
                    unfinished=", ".join(source.cadence.ranges_in_words(report.unfinished)),
                )
                for source, report in reports
            ],
            gaps=_gaps(_all_gaps(ledger, now)),
            not_included=in_words(behind(ledger)),
        )

    def _result(self, answer: Answer, read: Iterable[Description], covered: Coverage) -> answers.Result:
        rows = within_size(quoted_rows(answer.rows, answer.types))
        return answers.Result(
            columns=[
                answers.ResultColumn(name=short_name(name), type=kind[:100])
                for name, kind in zip(answer.rows.column_names, answer.types, strict=True)
            ],
            rows=rows,
            truncated=answer.truncated or len(rows) < answer.rows.num_rows,
            provenance=[
                answers.Provenance(table=one.name, title=one.title, method=one.method, limitations=one.limitations)
                for one in read
            ],
            coverage=self._coverage(covered),
        )

    def _coverage(self, covered: Coverage) -> answers.Coverage:
        return answers.Coverage(
            synthetic=self.synthetic,
            as_of=[
                answers.AsOf(
                    table=one.table,
                    newest_partition=one.newest_partition,
                    collected_at=None if one.collected_at is None else _moment(one.collected_at),
                )
                for one in covered.as_of
            ],
            gaps=_gaps(covered.gaps),
            not_included=covered.not_included,
        )


def _described(name: str) -> Description:
    """The table or insight of that name; an insight with or without its table's prefix."""
    known = descriptions()
    for wanted in (name.strip().lower(), f"insight_{name.strip().lower()}"):
        if wanted in known:
            return known[wanted]
    near = difflib.get_close_matches(name, known, 3, 0.5)
    instead = f"did you mean {' or '.join(near)}?" if near else "list_tables lists all"
    raise QueryError(f"there is no table or insight {name[:100]!r}; {instead}")


def _period(one: Description, first: str | None, last: str | None) -> Window | None:
    """The time range from the period ``first`` to the period ``last``; None if neither is given."""
    if first is None and last is None:
        return None
    if one.cadence is None:
        raise QueryError(f"{one.name} has only one partition; leave out first and last")
    try:
        begin, end = one.cadence.window(first or last or ""), one.cadence.window(last or first or "")
    except ValueError as error:
        raise QueryError(str(error)[:200]) from error
    if begin > end:
        raise QueryError(f"first, {begin.key}, is after last, {end.key}")
    return Window(begin.start, end.end)


def _condition(one: Description, within: Window | None, app_id: int | None) -> str:
    """SQL for the rows of a time range (default: the newest period) and of an app (default: all)."""
    conditions = list[str]()
    if within is not None:
        conditions.append(f"partition_key >= '{within.start:%Y-%m-%d}' and partition_key < '{within.end:%Y-%m-%d}'")
    elif one.cadence is not None:
        conditions.append(f"partition_key = (select max(partition_key) from {one.name})")  # noqa: S608
    if app_id is not None:
        if "app_id" not in {column.name for column in one.columns}:
            raise QueryError(f"{one.name} has no app_id; leave it out")
        conditions.append(f"app_id = {app_id:d}")
    return " and ".join(conditions) or "true"


def _newest(answer: Answer, cadence: Cadence | None) -> Window | None:
    """The one period of an answer, for its gaps; None for all time."""
    if cadence is None or not answer.rows.num_rows:
        return None
    return cadence.window(str(answer.rows.column("partition_key")[0].as_py()))


def _all_gaps(ledger: Ledger, now: datetime) -> Iterable[Gap]:
    """The gaps of all clean tables."""
    tables = [one for one in descriptions().values() if one.kind == "table"]
    return merged(coverage(ledger, one, now) for one in tables).gaps


def _gaps(found: Iterable[Gap]) -> list[answers.Gap]:
    return [answers.Gap(table=one.table, cadence=one.cadence, periods=one.periods, why=one.why) for one in found]


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
