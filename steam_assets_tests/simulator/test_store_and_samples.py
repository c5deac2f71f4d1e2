"""The simulated store and player counts: sales, launches, daily curves, and quirks of the real ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from steam_assets.simulator import Simulator
from steam_assets.simulator.catalogue import NOT_SOLD_IN
from steam_assets_tests.simulator.queries import CHART, NOW, PLAYERS, get

ITEMS = "/IStoreBrowseService/GetItems/v1/"
TAGS = "/IStoreService/GetTagList/v1/"
PLAYERS_OF = "/ISteamUserStats/GetNumberOfCurrentPlayers/v1/"
(HIDDEN,) = (app for app, country in NOT_SOLD_IN.items() if country == "US")
NOBODY = 999_999_999
SUMMER_TIME_ENDS = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
"""It is 02:30 in Berlin, and again an hour later."""


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with Simulator(seed=7, apps=100, now=NOW) as simulator:
        yield simulator


@pytest.fixture
def sim(running: Simulator) -> Simulator:
    running.set_now(NOW)
    return running


def items(sim: Simulator, *apps: int) -> list[dict[str, Any]]:
    query = CHART | {"ids": [{"appid": app} for app in apps]}
    return get(sim, ITEMS, query).json()["response"]["store_items"]


def charted(sim: Simulator) -> list[int]:
    return [rank["appid"] for rank in get(sim, PLAYERS, CHART).json()["response"]["ranks"]]


def now_playing(sim: Simulator, app: int) -> int:
    return get(sim, PLAYERS_OF, appid=app).json()["response"]["player_count"]


def test_every_requested_id_is_in_the_response_in_another_order(sim: Simulator) -> None:
    found = items(sim, 730, HIDDEN, NOBODY)
    assert [item["id"] for item in found] == [NOBODY, HIDDEN, 730]
    gone, hidden, there = found
    assert (gone["success"], gone["name"], hidden["success"], there["success"]) == (15, "", 15, 1)
    assert hidden["name"] and "tags" not in hidden and "best_purchase_option" not in hidden
    assert get(sim, ITEMS, CHART | {"ids": [{"appid": app} for app in range(51)]}).json() == {"response": {}}


def test_some_tags_have_no_name_and_some_apps_a_bundle(sim: Simulator) -> None:
    names = {tag["tagid"] for tag in get(sim, TAGS, language="english").json()["response"]["tags"]}
    found = items(sim, *charted(sim)[:50])
    used = {tag["tagid"] for item in found for tag in item.get("tags", ())}
    assert used & names and len(used - names) == 1
    assert any("bundleid" in offer for item in found for offer in item.get("purchase_options", ()))


def test_games_that_were_released_in_the_last_weeks_are_on_the_chart(sim: Simulator) -> None:
    found = [item for start in (0, 50) for item in items(sim, *charted(sim)[start : start + 50])]
    ages = [NOW.timestamp() - item["release"]["steam_release_date"] for item in found if item["success"] == 1]
    assert min(ages) >= 0
    assert any(age < timedelta(days=31).total_seconds() for age in ages)


def test_a_day_has_a_curve_and_games_have_their_evenings_at_different_hours(sim: Simulator) -> None:
    busiest: set[int] = set()
    for app in charted(sim)[:6]:
        curve: list[int] = []
        for hour in range(24):
            sim.set_now(NOW.replace(hour=hour, minute=0))
            curve.append(now_playing(sim, app))
        assert max(curve) > 1.3 * min(curve)
        busiest.add(curve.index(max(curve)))
    assert len(busiest) > 2


def test_one_app_is_counted_as_on_the_chart_and_an_unknown_one_is_refused(sim: Simulator) -> None:
    sim.set_now(NOW.replace(minute=5))
    (first, *_) = get(sim, PLAYERS, CHART).json()["response"]["ranks"]
    assert now_playing(sim, first["appid"]) == first["concurrent_in_game"]
    refused = get(sim, PLAYERS_OF, appid=NOBODY)
    assert (refused.status_code, refused.json()) == (404, {"response": {"result": 42}})


def test_the_hour_that_local_clocks_show_twice_is_two_hours(sim: Simulator) -> None:
    counted: list[int] = []
    for moment in (SUMMER_TIME_ENDS, SUMMER_TIME_ENDS + timedelta(hours=1)):
        sim.set_now(moment)
        counted.append(get(sim, PLAYERS, CHART).json()["response"]["last_update"])
    assert counted[1] - counted[0] == 3600
