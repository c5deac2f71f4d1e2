"""Concurrent players of each charted or watched game, sampled many times a day.

Belongs here: a sample's requests, their validation, the clean table. Does not belong here: when a sample is due
(sampling.py), curves and peaks (insights/).

A sample is the chart of the games with the most players, and a request for each watched app that is not on it. It
belongs to the day on which Steam counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from steam_assets.sources import most_played
from steam_assets.sources.cadence import Cadence, Window
from steam_assets.sources.json_body import decode_service, exploded, shaped
from steam_assets.sources.readers import whole, whole_of
from steam_assets.sources.sampling import Minutes
from steam_assets.sources.source import (
    Column,
    Fetched,
    FetchRequest,
    History,
    InvalidResponse,
    Rejected,
    Request,
    Source,
    SourceClient,
    Table,
)
from steam_assets.sources.steam import STEAM_API, service_request, store_context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

CHART, APP, APP_PATH = "chart", "app", "/ISteamUserStats/GetNumberOfCurrentPlayers/v1/"
# Without names, which other tables have, a sample is a tenth of the size.
QUERY = store_context("US")


class Options(BaseModel):
    """The source's options."""

    minutes_between: Minutes = Field(default=60, description="Minutes between two samples.")


def parse_app(body: bytes) -> int:
    """1 if the response has a number of players, 0 if Steam does not know the app; otherwise InvalidResponse."""
    result, players = map(whole_of, map(decode_service(body).get, ("result", "player_count")))
    if result is None or (result == 1 and players is None):
        raise InvalidResponse("`result` or `player_count` is missing")
    return int(result == 1)


def count(window: Window, request: str, body: bytes) -> Mapping[str, int]:
    """The numbers of players in a response."""
    return {"player_samples": parse_app(body) if request == APP else len(most_played.parse(window, body).ranks)}


def extract(client: SourceClient, fetch_request: FetchRequest) -> Iterator[Fetched]:
    """Fetch the chart, then the players of each watched app that is not on it."""
    parse = partial(most_played.parse, fetch_request.window)
    chart = client.fetch(service_request(CHART, most_played.PATH, QUERY, parse))
    yield Fetched(chart, {"player_samples": len(chart.value.ranks)})
    charted = {whole_of(place.appid) for place in chart.value.ranks}
    for app in (app for app in fetch_request.apps if app not in charted):
        players = client.fetch_or_reject(Request(STEAM_API, APP, APP_PATH, {"appid": str(app)}, parse_app, app))
        yield Fetched(players, {"player_samples": players.items if isinstance(players, Rejected) else players.value})


def items(raw: DataFrame) -> DataFrame:
    """One row per game of a chart, and per watched app that Steam knows."""
    ranks = most_played.counted(raw.where(f"request = '{CHART}'"))
    shape, known = "response struct<result: string, player_count: string>", f"{whole('{whole}.response.result')} = 1"
    number = f"if({known}, array(named_struct('players', {{whole}}.response.player_count)), null)"
    apps = exploded(raw.where(f"request = '{APP}'"), shape=shape, array=number)
    rank = "struct(app_id AS appid, null AS rank, entry.players AS concurrent_in_game, null AS players_peak) AS entry"
    watched = apps.selectExpr("* EXCEPT (entry)", rank, "fetched_at AS counted_at")
    return shaped(ranks, TABLE, changes=most_played.PEAK_NOTE).union(shaped(watched, TABLE))


CHARTED = {column.name: column for column in most_played.TABLE.columns}
TABLE = Table(
    name="player_samples",
    description="Players of charted and watched games, many times a day. A sample that was not taken is a gap.",
    columns=(
        CHARTED["day"],
        CHARTED["sampled_at"].described("When Steam counted (UTC); of a watched app, when it answered."),
        CHARTED["app_id"],
        Column("rank", "int", "Rank by players at that time; null for a watched app that is not charted."),
        CHARTED["players_now"].described("Players in the game at that time."),
        Column("players_peak", "bigint", "Most players since 24 hours before, by Steam; charted games.", "players"),
    ),
    key=("app_id", "sampled_at"),
    items=items,
    rules=most_played.RULES,
)

SOURCE = Source(
    name="player_samples",
    title="Players through the day",
    description="Concurrent players of each charted or watched game, sampled many times a day.",
    hosts=(STEAM_API,),
    cadence=Cadence.DAILY,
    history=History.LIVE,
    watched=True,
    sampled_every="minutes_between",
    options=Options,
    requests=(CHART, APP),
    extract=extract,
    count=count,
    tables=(TABLE,),
)
