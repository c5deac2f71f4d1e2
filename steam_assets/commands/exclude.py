"""``steam-assets exclude``: take a batch of another producer out of a partition, or in again.

Belongs here: the options and the output. Does not belong here: the ledger's entry (lake/raw_tables.py).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from steam_assets.commands.common_options import COMMON, HomeOption, chosen_sources, source_names
from steam_assets.commands.counted import counted
from steam_assets.commands.preflight import writable_settings
from steam_assets.commands.show_and_trace import named_partition
from steam_assets.commands.terminal import Terminal

if TYPE_CHECKING:
    from steam_assets.ledger.records import RawRecord
    from steam_assets.sources.source import Source


def exclude(
    source: Annotated[str, typer.Argument(help="The name of a source.", autocompletion=source_names)],
    partition: Annotated[
        str,
        typer.Option(help="The first day of its period, YYYY-MM-DD, or a month, YYYY-MM.", rich_help_panel=COMMON),
    ],
    batch: Annotated[
        str | None, typer.Option(help="The batch's id. Without it, the partition's batches are listed.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; it is stored with the partition.")] = "excluded by command",
    undo: Annotated[bool, typer.Option("--undo", help="Include an excluded batch again.")] = False,
    home: HomeOption = None,
) -> None:
    """Exclude a batch that is wrong, or cannot be landed, from cleaning. Its rows and their backup are kept.

    Clean the partition afterwards, or fetch it again if it has no other batch.
    """
    (chosen,) = chosen_sources(source, "SOURCE")
    if batch is not None and not re.fullmatch("[0-9a-f]{32}", batch):
        raise typer.BadParameter(f"{batch!r} is not the id of a batch: 32 digits of 0 to 9 and a to f")
    settings = writable_settings(home)
    key = named_partition(settings, chosen.cadence, partition, "--partition")
    from steam_assets.clock import Clock
    from steam_assets.lake.backup import back_up, backup_of
    from steam_assets.lake.lake import Lake
    from steam_assets.lake.raw_tables import exclude_batch
    from steam_assets.ledger.records import RawRecord

    console, lake, now = Terminal(), Lake(settings), Clock.from_settings(settings).now()
    raw = lake.raw(chosen)
    if batch is None:
        _list(console, chosen, key, raw.record(RawRecord, key))
        return
    try:
        changed = exclude_batch(raw, key, batch, None if undo else reason, now)
    except LookupError as error:
        raise typer.BadParameter(str(error.args[0])) from error
    twins = lake.raw_twins(chosen)
    if backup_of(twins, key) is not None:
        _, problems = back_up(twins, [key], now)
        for problem in problems:
            console.print(problem, style="red", soft_wrap=True)
    state = "included" if undo else "excluded"
    console.print(f"Batch {batch} is {'now' if changed else 'already'} {state}.")
    record = raw.record(RawRecord, key)
    stage = " --stage clean" if record and record.included else ""
    console.print(f"Next: steam-assets run {chosen.name} --from {key} --to {key}{stage}", soft_wrap=True)


def _list(console: Terminal, source: Source, key: str, record: RawRecord | None) -> None:
    if record is None:
        raise typer.BadParameter(f"{source.name} has no raw partition {key}; `steam-assets status` lists them")
    for batch in record.batches:
        items = ", ".join(f"{count} {table}" for table, count in batch.items.items()) or "no items"
        state = f"excluded: {batch.excluded}" if batch.excluded else "included"
        landed = f"{batch.landed_at:%Y-%m-%d %H:%M} UTC"
        console.print(
            f"{batch.batch_id}: {landed}, {counted(batch.landed, 'response')}, {items}, {batch.provenance}; {state}",
            soft_wrap=True,
        )
