"""The old charts: most played per day and top sellers per week, as the old collector scraped them from Steam's pages.

Belongs here: their columns, and the week a chart shows. Does not belong here: today's chart sources (sources/).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time

from steam_assets.ingestion.history.old_file import (
    BROKEN,
    Csv,
    OldFile,
    Piece,
    Reading,
    Unreadable,
    flag,
    number,
    read_csv,
)
from steam_assets.sources.cadence import TUESDAY, Cadence, Window
from steam_assets.sources.ranks import in_short, missing_ranks, repeated

PLAYERS = ("Rank", "Game Name", "Free to Play", "Current Players", "Peek Today", "Collection Date")
SELLERS = ("Rank", "Game Name", "Free to Play")
SELLERS_WITH_IDS = (*SELLERS, "App ID", "Collection Date")
APP_IDS = ("App ID",)

NO_APP_ID = "no app id in the file, and the name does not identify the app for certain"
ON_PAGE = "is_free as the chart's page showed it; price, type and early access were not kept"
NO_HOUR = "the hour of collection is not known; fetched_at is the earliest moment it can have been"
PLAYER_NOTES = (
    "the day is the collector's; its time zone is not known",
    "name with _ where the old collector took a comma out",
    ON_PAGE,
    NO_HOUR,
)
SELLER_NOTES = (
    "name without its punctuation and all letters that are not ASCII, as the old collector kept it",
    "last_week_rank, consecutive_weeks, first_top100 and movement were not kept",
    ON_PAGE,
    NO_HOUR,
)
BY_PLACE = "app_id by its place in the file of app ids beside the chart"


def read_most_played(file: OldFile, _beside: OldFile | None) -> Reading:
    """Read a daily chart without app ids. Raises Unreadable if its rows have other dates than its name."""
    table = read_csv(file, PLAYERS)
    _require_day(table, file)
    ranks = [
        {
            "rank": number(row["Rank"]),
            "concurrent_in_game": number(row["Current Players"]),
            "peak_in_game": number(row["Peek Today"]),
            "item": _item(row),
        }
        for row in table.rows
    ]
    piece = Piece(
        partition_key=Cadence.DAILY.containing(file.midnight).key,
        request="chart",
        body=_body([*ranks, *map(str.strip, table.broken)], file),
        items={"most_played": len(ranks) + len(table.broken)},
        fetched_at=file.midnight,
        unusable=_counts({NO_APP_ID: len(ranks), BROKEN: len(table.broken)}),
    )
    return Reading([piece], PLAYER_NOTES)


def read_top_sellers(file: OldFile, beside: OldFile | None) -> Reading:
    """Read a weekly chart. ``beside`` is the file of app ids, one line per rank, if the chart itself has none.

    The old collector requested the last finished week. Its first version dated the file with that week's Tuesday, later
    ones with the day of collection. Raises Unreadable if its ranks cannot be a chart, which cleaning would refuse.
    """
    table = read_csv(file, SELLERS, SELLERS_WITH_IDS)
    own_ids = "App ID" in table.rows[0]
    window = _named_week(table, file) if own_ids else Cadence.WEEKLY.latest_finished(file.midnight)
    ids = [row["App ID"] for row in table.rows] if own_ids else _ids_by_place(table, beside)
    ranks = [_seller(row, ids[place] if ids else None) for place, row in enumerate(table.rows)]
    missing = sum("appid" not in rank for rank in ranks)
    _require_chart(ranks, missing + len(table.broken))
    used = [file, beside] if ids and beside and not own_ids else [file]
    piece = Piece(
        partition_key=window.key,
        request="chart",
        body=_body([*ranks, *map(str.strip, table.broken)], *used),
        items={"top_sellers": len(ranks) + len(table.broken)},
        fetched_at=max(file.midnight, window.end),
        unusable=_counts({NO_APP_ID: missing, BROKEN: len(table.broken)}),
    )
    return Reading([piece], (*SELLER_NOTES, BY_PLACE) if len(used) > 1 else SELLER_NOTES)


def _counts(unusable: Mapping[str, int]) -> dict[str, int]:
    return {reason: rows for reason, rows in unusable.items() if rows}


def _require_chart(ranks: Sequence[Mapping[str, object]], unusable: int) -> None:
    """Raise Unreadable if an app is at two ranks, or more ranks are missing than there are ``unusable`` rows."""
    if twice := repeated(rank["appid"] for rank in ranks if "appid" in rank):
        raise Unreadable(f"app {in_short(twice)} has two ranks in it")
    known = [rank for row in ranks if isinstance(rank := row["rank"], int) and rank > 0]
    missing, first = missing_ranks(known)
    if missing > unusable + len(ranks) - len(known):
        raise Unreadable(f"rank {in_short(first)} is missing")


def _seller(row: Mapping[str, str], app_id: str | None) -> dict[str, object]:
    known = {"appid": number(app_id)} if app_id and app_id.strip() else {}
    return {"rank": number(row["Rank"]), **known, "item": _item(row)}


def _ids_by_place(table: Csv, beside: OldFile | None) -> list[str] | None:
    """The app ids, if there is exactly one for each of the ranks 1, 2, 3, …: a gap would shift all ids after it."""
    if beside is None or table.broken:
        return None
    try:
        ids = read_csv(beside, APP_IDS)
    except Unreadable:
        return None
    in_order = [number(row["Rank"]) for row in table.rows] == list(range(1, len(table.rows) + 1))
    return [row["App ID"] for row in ids.rows] if in_order and len(ids.rows) == len(table.rows) else None


def _named_week(table: Csv, file: OldFile) -> Window:
    _require_day(table, file)
    if file.day.weekday() != TUESDAY:
        raise Unreadable(f"a chart with app ids is named by its week's Tuesday, and {file.day} is not a Tuesday")
    return Cadence.WEEKLY.containing(datetime.combine(file.day, time(), UTC))


def _require_day(table: Csv, file: OldFile) -> None:
    days = {row["Collection Date"].strip() for row in table.rows}
    if days != {file.day.isoformat()}:
        others = ", ".join(sorted(days - {file.day.isoformat()})[:3])
        raise Unreadable(f"its name has {file.day} but its rows have {others[:60]}; it is unknown which one is right")


def _item(row: Mapping[str, str]) -> dict[str, object]:
    return {"name": row["Game Name"], "is_free": flag(row["Free to Play"], "1", "0")}


def _body(ranks: Sequence[Mapping[str, object] | str], *files: OldFile) -> bytes:
    body = {"response": {"ranks": ranks}, "imported_files": [file.as_json() for file in files]}
    return json.dumps(body, ensure_ascii=False).encode()
