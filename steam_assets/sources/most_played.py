"""Most played: Steam's chart of the hundred games with the most players at this moment, once a day.

Belongs here: the request, the answer's rules and the clean table. Does not belong here: trends (insights/).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field

from steam_assets.sources.cadence import Cadence, Window
from steam_assets.sources.json_body import (
    STORE_COLUMNS,
    STORE_ITEM,
    STORE_VALUES,
    decode_service,
    exploded,
    moment_of,
    shaped,
    validated,
)
from steam_assets.sources.readers import Whole, below_zero, whole
from steam_assets.sources.source import (
    Answer,
    Column,
    FetchRequest,
    History,
    InvalidAnswer,
    NotYet,
    Request,
    Source,
    SourceClient,
    Table,
)
from steam_assets.sources.steam import STEAM_API

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PATH = "/ISteamChartsService/GetGamesByConcurrentPlayers/v1/"
QUERY = {
    "context": {"language": "english", "country_code": "US"},
    "data_request": {"include_basic_info": True},
}

STALE_AT_MIDNIGHT = timedelta(hours=1)
"""How old a chart may be soon after midnight for a new one to be worth waiting for; Steam counts every few minutes."""

LATE_PEAK = (
    f"({below_zero('entry.peak_in_game')} or entry.peak_in_game < entry.concurrent_in_game "
    "and entry.peak_in_game >= entry.concurrent_in_game / 2)"
)
"""SQL: the game is setting its peak while Steam counts, so that more are in it now than ever that day.

The peak is then set to the present number, which it is at least: a null would lose the game from every ranking by peak.
So it is with a peak below zero. A peak of less than half the present number is another matter: the row breaks a rule.
"""


class Place(BaseModel):
    """A rank; the rest of it is judged row by row in clean."""

    rank: Annotated[Whole, Field(ge=1)]


class Chart(BaseModel):
    """The answer: when Steam counted (Unix seconds) and 1 to 200 ranks, from 1 on without a gap."""

    last_update: Annotated[Whole, Field(ge=0, le=2**32 - 1)]
    ranks: Annotated[list[Place], Field(min_length=1, max_length=200)]


def parse(window: Window, body: bytes) -> Chart:
    """The chart. InvalidAnswer if it is not one, has gaps, or was counted outside the window; NotYet if just before."""
    chart = validated(Chart, decode_service(body))
    ranks = sorted(place.rank for place in chart.ranks)
    if ranks != list(range(1, len(ranks) + 1)):
        raise InvalidAnswer(f"{len(ranks)} ranks that do not run from 1 to {len(ranks)}: one is missing or repeated")
    counted = datetime.fromtimestamp(chart.last_update, UTC)
    if window.start - STALE_AT_MIDNIGHT <= counted < window.start:
        raise NotYet(f"the chart is still that of {counted:%Y-%m-%d %H:%M} UTC, from before {window.key} began")
    if counted not in window:
        raise InvalidAnswer(f"the chart was counted at {counted:%Y-%m-%d %H:%M} UTC, which is not in {window.key}")
    return chart


def extract(client: SourceClient, fetch_request: FetchRequest) -> Iterator[Answer]:
    """One answer: the chart as it is now."""
    params = {"input_json": json.dumps(QUERY)}
    response = client.fetch(Request(STEAM_API, "chart", PATH, params, partial(parse, fetch_request.window)))
    yield Answer(response, {"most_played": len(response.value.ranks)})


def items(raw: DataFrame) -> DataFrame:
    """A row a rank."""
    entries = exploded(
        raw,
        shape="response struct<last_update: string, ranks: array<{item}>>",
        array="{whole}.response.ranks",
        item=f"rank bigint, appid bigint, concurrent_in_game double, peak_in_game double, item {STORE_ITEM}",
        keep={"last_update": whole("{whole}.response.last_update")},
    )
    values = STORE_VALUES | {
        "day": "to_date(partition_key)",
        "rank": "entry.rank",
        "app_id": "entry.appid",
        "players_now": "entry.concurrent_in_game",
        "players_peak": f"if({LATE_PEAK}, entry.concurrent_in_game, entry.peak_in_game)",
        "sampled_at": moment_of("last_update"),
    }
    sent = "'`players_peak` set to `players_now`: Steam, which was still counting, sent ' || entry.peak_in_game"
    note = f"if({LATE_PEAK}, {sent}, null)"
    return shaped(entries, TABLE.columns, values, changes=note)


TABLE = Table(
    name="most_played",
    description="Steam's hundred games with the most players, as counted once on the day.",
    columns=(
        Column("day", "date", "Day (UTC) to which the count belongs.", nullable=False),
        Column("rank", "int", "Place by players at the time of the count.", nullable=False),
        Column("app_id", "bigint", "Steam's number of the app.", nullable=False),
        Column("players_now", "bigint", "Players in the game at the time of the count.", "players", nullable=False),
        Column("players_peak", "bigint", "Most players in the 24 hours before the count.", "players", nullable=False),
        Column("sampled_at", "timestamp", "When Steam counted (UTC).", nullable=False),
        *STORE_COLUMNS,
    ),
    key=("rank",),
    picture=True,
    ranked=("rank", "app_id"),
    items=items,
    rules={
        "rank_from_1": "rank >= 1",
        "app_id_positive": "app_id > 0",
        "peak_not_below_now": "players_peak >= players_now",
    },
)

SOURCE = Source(
    name="most_played",
    title="Most played",
    description="The hundred games with the most players now, with names and prices of the US store.",
    hosts=(STEAM_API,),
    cadence=Cadence.DAILY,
    history=History.LIVE,
    extract=extract,
    tables=(TABLE,),
)
