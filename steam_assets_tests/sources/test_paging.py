"""How sources page: each request's parameters, when paging stops, and what is counted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from steam_assets.sources import source_named
from steam_assets.sources.monthly_visits import SIMILARWEB, SIMILARWEB_API
from steam_assets.sources.review_tables import FRESH_HEADER
from steam_assets.sources.source import Fetched, FetchRequest, InvalidResponse, NotYet, Rejected, Request, Response

NOW = datetime(2026, 11, 25, 6, tzinfo=UTC)
WEEK = source_named("news").cadence.window("2026-11-17")
START = int(WEEK.start.timestamp())
END = int(WEEK.end.timestamp())


class CannedClient:
    """A client whose responses are a function of the request, and which records the requests."""

    def __init__(self, answer: Callable[[Request[Any]], object]) -> None:
        self.answer = answer
        self.asked: list[Request[Any]] = []

    def fetch(self, request: Request[Any]) -> Response[Any]:
        self.asked.append(request)
        body = json.dumps(self.answer(request)).encode()
        return Response(request, "https://host/", 200, {}, body, NOW, request.parse(body))

    def fetch_or_reject(self, request: Request[Any]) -> Response[Any] | Rejected:
        try:
            return self.fetch(request)
        except InvalidResponse as refused:
            return Rejected(request, "https://host/", 200, {}, b"", NOW, str(refused))

    def extract(self, name: str, apps: tuple[int, ...] = (), budget: int = 20, **more: Any) -> list[Fetched]:
        source = source_named(name)
        window = more.pop("window", WEEK)
        options = source.options.model_validate({"page_budget": budget})
        return list(source.extract(self, FetchRequest(window, NOW, apps, options, **more)))

    @property
    def queries(self) -> list[dict[str, Any]]:
        return [json.loads(request.params["input_json"]) for request in self.asked]


def review(number: int) -> dict[str, Any]:
    return {"recommendationid": str(number)}


def page(reviews: list[Any] | None, cursor: str, total: int = 0) -> dict[str, Any]:
    found = {"query_summary": {"num_reviews": len(reviews or ())}, "cursor": cursor, "total_matching": total}
    return {"response": found if reviews is None else found | {"reviews": reviews}}


def pages_of(pages: dict[str, list[dict[str, Any]]]) -> CannedClient:
    """Pages by cursor; of several under one cursor each is returned once, the last repeatedly."""

    def answer(request: Request[Any]) -> object:
        if request.name.startswith("summary"):
            return page([], "*")
        left = pages[json.loads(request.params["input_json"])["cursor"]]
        return left.pop(0) if len(left) > 1 else left[0]

    return CannedClient(answer)


def listed(answers: list[Fetched]) -> list[int]:
    return [answer.items["reviews"] for answer in answers if "reviews" in answer.items]


def test_paging_continues_after_a_short_page_and_stops_at_the_last_review() -> None:
    """A page of 99 of 100 is not the end; a page without reviews is."""
    full = [review(n) for n in range(99)]
    client = pages_of({"*": [page(full, "a+/=", 100)], "a+/=": [page([review(100)], "b")], "b": [page(None, "b", 100)]})
    assert listed(client.extract("reviews", (730,))) == [99, 1, 0]
    assert client.queries[1]["cursor"] == "a+/="


def test_an_end_that_steam_misreports_is_requested_again() -> None:
    """An empty page is requested again while reviews are missing, and only the last response is kept."""
    client = pages_of({"*": [page([review(1)], "a", 9)], "a": [page(None, "a", 9)] * 3 + [page([review(2)], "a", 9)]})
    assert listed(client.extract("reviews", (730,))) == [1, 1]
    stubborn = pages_of({"*": [page([review(1)], "a", 9)], "a": [page(None, "a", 9)]})
    assert listed(stubborn.extract("reviews", (730,))) == [1, 0]
    assert sum(query["cursor"] == "a" for query in stubborn.queries) == 6


@pytest.mark.parametrize(
    ("second", "pages"),
    [(page([review(2)], "*"), 2), (page([review(1)], "new"), 2), (page([review(2)], "a"), 2)],
    ids=["first cursor again", "only known reviews", "same cursor again"],
)
def test_paging_that_repeats_itself_ends(second: dict[str, Any], pages: int) -> None:
    """A repeated cursor, or a page of known reviews, ends the paging."""
    client = pages_of({"*": [page([review(1)], "a")], "a": [second], "new": [page([review(3)], "newer")]})
    assert len(listed(client.extract("reviews", (730,)))) == pages


ODD_CURSOR = "AoJ4+/%3D x=="


def test_a_repeated_cursor_is_followed_while_it_returns_new_reviews() -> None:
    """It is sent back unchanged, and a response without new reviews is not kept."""
    client = pages_of(
        {
            "*": [page([review(1)], ODD_CURSOR, 4)],
            ODD_CURSOR: [page([review(n)], ODD_CURSOR, 4) for n in (2, 3, 4)],
        }
    )
    assert listed(client.extract("reviews", (730,))) == [1, 1, 1, 1]
    assert [query["cursor"] for query in client.queries[1:-3]] == [ODD_CURSOR] * 4


@pytest.mark.parametrize("cursor", [None, "", 7, True, "ж", "a" * 600, "a\nb", ["x"]])
def test_a_page_whose_cursor_cannot_be_sent_back_keeps_its_reviews(cursor: Any) -> None:
    """Only a number is accepted in place of a text; with any other type the list ends there, after a retry."""
    first = page([review(1)], "", 9)
    first["response"]["cursor"] = cursor
    client = pages_of({"*": [first], "7": [page([review(2)], "b", 9)], "b": [page(None, "b", 9)]})
    assert listed(client.extract("reviews", (730,))) == ([1, 1, 0] if cursor == 7 else [1])


def test_a_null_cursor_with_reviews_left_is_requested_again() -> None:
    """The response with the most reviews is kept; if the next has a cursor, paging continues."""
    ending: dict[str, Any] = {"response": {"reviews": [review(2), review(3)], "cursor": None}}
    client = pages_of(
        {
            "*": [page([review(1)], "a", 9)],
            "a": [ending, page([review(2), review(3)], "b", 9)],
            "b": [ending | {"response": {"reviews": [review(4)]}}, page(None, "", 9)],
        }
    )
    assert listed(client.extract("reviews", (730,))) == [1, 2, 1]


def test_only_first_pages_and_counts_need_a_summary() -> None:
    """A later page without one is kept, an empty object ends the list, and a first page without one is rejected."""
    bare: dict[str, Any] = {"response": {"reviews": [review(2)], "cursor": "b", "total_matching": "2"}}
    client = pages_of({"*": [page([review(1)], "a", 2)], "a": [bare], "b": [{"response": {}}]})
    assert listed(client.extract("reviews", (730,))) == [1, 1, 0]
    refused = pages_of({"*": [bare]}).extract("reviews", (730,))
    assert [type(answer.response) for answer in refused] == [Rejected]


def test_overlapping_pages_are_counted_by_distinct_reviews() -> None:
    """The envelope of a page with repeated reviews says how many are new."""
    client = pages_of(
        {"*": [page([review(1), review(2)], "a")], "a": [page([review(2), review(3)], "b")], "b": [page(None, "b")]}
    )
    pages = [answer for answer in client.extract("reviews", (730,)) if "reviews" in answer.items]
    assert [answer.items["reviews"] for answer in pages] == [2, 2, 0]
    assert [answer.response.headers.get(FRESH_HEADER) for answer in pages] == [None, "1", None]


def test_reviews_without_a_vote_are_a_changed_contract_only_where_it_cannot_be_chance() -> None:
    """Steam omits false values: five negative reviews of five are plausible, 100 of 100 for a good game are not."""

    def answer(reviews: int, positive: int) -> dict[str, Any]:
        found = page([review(n) for n in range(reviews)], "a")
        found["response"]["query_summary"] |= {"total_reviews": str(reviews), "total_positive": positive}
        return found

    kept = [
        pages_of({"*": [answer(5, 0)], "a": [page(None, "a")]}),
        pages_of({"*": [answer(9, 1)], "a": [page(None, "a")]}),
    ]
    assert [listed(client.extract("reviews", (730,)))[0] for client in kept] == [5, 9]
    (refused,) = pages_of({"*": [answer(100, 80)]}).extract("reviews", (730,))
    assert isinstance(refused.response, Rejected)
    assert "voted_up" in refused.response.reason


def test_paging_stays_within_the_budget_and_requests_three_more_counts() -> None:
    """The page budget limits an app's pages; its counts over the agreed periods are requested in any case."""
    pages = {"*": [page([review(0)], "0")]} | {str(n): [page([review(n + 1)], str(n + 1))] for n in range(9)}
    client = pages_of(pages)
    answers = client.extract("reviews", (730,), budget=3)
    assert listed(answers) == [1, 1, 1]
    assert sum(answer.items["review_summary"] for answer in answers) == 4
    counts = {(q["date_range_start"], q["filter_offtopic_activity"]) for q in client.queries}
    assert counts == {(START, False), (START, True), (1, False), (1, True)}
    assert all(q["date_range_end"] == END - 1 and q["languages"] == ["all"] for q in client.queries)


def test_an_app_that_steam_refuses_does_not_affect_others() -> None:
    """An empty response for one app is kept as refused, and the next app is requested."""
    client = CannedClient(lambda request: {"response": {}} if request.app_id == 1 else page(None, "*"))
    answers = client.extract("reviews", (1, 2))
    assert [answer.response.request.app_id for answer in answers] == [1, 2, 2, 2, 2]
    assert isinstance(answers[0].response, Rejected)
    assert answers[0].items == {"reviews": 1}


def test_news_pages_back_to_the_weeks_start_and_counts_the_weeks_items() -> None:
    """Items are requested until they are older than the week. Overlaps are counted twice, and odd dates count."""
    dates = [END + 9, END - 1, END - 50, START, START - 1, START - 99]
    stock = [{"gid": str(n), "date": date} for n, date in enumerate(dates)]

    def answer(request: Request[Any]) -> object:
        found = [item for item in stock if item["date"] <= int(request.params["enddate"])][:2]
        return {"appnews": {"newsitems": found, "count": 1481}}

    client = CannedClient(answer)
    answers = client.extract("news", (730,))
    ends = [int(request.params["enddate"]) for request in client.asked]
    assert ends == sorted(ends, reverse=True)
    got = {item["gid"] for a in answers for item in getattr(a.response, "value").newsitems}  # noqa: B009
    assert {"1", "2", "3"} <= got
    odd = CannedClient(lambda _: {"appnews": {"newsitems": [{"date": "x"}, 5, {"date": END}], "count": 3}})
    assert [a.items["news"] for a in odd.extract("news", (730,))] == [2]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"appnews": None},
        {"appnews": {}},
        {"appnews": {"appid": 730}},
        {"appnews": {"appid": 730, "count": 0}},
        {"appnews": {"appid": 730, "newsitems": None}},
        {"appnews": {"appid": 730, "newsitems": [], "count": "0"}},
    ],
)
def test_an_app_without_news_has_no_item_in_any_format(body: object) -> None:
    """It is requested once, nothing is quarantined, and the response is kept."""
    client = CannedClient(lambda _: body)
    (answer,) = client.extract("news", (730,))
    assert isinstance(answer.response, Response)
    assert (answer.items, len(client.asked)) == ({"news": 0}, 1)


@pytest.mark.parametrize(
    "body",
    [{"response": {}}, {"appnews": {"items": [1]}}, {"appnews": []}, {"appnews": {"newsitems": {}}}, {"error": 1}],
)
def test_an_unknown_format_is_not_an_app_without_news(body: object) -> None:
    (answer,) = CannedClient(lambda _: body).extract("news", (730,))
    assert isinstance(answer.response, Rejected)
    assert answer.items == {"news": 1}


@pytest.mark.parametrize("count", [None, "x", -1, 2**32 - 1, 2**64 - 1, "2", 2.0])
def test_an_odd_count_of_news_does_not_end_the_paging(count: object) -> None:
    """Both pages are fetched, whatever total Steam reports."""
    stock = [{"gid": "1", "date": END - 1}, {"gid": "2", "date": f"{END - 9}"}]

    def answer(request: Request[Any]) -> object:
        found = [item for item in stock if int(item["date"]) <= int(request.params["enddate"])][:1]
        return {"appnews": {"newsitems": found, "count": count}}

    assert sum(a.items["news"] for a in CannedClient(answer).extract("news", (730,))) >= 2


def test_top_sellers_follow_the_pages_and_refuse_another_week() -> None:
    """Pages of ten give a hundred ranks in ten requests. For a chart of another week the error names both weeks."""

    def answer(request: Request[Any]) -> object:
        at = json.loads(request.params["input_json"])["page_start"]
        ranks = [{"rank": at + n + 1, "appid": at + n + 7} for n in range(10)]
        return {"response": {"start_date": START, "ranks": ranks, "next_page_start": at + 10}}

    client = CannedClient(answer)
    assert [a.items["top_sellers"] for a in client.extract("top_sellers")] == [10] * 10
    assert all(q["country_code"] == q["context"]["country_code"] == "US" for q in client.queries)
    other = CannedClient(lambda _: {"response": {"start_date": START - 604800, "ranks": [{"rank": 1}]}})
    with pytest.raises(InvalidResponse, match=r"2026-11-17.*2026-11-10"):
        other.extract("top_sellers")


@pytest.mark.parametrize(("ranks", "moment"), [([1, 1], START), ([1, 3], START), ([], START), ([1], START - 1)])
def test_a_chart_with_gaps_or_of_another_day_is_refused(ranks: list[int], moment: int) -> None:
    """A short list is accepted; a gap, a repeated rank or yesterday's count is not."""
    day = source_named("most_played").cadence.window("2026-11-17")
    good = CannedClient(lambda _: {"response": {"last_update": START, "ranks": [{"rank": 1}, {"rank": 2}]}})
    assert [a.items for a in good.extract("most_played", window=day)] == [{"most_played": 2}]
    bad = CannedClient(lambda _: {"response": {"last_update": moment, "ranks": [{"rank": rank} for rank in ranks]}})
    with pytest.raises(InvalidResponse):
        bad.extract("most_played", window=day)


@pytest.mark.parametrize("start", [str(START), float(START), f"{START}.0"])
def test_a_chart_is_the_same_in_any_notation_of_its_numbers(start: object) -> None:
    """Texts and fractions of zero are accepted; a rank that is not a whole number is rejected."""
    ranks = [{"rank": "1"}, {"rank": 2.0}]
    sellers = CannedClient(lambda _: {"response": {"start_date": start, "ranks": ranks, "next_page_start": None}})
    assert [a.items["top_sellers"] for a in sellers.extract("top_sellers")] == [2]
    day = source_named("most_played").cadence.window("2026-11-17")
    chart = CannedClient(lambda _: {"response": {"last_update": start, "ranks": ranks}})
    assert [a.items for a in chart.extract("most_played", window=day)] == [{"most_played": 2}]
    for rank in (1.5, True, "one", 0, None):
        with pytest.raises(InvalidResponse):
            CannedClient(lambda _, odd=rank: {"response": {"last_update": START, "ranks": [{"rank": odd}]}}).extract(
                "most_played", window=day
            )


@pytest.mark.parametrize(
    ("before", "error"), [(1, NotYet), (3600, NotYet), (3601, InvalidResponse), (-86400, InvalidResponse)]
)
def test_a_chart_from_just_before_midnight_is_waited_out(before: int, error: type[Exception]) -> None:
    """A chart that is older, or from a later day, is rejected at once; neither is stored under the day."""
    day = source_named("most_played").cadence.window("2026-11-17")
    chart = CannedClient(lambda _: {"response": {"last_update": START - before, "ranks": [{"rank": 1}]}})
    with pytest.raises(InvalidResponse) as raised:
        chart.extract("most_played", window=day)
    assert type(raised.value) is error


MONTH = source_named("monthly_visits").cadence.window("2026-10-01")


@pytest.mark.parametrize("name", ["google.com", "steampowered.com", "store.steampowered.com.evil.org", "", 5, ["x"]])
def test_visits_of_another_site_are_refused_with_its_name(name: object) -> None:
    """This includes the parent domain, in a wrapper and in the official response. An empty name is accepted."""
    visits = {"2026-10-01": 5}
    bodies: list[Any] = [
        {"SiteName": name, "EstimatedMonthlyVisits": visits},
        {"data": {"SiteName": name, "EstimatedMonthlyVisits": visits}},
        {"meta": {"request": {"domain": name}}, "visits": [{"date": "2026-10-01", "visits": 5}]},
    ]
    for body, official in zip(bodies, (False, False, True), strict=True):
        client = CannedClient(lambda _, body=body: body)
        if name == "":
            continue
        with pytest.raises(InvalidResponse, match=re.escape(str(name))):
            client.extract("monthly_visits", window=MONTH, keyed={SIMILARWEB_API} if official else ())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"meta": {"request": {"country": "us"}}, "visits": [{"date": "2026-10-01", "visits": 5}]}, "country 'world'"),
        (
            {"meta": {"request": {"granularity": "Daily"}}, "visits": [{"date": "2026-10-01", "visits": 5}]},
            "granularity 'monthly'",
        ),
        ({"visits": [{"date": f"2026-10-0{day}", "visits": day} for day in (1, 2, 3)]}, "the granularity was ignored"),
    ],
)
def test_visits_of_another_country_or_granularity_are_refused(body: object, said: str) -> None:
    with pytest.raises(InvalidResponse, match=said):
        CannedClient(lambda _: body).extract("monthly_visits", window=MONTH, keyed={SIMILARWEB_API})


@pytest.mark.parametrize(
    "name", ["store.steampowered.com", "Store.SteamPowered.com", "https://www.store.steampowered.com/", None]
)
def test_visits_of_the_store_are_accepted_in_any_spelling_of_its_name(name: str | None) -> None:
    client = CannedClient(
        lambda _: {"SiteName": name, "EstimatedMonthlyVisits": {"2026-10-01": 5}, "AiTrafficDetails": {}}
    )
    assert client.extract("monthly_visits", window=MONTH)[0].items["visits"] == 1


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"data": {"EstimatedMonthlyVisits": {"2026-10-01": 5}}}, "wrapped in `data`"),
        ({"result": [{"EstimatedMonthlyVisits": {"2026-10-01": 5}}]}, "wrapped in `result`"),
        ([{"EstimatedMonthlyVisits": {"2026-10-01": 5}}], "expected a JSON object"),
        ({"EstimatedMonthlyVisits": {"2026-10-01": None, "2026-09-01": 4}}, "it has: 2026-09-01"),
        ({"EstimatedMonthlyVisits": [{"date": "2026-09-01", "visits": 4}, 7]}, "it has: 2026-09-01"),
    ],
)
def test_an_unknown_format_of_visits_is_refused_and_named(body: object, said: str) -> None:
    with pytest.raises(InvalidResponse, match=said):
        CannedClient(lambda _: body).extract("monthly_visits", window=MONTH)


def test_visits_are_requested_from_the_free_or_the_official_host() -> None:
    """The free and the official API are different hosts; the error names a month that is not in the response."""
    month = source_named("monthly_visits").cadence.window("2023-09-01")
    free = CannedClient(lambda _: {"EstimatedMonthlyVisits": {"2023-08-01": 5, "2023-09-01": 6}})
    assert free.extract("monthly_visits", window=month)[0].items["visits"] == 1
    official = CannedClient(lambda _: {"visits": [{"date": "2023-09-01", "visits": 1.5e8}]})
    official.extract("monthly_visits", window=month, keyed={SIMILARWEB_API})
    assert [client.asked[0].host for client in (free, official)] == [SIMILARWEB, SIMILARWEB_API]
    with pytest.raises(InvalidResponse, match="it has: 2023-08-01"):
        CannedClient(lambda _: {"EstimatedMonthlyVisits": {"2023-08-01": 5}}).extract("monthly_visits", window=month)
