"""Top sellers: Steam's hundred best-earning items of a week in the US, from Tuesday to Tuesday.

Belongs here: the requests, their validation and the clean table. Does not belong here: weeks on chart (insights/).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
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
    seconds,
    shaped,
    validated,
)
from steam_assets.sources.readers import Whole
from steam_assets.sources.source import (
    Column,
    Fetched,
    FetchRequest,
    History,
    InvalidResponse,
    Request,
    Source,
    SourceClient,
    Table,
)
from steam_assets.sources.steam import STEAM_API

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PATH = "/IStoreTopSellersService/GetWeeklyTopSellers/v1/"
CHART_LENGTH = 100


class Place(BaseModel):
    """A rank; its other fields are validated per row during cleaning."""

    rank: Annotated[Whole, Field(ge=1)]


class Page(BaseModel):
    """A page of the chart: the week's start (Unix seconds), its ranks, and where the next page starts (0-based)."""

    start_date: Annotated[Whole, Field(ge=0, le=2**32 - 1)]
    ranks: Annotated[list[Place], Field(max_length=200)] = []
    next_page_start: Whole | None = None


def _page(window: Window, body: bytes) -> Page:
    page = validated(Page, decode_service(body))
    if page.start_date != seconds(window.start):
        answered = datetime.fromtimestamp(page.start_date, UTC)
        raise InvalidResponse(f"requested the week of {window.key}, received that of {answered:%Y-%m-%d}")
    return page


def _require_consecutive(page: Page, first: int) -> None:
    ranks = sorted(place.rank for place in page.ranks)
    if ranks != list(range(first, first + len(ranks))):
        raise InvalidResponse(f"{len(ranks)} ranks that do not run on from {first}: one is missing or repeated")


def count(window: Window, _request: str, body: bytes) -> Mapping[str, int]:
    """The ranks on a page of the chart, whichever page it is."""
    page = _page(window, body)
    _require_consecutive(page, min((place.rank for place in page.ranks), default=1))
    return {"top_sellers": len(page.ranks)}


def parse(window: Window, page_start: int, body: bytes) -> Page:
    """The page. InvalidResponse if it is for another week, empty at the start, or its ranks are not consecutive."""
    page = _page(window, body)
    if not page.ranks and page_start == 0:
        raise InvalidResponse(f"no ranks for the week of {window.key}")
    _require_consecutive(page, page_start + 1)
    return page


def request(window: Window, page_start: int) -> Request[Page]:
    """The page of ``window``'s chart from ``page_start``. Both the chart's and the prices' country is the US."""
    query = {
        "country_code": "US",
        "context": {"language": "english", "country_code": "US"},
        "data_request": {"include_basic_info": True},
        "start_date": seconds(window.start),
        "page_start": page_start,
        "page_count": CHART_LENGTH,
    }
    return Request(STEAM_API, "chart", PATH, {"input_json": json.dumps(query)}, partial(parse, window, page_start))


def extract(client: SourceClient, fetch_request: FetchRequest) -> Iterator[Fetched]:
    """Fetch the chart's pages until it has a hundred ranks or ends."""
    had = 0
    while True:
        response = client.fetch(request(fetch_request.window, had))
        ranks = len(response.value.ranks)
        yield Fetched(response, {"top_sellers": ranks})
        had += ranks
        if not ranks or had >= CHART_LENGTH or response.value.next_page_start is None:
            return


def items(raw: DataFrame) -> DataFrame:
    """One row per rank."""
    entries = exploded(
        raw,
        shape="response struct<ranks: array<{item}>>",
        array="{whole}.response.ranks",
        item="rank bigint, appid bigint, last_week_rank bigint, consecutive_weeks double, first_top100 boolean, "
        f"item {STORE_ITEM}",
    )
    last = "nullif(entry.last_week_rank, 0)"
    values = STORE_VALUES | {
        "week_start": "to_date(partition_key)",
        "rank": "entry.rank",
        "app_id": "entry.appid",
        "last_week_rank": last,
        "consecutive_weeks": "entry.consecutive_weeks",
        # Steam omits false values; an imported chart omits what was not kept.
        "first_top100": "coalesce(entry.first_top100, if(notes is null, false, null))",
        "movement": f"case when {last} > entry.rank then 'up' when {last} < entry.rank then 'down' "
        f"when {last} = entry.rank then 'same' when entry.first_top100 then 'new' "
        "when notes is null then 'returning' end",
    }
    return shaped(entries, TABLE.columns, values)


TABLE = Table(
    name="top_sellers",
    description="Steam's hundred top sellers of a week in the US. Names and prices are as of collection.",
    columns=(
        Column("week_start", "date", "Tuesday (UTC) on which the week begins.", nullable=False),
        Column("rank", "int", "Rank by revenue.", nullable=False),
        Column("app_id", "bigint", "Steam's app id; includes hardware and DLC, not only games.", nullable=False),
        Column("last_week_rank", "int", "Rank in the week before; null if it was not on the chart."),
        Column("consecutive_weeks", "bigint", "Weeks on the chart without a gap, this one included.", "weeks"),
        Column("first_top100", "boolean", "Whether this is its first week ever on the chart; null if not kept."),
        Column(
            "movement", "string", "up, down, same, new or returning, compared with the week before; null if not kept."
        ),
        *STORE_COLUMNS,
    ),
    key=("rank",),
    picture=True,
    ranked=("rank", "app_id"),
    items=items,
    rules={
        "rank_from_1": "rank >= 1",
        "app_id_positive": "app_id > 0",
        "last_week_rank_from_1": "last_week_rank >= 1",
    },
)

SOURCE = Source(
    name="top_sellers",
    title="Top sellers",
    description="The hundred best-earning items of a finished week in the US store.",
    hosts=(STEAM_API,),
    cadence=Cadence.WEEKLY,
    history=History.BY_WINDOW,
    due_after=timedelta(hours=36),
    extract=extract,
    count=count,
    tables=(TABLE,),
)
