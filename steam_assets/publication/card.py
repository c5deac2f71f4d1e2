"""The card of a release: its contents, as-of, methods, gaps and terms.

Belongs here: the text, as Markdown. Does not belong here: reading the lake (state.py), writing rows (release.py).

The card has no text from the web, only declarations, names of tables, numbers and dates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from steam_assets.insights.declared_tables import DeclaredTable
from steam_assets.lake.roots import SYNTHETIC
from steam_assets.ledger.unrefreshed import in_words
from steam_assets.publication.contracts import SUFFIX, hosts_with_terms
from steam_assets.publication.state import LakeState, SourceState
from steam_assets.sources.source import Sensitivity


@dataclass(frozen=True)
class ReleasedTable:
    """A released table: its declaration in the lake and in the release, its row count and its partitions."""

    declared: DeclaredTable
    released: DeclaredTable
    rows: int
    files: int
    first: str
    last: str

    @property
    def withheld(self) -> list[str]:
        there = {column.name for column in self.released.columns}
        return [column.name for column in self.declared.columns if column.name not in there]


def card_text(state: LakeState, tables: Sequence[ReleasedTable]) -> str:
    """The card as Markdown."""
    parts = [
        f"# {'Synthetic ' if state.synthetic else ''}Steam market data, as of {state.as_of:%Y-%m-%d %H:%M} UTC",
        *([f"**{SYNTHETIC}**"] if state.synthetic else []),
        f"Made by steam-assets {version('steam-assets')}. All times are UTC; a week begins on Tuesday.",
        *_what(tables),
        *_how_to_read(tables),
        *_method(tables, state),
        *_gaps(state),
        *_withheld(tables),
        *(_SYNTHETIC_TERMS if state.synthetic else _terms(tables)),
    ]
    return "\n\n".join(parts) + "\n"


def _what(tables: Sequence[ReleasedTable]) -> Iterator[str]:
    yield "## What"
    lines = [
        "| table | content | partitions | rows | files | contract |",
        "|---|---|---|---|---|---|",
    ]
    for table in tables:
        name, contract = table.declared.name, f"contracts/{table.declared.name}{SUFFIX}"
        span = table.first if table.first == table.last else f"{table.first} to {table.last}"
        lines.append(
            f"| `{name}` | {table.declared.title} | {span} | {table.rows} | {table.files} | [contract]({contract}) |"
        )
    yield "\n".join(lines)
    yield (
        "A table's rows are in `data/TABLE/YYYY-MM.parquet`, by the month in which their period begins. Its contract "
        "(Open Data Contract Standard) has the meaning, type and unit of each column, keys, rules and freshness."
    )


def _how_to_read(tables: Sequence[ReleasedTable]) -> Iterator[str]:
    yield "## How to read it"
    example = tables[0].declared.name
    yield (
        "`sha256sum -c SHA256SUMS`, in this folder, verifies every file. Any program that reads Parquet reads the "
        "tables; with DuckDB, for example:"
    )
    yield f"```sql\nselect * from 'data/{example}/*.parquet' limit 5;\n```"


def _method(tables: Sequence[ReleasedTable], state: LakeState) -> Iterator[str]:
    yield "## Method"
    sources = {source.name: source for table in tables for source in table.declared.origins}
    yield "\n".join(f"- **{one.title}** ({one.cadence}): {one.description}" for one in sources.values())
    yield (
        f"Rows are what {'the simulator' if state.synthetic else 'the services'} answered, after cleaning: unusable "
        "items are set aside and counted below, and what was altered in a row is in its column `changes`. Nothing is "
        "filled in."
    )
    for table in tables:
        if table.declared.is_insight:
            yield (
                f"**{table.declared.title}** (`{table.declared.name}`). {table.declared.method} "
                f"*Limitations:* {table.declared.limitations}"
            )


def _gaps(state: LakeState) -> Iterator[str]:
    yield "## Gaps"
    for one in state.sources:
        yield "\n".join(_gaps_of(one))
    if state.behind:
        yield f"The insights do not include these partitions yet: {in_words(state.behind)}."


def _gaps_of(one: SourceState) -> Iterator[str]:
    title = f"**{one.source.title}** ({one.source.cadence})"
    if one.first is None:
        yield f"{title}: nothing was collected."
        return
    yield f"{title}, {one.first} to {one.last}:\n"
    for reason, ranges in one.gaps.items():
        yield f"- {', '.join(ranges)}: {reason}"
    if not one.gaps:
        yield "- no gap"
    for table, count in one.quarantined.items():
        if count:
            yield f"- {count} item{'s' if count > 1 else ''} of `{table}` set aside as unusable"


def _withheld(tables: Sequence[ReleasedTable]) -> Iterator[str]:
    yield "## People"
    yield "Columns that name a person or lead to one are not in this release, not even as pseudonyms."
    lines = [
        f"- `{table.declared.name}` without {', '.join(f'`{name}`' for name in table.withheld)}"
        for table in tables
        if table.withheld
    ]
    if lines:
        yield "\n".join(lines)
    texts = [
        f"`{table.released.name}.{column.name}`"
        for table in tables
        for column in table.released.columns
        if column.sensitivity is Sensitivity.TEXT
    ]
    if texts:
        yield f"Included on request, as written by people or publishers: {', '.join(texts)}. They may name people."
    else:
        yield "Texts by people and publishers are left out as well; `steam-assets release --with-text` includes them."
    yield (
        "Reviews are public: whoever asks Steam can find one by its app and time. Do not use the rows to identify "
        "people."
    )


_SYNTHETIC_TERMS = (
    "## Terms",
    f"{SYNTHETIC} They are provided as is, without warranty. steam-assets is not affiliated with Steam or Similarweb.",
)


def _terms(tables: Sequence[ReleasedTable]) -> Iterator[str]:
    yield "## Terms"
    hosts = {host.service: host for table in tables for host in hosts_with_terms(table.declared)}
    services = sorted({host.service for t in tables for source in t.declared.origins for host in source.hosts})
    named = [f"[{one}]({hosts[one].terms})" if one in hosts else one for one in services]
    yield (
        f"The data come from {' and '.join(named)} and stay subject to their terms of use, also when you pass them on. "
        "They are provided as is, without warranty. The license of steam-assets covers its code, not the data. "
        "steam-assets is not affiliated with these services."
    )
