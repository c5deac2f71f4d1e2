"""Most played: Steam's chart of the hundred games with the most players at this moment, once a day.

Belongs here: the request, its validation and the clean table. Does not belong here: trends (insights/).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field

from steam_assets.sources.cadence import Cadence, Window
from steam_assets.sources.json_body import (
    decode_service,
    exploded,
    moment_of,
    shaped,
    validated,
)
from steam_assets.sources.ranks import require_apps_once
from steam_assets.sources.readers import Whole, below_zero, whole
from steam_assets.sources.source import (
    Column,
    Fetched,
    FetchRequest,
    History,
    InvalidResponse,
    NotYet,
    Source,
    SourceClient,
    Table,
)
from steam_assets.sources.steam import STEAM_API, service_request, store_context
from steam_assets.sources.store_columns import IN_CHART
from steam_assets.sources.store_country import require_prices_of
from steam_assets.sources.store_item import CHARTED_ITEM, with_charted_item

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

REQUEST, PATH = "chart", "/ISteamChartsService/GetGamesByConcurrentPlayers/v1/"
QUERY = store_context("US") | {"data_request": {"include_basic_info": True}}

STALE_AT_MIDNIGHT = timedelta(hours=1)
"""Soon after midnight, wait for a new chart if the old one is at most this old; Steam counts every few minutes."""

LATE_PEAK = (
    f"({below_zero('entry.peak_in_game')} or entry.peak_in_game < entry.concurrent_in_game "
    "and entry.peak_in_game >= entry.concurrent_in_game / 2)"
)
"""SQL: the game is reaching its peak while Steam counts, so the current number exceeds the day's peak.

The peak is then set to the current number, its lower bound: a null would drop the game from every ranking by peak. The
same applies to a peak below zero. A peak of less than half the current number breaks a rule instead.
"""


class Place(BaseModel):
    """A rank; its other fields are validated per row during cleaning."""

    rank: Annotated[Whole, Field(ge=1)]
    appid: object = None


class Chart(BaseModel):
    """The response: when Steam counted (Unix seconds) and 1 to 200 ranks, from 1 without gaps."""

    last_update: Annotated[Whole, Field(ge=0, le=2**32 - 1)]
    ranks: Annotated[list[Place], Field(min_length=1, max_length=200)]


def parse(window: Window, body: bytes) -> Chart:
    """Return the chart.

    Raises InvalidResponse if it is invalid, has missing ranks or an app twice, or is for another day or country; NotYet
    if Steam still returns the count from just before midnight UTC.
    """
    chart = validated(Chart, decode_service(body))
    require_prices_of("US", body)
    ranks = sorted(place.rank for place in chart.ranks)
    if ranks != list(range(1, len(ranks) + 1)):
        raise InvalidResponse(f"{len(ranks)} ranks that do not run from 1 to {len(ranks)}: one is missing or repeated")
    require_apps_once(place.appid for place in chart.ranks)
    counted = datetime.fromtimestamp(chart.last_update, UTC)
    if window.start - STALE_AT_MIDNIGHT <= counted < window.start:
        raise NotYet(f"the chart is still that of {counted:%Y-%m-%d %H:%M} UTC, from before {window.key} began")
    if counted not in window:
        raise InvalidResponse(f"the chart was counted at {counted:%Y-%m-%d %H:%M} UTC, which is not in {window.key}")
    return chart


def count(window: Window, _request: str, body: bytes) -> Mapping[str, int]:
    """The ranks in a chart."""
    return {"most_played": len(parse(window, body).ranks)}


def extract(client: SourceClient, fetch_request: FetchRequest) -> Iterator[Fetched]:
    """Fetch the current chart."""
    response = client.fetch(service_request(REQUEST, PATH, QUERY, partial(parse, fetch_request.window)))
    yield Fetched(response, {"most_played": len(response.value.ranks)})


def items(raw: DataFrame) -> DataFrame:
    """One row per rank."""
    entries = with_charted_item(counted(raw, f"item {CHARTED_ITEM}"))
    return shaped(entries, TABLE, changes=f"{PEAK_NOTE}, left_out")


def counted(raw: DataFrame, *more: str) -> DataFrame:
    """The ranks of charts, with ``players_peak`` and ``counted_at``; ``more`` is DDL of further fields of a rank."""
    from pyspark.sql import functions as F

    fields = ("rank bigint", "appid bigint", "concurrent_in_game double", "peak_in_game double", *more)
    last_update = whole("{whole}.response.last_update")
    shape = "response struct<last_update: string, ranks: array<{item}>>"
    array, item = "{whole}.response.ranks", ", ".join(fields)
    ranks = exploded(raw, shape=shape, array=array, item=item, keep={"last_update": last_update})
    peak = F.expr(f"if({LATE_PEAK}, entry.concurrent_in_game, entry.peak_in_game)")
    peaked = F.col("entry").withField("players_peak", peak)
    return ranks.withColumns({"entry": peaked, "counted_at": F.expr(moment_of("last_update"))})


PEAK_NOTE = (
    f"if({LATE_PEAK}, '`players_peak` set to `players_now`: Steam, which was still counting, sent ' || "
    "entry.peak_in_game, null)"
)
RULES = {
    "rank_from_1": "rank >= 1",
    "app_id_positive": "app_id > 0",
    "peak_not_below_now": "players_peak >= players_now",
}

TABLE = Table(
    name="most_played",
    description="Steam's hundred games with the most players, counted once a day.",
    columns=(
        Column("day", "date", "Day (UTC) of the count.", nullable=False).of("to_date(partition_key)"),
        Column("rank", "int", "Rank by players at the time of the count.", nullable=False),
        Column("app_id", "bigint", "Steam's app id.", nullable=False).of("entry.appid"),
        Column("players_now", "bigint", "Players in the game at the time of the count.", "players", nullable=False).of(
            "entry.concurrent_in_game"
        ),
        Column("players_peak", "bigint", "Most players in the 24 hours before the count.", "players", nullable=False),
        Column("sampled_at", "timestamp", "When Steam counted (UTC).", nullable=False).of("counted_at"),
        *IN_CHART,
    ),
    key=("rank",),
    full_snapshot=True,
    ranked=("rank", "app_id"),
    items=items,
    rules=RULES,
)

SOURCE = Source(
    name="most_played",
    title="Most played",
    description="The hundred games with the most players now, with names and prices of the US store.",
    hosts=(STEAM_API,),
    cadence=Cadence.DAILY,
    history=History.LIVE,
    requests=(REQUEST,),
    extract=extract,
    count=count,
    tables=(TABLE,),
)
