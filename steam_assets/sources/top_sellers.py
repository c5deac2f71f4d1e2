"""Top sellers: Steam's hundred best-earning items of a week in the US, from Tuesday to Tuesday.

Belongs here: the requests, their validation and the clean table. Does not belong here: weeks on chart (insights/).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field

from steam_assets.sources.cadence import Cadence, Window
from steam_assets.sources.json_body import (
    decode_service,
    exploded_list,
    seconds,
    shaped,
    validated,
)
from steam_assets.sources.ranks import require_apps_once
from steam_assets.sources.readers import Whole
from steam_assets.sources.source import (
    Column,
    Fetched,
    FetchRequest,
    History,
    InvalidResponse,
    Request,
    Response,
    Source,
    SourceClient,
    Table,
)
from steam_assets.sources.steam import STEAM_API, service_request, store_context
from steam_assets.sources.store_columns import IN_CHART
from steam_assets.sources.store_country import Charts, require_another_chart, require_prices_of
from steam_assets.sources.store_item import CHARTED_ITEM, with_charted_item

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

REQUEST, PATH = "chart", "/IStoreTopSellersService/GetWeeklyTopSellers/v1/"
CHART_LENGTH = 100


class Place(BaseModel):
    """A rank; its other fields are validated per row during cleaning."""

    rank: Annotated[Whole, Field(ge=1)]
    appid: object = None


class Page(BaseModel):
    """A page of the chart: the week's start (Unix seconds), its ranks, and where the next page starts (0-based)."""

    start_date: Annotated[Whole, Field(ge=0, le=2**32 - 1)]
    ranks: Annotated[list[Place], Field(max_length=200)] = []
    next_page_start: Whole | None = None

    @property
    def app_ids(self) -> list[object]:
        """The ids of its apps as sent, by any JSON type."""
        return [place.appid for place in self.ranks]


def _page(window: Window, country: str, body: bytes) -> Page:
    page = validated(Page, decode_service(body))
    if page.start_date != seconds(window.start):
        answered = datetime.fromtimestamp(page.start_date, UTC)
        raise InvalidResponse(f"requested the week of {window.key}, received that of {answered:%Y-%m-%d}")
    require_prices_of(country, body)
    return page


def _require_consecutive(page: Page, first: int) -> None:
    ranks = sorted(place.rank for place in page.ranks)
    if ranks != list(range(first, first + len(ranks))):
        raise InvalidResponse(f"{len(ranks)} ranks that do not run on from {first}: one is missing or repeated")


def count(window: Window, _request: str, body: bytes) -> Mapping[str, int]:
    """The ranks on a page of the chart."""
    return {"top_sellers": ranks_of(window, "US", body)}


def ranks_of(window: Window, country: str, body: bytes) -> int:
    """The number of ranks on any page of a chart. InvalidResponse if the page is not from a week's chart."""
    page = _page(window, country, body)
    require_apps_once(page.app_ids)
    _require_consecutive(page, min((place.rank for place in page.ranks), default=1))
    return len(page.ranks)


def parse(
    window: Window,
    country: str,
    before: Sequence[object],
    required: bool,
    others: Charts,
    body: bytes,
) -> Page:
    """Return the page that follows the ranks of the app ids ``before``.

    Raises InvalidResponse if it is for another week or country, has missing ranks, repeats an app, or is empty although
    ``required``. ``others`` are the first pages of other countries' charts, to which this one is added.
    """
    page = _page(window, country, body)
    if not page.ranks and required:
        raise InvalidResponse(f"no ranks for the week of {window.key}")
    _require_consecutive(page, len(before) + 1)
    require_apps_once([*before, *page.app_ids])
    if not before:
        require_another_chart(page.app_ids, country, others)
    return page


def chart_pages(
    client: SourceClient,
    window: Window,
    country: str,
    *,
    name: str = REQUEST,
    required: bool = True,
    others: Charts | None = None,
) -> Iterator[Response[Page]]:
    """The pages of a week's chart in a country, until it has a hundred ranks or ends; empty only if not ``required``.

    The country is also that of names and prices, whose currency is the country's. ``name`` is that of the requests;
    ``others`` are charts that this one must differ from, to which it is added.
    """
    had, others = list[object](), {} if others is None else others
    while True:
        valid = partial(parse, window, country, [*had], required and not had, others)
        response = client.fetch(_request(window, len(had), country, name, valid))
        yield response
        had += response.value.app_ids
        if not response.value.ranks or len(had) >= CHART_LENGTH or response.value.next_page_start is None:
            return


def _request(window: Window, page_start: int, country: str, name: str, valid: Callable[[bytes], Page]) -> Request[Page]:
    query = {
        "country_code": country,
        **store_context(country),
        "data_request": {"include_basic_info": True},
        "start_date": seconds(window.start),
        "page_start": page_start,
        "page_count": CHART_LENGTH,
    }
    return service_request(name, PATH, query, valid)


def extract(client: SourceClient, fetch_request: FetchRequest) -> Iterator[Fetched]:
    """Fetch the chart's pages."""
    for response in chart_pages(client, fetch_request.window, "US"):
        yield Fetched(response, {"top_sellers": len(response.value.ranks)})


def items(raw: DataFrame) -> DataFrame:
    """One row per rank."""
    return shaped(chart_entries(raw), TABLE, changes="left_out")


def chart_entries(raw: DataFrame) -> DataFrame:
    """The ranks of pages of charts, as PLACE_COLUMNS and IN_CHART read them; ``left_out`` is a note."""
    return with_charted_item(
        exploded_list(
            raw,
            "ranks",
            "rank bigint, appid bigint, last_week_rank bigint, consecutive_weeks double, first_top100 boolean, "
            f"item {CHARTED_ITEM}",
        )
    )


LAST = "nullif(entry.last_week_rank, 0)"
PLACE_COLUMNS = (
    Column("week_start", "date", "Tuesday (UTC) on which the week begins.", nullable=False).of(
        "to_date(partition_key)"
    ),
    Column("rank", "int", "Rank by revenue.", nullable=False),
    Column("app_id", "bigint", "Steam's app id; includes hardware and DLC, not only games.", nullable=False).of(
        "entry.appid"
    ),
    Column("last_week_rank", "int", "Rank in the week before; null if it was not on the chart.").of(LAST),
    Column("consecutive_weeks", "bigint", "Weeks on the chart without a gap, this one included.", "weeks"),
    # Steam omits false values; an imported chart omits what was not kept.
    Column("first_top100", "boolean", "Whether this is its first week ever on the chart; null if not kept.").of(
        "coalesce(entry.first_top100, if(notes is null, false, null))"
    ),
    Column(
        "movement", "string", "up, down, same, new or returning, compared with the week before; null if not kept."
    ).of(
        f"case when {LAST} > entry.rank then 'up' when {LAST} < entry.rank then 'down' "
        f"when {LAST} = entry.rank then 'same' when entry.first_top100 then 'new' "
        "when notes is null then 'returning' end"
    ),
)
PLACE_RULES = {
    "rank_from_1": "rank >= 1",
    "app_id_positive": "app_id > 0",
    "last_week_rank_from_1": "last_week_rank >= 1",
}

TABLE = Table(
    name="top_sellers",
    description="Steam's hundred top sellers of a week in the US. Names and prices are as of collection.",
    columns=(*PLACE_COLUMNS, *IN_CHART),
    key=("rank",),
    full_snapshot=True,
    ranked=("rank", "app_id"),
    items=items,
    rules=PLACE_RULES,
)

SOURCE = Source(
    name="top_sellers",
    title="Top sellers",
    description="The hundred best-earning items of a finished week in the US store.",
    hosts=(STEAM_API,),
    cadence=Cadence.WEEKLY,
    history=History.BY_WINDOW,
    due_after=timedelta(hours=36),
    requests=(REQUEST,),
    extract=extract,
    count=count,
    tables=(TABLE,),
)
