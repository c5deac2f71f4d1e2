"""``steam-assets show`` and ``trace``: the responses as received, and the lineage of clean rows.

Belongs here: what is printed. Does not belong here: finding it (lake/trace.py).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from steam_assets.commands.command_list import CommandGroup
from steam_assets.commands.common_options import HomeOption, chosen_sources, not_among, source_names
from steam_assets.commands.examples import epilog
from steam_assets.commands.partition_options import partition_of
from steam_assets.commands.preflight import opened_settings
from steam_assets.commands.terminal import Terminal

if TYPE_CHECKING:
    from steam_assets.insights.affected import Reads
    from steam_assets.insights.insight import Insight
    from steam_assets.lake.lake import Lake
    from steam_assets.lake.trace import Answer, Trace
    from steam_assets.settings import Settings
    from steam_assets.sources.cadence import Cadence

show = typer.Typer(cls=CommandGroup, no_args_is_help=True, help="Show data as it is stored.")
AppOption = Annotated[int | None, typer.Option("--app", min=1, help="Only this app, by its id.")]
SHOWN_ANSWERS = 20
LAST = "9000-01-01"
"""Before this day, a period's lookback and lookahead are dates that Python can express."""


@show.command(epilog=epilog("show raw"))
def raw(
    source: Annotated[
        str,
        typer.Argument(help="The name of a source.", autocompletion=source_names),
    ],
    partition: Annotated[str, typer.Argument(help="First day of the period, YYYY-MM-DD, or a month, YYYY-MM.")],
    app: AppOption = None,
    backup: Annotated[bool, typer.Option("--backup", help="Read the backup.")] = False,
    home: HomeOption = None,
) -> None:
    """Print the responses of a raw partition as JSON Lines, complete and unchanged, for `jq`."""
    (chosen,) = chosen_sources(source, "SOURCE")
    settings = opened_settings(home)
    partition = named_partition(settings, chosen.cadence, partition, "PARTITION")
    from steam_assets.lake.lake import Lake
    from steam_assets.lake.trace import raw_rows

    lake = Lake(settings)
    table = lake.raw_backup(chosen) if backup else lake.raw(chosen)
    shown = 0
    for row in raw_rows(table, partition, app) if table.load() else ():
        typer.echo(json.dumps(row, ensure_ascii=False, default=_as_text))
        shown += 1
    if not shown:
        raise typer.BadParameter(
            f"{source} {partition} has no such responses; `steam-assets status` lists the partitions"
        )


def trace(
    table: Annotated[str, typer.Argument(help="A clean table, such as reviews, or an insight, such as player_trend.")],
    partition: Annotated[str, typer.Option("--partition", help="First day of the period, YYYY-MM-DD.")],
    app: AppOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable: all responses, or all inputs.")] = False,
    home: HomeOption = None,
) -> None:
    """Trace clean rows back to the responses they came from: snapshot, request, time, SHA-256, Kafka offset.

    An insight, and thus the dashboard's numbers and CSV, is traced to the clean partitions it was computed from.
    """
    from steam_assets.sources import SOURCES

    settings = opened_settings(home)
    from steam_assets.insights import INSIGHTS
    from steam_assets.lake.lake import Lake
    from steam_assets.lake.trace import trace as follow

    named = {t.name: (s, t) for s in SOURCES for t in s.tables}
    if insight := next((one for one in INSIGHTS if table in (one.name, one.table) and table not in named), None):
        if app is not None:
            raise typer.BadParameter(
                f"an insight is traced to whole partitions; type steam-assets trace TABLE --app {app}",
                param_hint="--app",
            )
        _trace_inputs(Lake(settings), insight, partition, as_json=as_json)
        return
    if table not in named:
        raise not_among(table, [*named, *(one.name for one in INSIGHTS)], "table or insight", "TABLE")
    partition = named_partition(settings, named[table][0].cadence, partition, "--partition")
    found = follow(Lake(settings), *named[table], partition, app)
    if found is None:
        raise typer.BadParameter(f"{table} has no partition {partition}; `steam-assets status` lists the partitions")
    if as_json:
        typer.echo(
            json.dumps({"record": found.record.model_dump(mode="json"), "responses": found.answers}, default=str)
        )
        return
    _print(Terminal(), found, partition)


def named_partition(settings: Settings, cadence: Cadence, text: str, option: str) -> str:
    """The key that ``text`` names; it may be in the future, as a demo's are. Raises BadParameter with a hint."""
    from steam_assets.clock import Clock

    with suppress(ValueError, OverflowError):
        key = cadence.window(text).key
        if cadence.first <= key < LAST:
            return key
    return partition_of(text, cadence, Clock.from_settings(settings).now(), option)


def _print(console: Terminal, found: Trace, partition: str) -> None:
    record = found.record
    console.print(Text(found.table, "bold"), partition)
    console.print(
        f"  {record.clean} rows, {record.quarantined} quarantined, {record.duplicates} duplicates of {record.items} "
        f"items; digest {record.content.digest}",
    )
    for version in found.versions:
        seen = "  ← current" if version.current else ""
        console.print(
            f"  snapshot {version.snapshot_id}, {version.committed_at:%Y-%m-%d %H:%M:%S} UTC, "
            f"{version.operation}{seen}",
        )
    lines = Table(box=None, pad_edge=False, title=f"Responses it came from: {len(found.answers)}", title_justify="left")
    for heading in ("rows", "request", "app", "fetched at (UTC)", "SHA-256", "Kafka offset"):
        lines.add_column(heading, overflow="fold")
    for answer in sorted(found.answers, key=lambda one: one["sequence"])[:SHOWN_ANSWERS]:
        lines.add_row(*_answer(answer))
    console.print(lines)
    if len(found.answers) > SHOWN_ANSWERS:
        console.print(f"… and {len(found.answers) - SHOWN_ANSWERS} more; use --app or --json to see them")
    console.print(
        f"To see the responses: steam-assets show raw {found.raw.table if found.raw else 'SOURCE'} {partition}",
        soft_wrap=True,
    )


def _trace_inputs(lake: Lake, insight: Insight, partition: str, *, as_json: bool) -> None:
    from steam_assets.insights.affected import reads
    from steam_assets.sources import SOURCES

    if insight.cadence is None:
        raise typer.BadParameter(
            f"{insight.name} has one partition, computed from everything; trace its tables instead"
        )
    partition = named_partition(lake.settings, insight.cadence, partition, "--partition")
    period = insight.cadence.window(partition)
    found = reads(lake, SOURCES, {one.table: one.span(period) for one in insight.inputs})
    # A period is computed only if a table with the insight's cadence has it.
    if not any(read.record for read in found if read.partition_key == partition):
        raise typer.BadParameter(
            f"{insight.name} has no partition {partition}; `steam-assets status` lists those of its tables"
        )
    if as_json:
        inputs = [
            {
                "table": read.table,
                "partition_key": read.partition_key,
                "record": read.record.model_dump(mode="json") if read.record else None,
            }
            for read in found
        ]
        typer.echo(
            json.dumps({"table": insight.table, "partition_key": partition, "method": insight.method, "inputs": inputs})
        )
        return
    _print_inputs(Terminal(), insight, partition, found)


def _print_inputs(console: Terminal, insight: Insight, partition: str, found: Sequence[Reads]) -> None:
    console.print(Text(insight.table, "bold"), f"{partition}: {insight.method}")
    lines = Table(box=None, pad_edge=False, title="Computed from", title_justify="left")
    for heading in ("table", "partition", "rows", "snapshot", "content digest"):
        lines.add_column(heading, overflow="fold")
    for read in found:
        if made := read.record:
            lines.add_row(read.table, read.partition_key, str(made.clean), str(made.snapshot_id), made.content.digest)
    console.print(lines)
    gaps = sum(read.record is None for read in found)
    console.print(f"{gaps} more partitions in its lookback or lookahead were not collected.")
    console.print("To trace further back: steam-assets trace TABLE --partition PARTITION")


def _answer(answer: Answer) -> tuple[str, ...]:
    place = f"{answer['topic']}/{answer['kafka_partition']} offset {answer['kafka_offset']}"
    return (
        str(answer["rows"]),
        f"{answer['request']} ({answer['status']})",
        str(answer["app_id"] or ""),
        f"{answer['fetched_at']:%Y-%m-%d %H:%M:%S}",
        answer["sha256"][:16],
        place if answer["topic"] else answer["provenance"],
    )


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
