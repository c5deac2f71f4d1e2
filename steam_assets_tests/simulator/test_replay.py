"""Recorded responses are served unchanged, and nothing is made up around them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from steam_assets.simulator import Simulator
from steam_assets.simulator.recorded_files import Review
from steam_assets.simulator.replay import RecordedPartition, Recording, catalogue
from steam_assets_tests.simulator.queries import (
    CHART,
    NEWS,
    PLAYERS,
    REVIEWS,
    SELLERS,
    WEEK_CHART,
    all_reviews,
    get,
    review_query,
)


@pytest.fixture(scope="module")
def recording(recorded: Path) -> Recording:
    return catalogue(recorded)


@pytest.fixture(scope="module")
def running(recorded: Path) -> Iterator[Simulator]:
    with Simulator(replay=recorded) as simulator:
        yield simulator


@pytest.fixture
def sim(running: Simulator) -> Simulator:
    running.clear_now()
    return running


def of(recording: Recording, source: str) -> dict[str, RecordedPartition]:
    """The partitions of a source by key."""
    return {partition.key: partition for partition in recording.partitions if partition.source == source}


def week_bounds(key: str) -> tuple[int, int]:
    start = int(datetime.strptime(key, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    return start, start + 7 * 86400


def test_the_players_chart_is_served_byte_for_byte_only_on_its_day(
    sim: Simulator, recording: Recording, recorded: Path
) -> None:
    taken = [partition.moment for partition in of(recording, "most_played").values()][-1]
    assert taken is not None
    bodies = {path.read_bytes() for path in (recorded / "mostplayed").glob("GetGamesByConcurrentPlayers*.json")}
    sim.set_now(taken + timedelta(minutes=1))
    assert get(sim, PLAYERS, CHART).content in bodies
    for other in (taken - timedelta(minutes=1), taken + timedelta(days=1)):
        sim.set_now(other)
        assert get(sim, PLAYERS, CHART).json() == {"response": {}}


def test_top_sellers_are_served_byte_for_byte_by_their_week(
    sim: Simulator, recording: Recording, recorded: Path
) -> None:
    start, end = week_bounds(max(of(recording, "top_sellers")))
    bodies = {path.read_bytes() for path in (recorded / "topsellers").glob("GetWeeklyTopSellers*.json")}
    assert get(sim, SELLERS, WEEK_CHART | {"start_date": start}).content in bodies
    assert get(sim, SELLERS, WEEK_CHART | {"start_date": start + 7 * 86400}).json() == {"response": {"start_date": end}}
    sim.set_now(datetime.fromtimestamp(end, UTC))
    assert "ranks" not in get(sim, SELLERS, WEEK_CHART | {"start_date": start}).json()["response"]


def test_news_of_all_files_of_an_app_are_merged_and_cut_by_date(sim: Simulator, recording: Recording) -> None:
    week = max(of(recording, "news").values(), key=lambda partition: len(partition.apps))
    start, end = week_bounds(week.key)
    for app_id, count in week.apps.items():
        news = get(sim, NEWS, appid=app_id, count=100, enddate=end).json()["appnews"]
        dates = [item["date"] for item in news["newsitems"]]
        assert dates == sorted(dates, reverse=True) and dates[0] < end
        assert sum(date >= start for date in dates) == count
        assert len({item["gid"] for item in news["newsitems"]}) == len(dates) <= news["count"]
        assert len(get(sim, NEWS, appid=app_id, count=2, enddate=end).json()["appnews"]["newsitems"]) <= 2


def test_reviews_are_merged_in_the_new_shape_and_counted(sim: Simulator, recording: Recording) -> None:
    week = max(of(recording, "reviews").values(), key=lambda partition: partition.items)
    start, end = week_bounds(week.key)
    for app_id, count in week.apps.items():
        found = all_reviews(sim, app_id, date_range_start=start, date_range_end=end - 1)
        assert len({review["recommendationid"] for review in found}) == len(found) == count
        for review in found:
            assert isinstance(review["weighted_vote_score"], float) and isinstance(review["author"]["steamid"], str)
            assert not {"reactions", "app_release_date"} & set(review)
            assert not {"personaname", "num_games_owned"} & set(review["author"])


def test_reviews_in_many_languages_are_among_them(sim: Simulator) -> None:
    reviews = all_reviews(sim, 1437400, date_range_start=1, date_range_end=int(datetime.now(UTC).timestamp()))
    assert {"schinese", "russian", "english"} <= {review["language"] for review in reviews}


def test_site_traffic_is_the_newest_capture_not_after_the_clock(
    sim: Simulator, recording: Recording, recorded: Path
) -> None:
    bodies = {path.read_bytes() for path in (recorded / "similarweb" / "seed").glob("*.json")}
    for month, partition in of(recording, "monthly_visits").items():
        taken = partition.moment
        assert taken is not None
        sim.set_now(taken)
        answer = get(sim, "/api/v1/data", domain="store.steampowered.com")
        assert answer.content in bodies and month in answer.json()["EstimatedMonthlyVisits"]
        sim.set_now(taken - timedelta(seconds=1))
        earlier = get(sim, "/api/v1/data", domain="store.steampowered.com")
        assert earlier.status_code == 404 or month not in earlier.json()["EstimatedMonthlyVisits"]


def test_responses_that_were_not_recorded_are_not_invented(sim: Simulator) -> None:
    assert get(sim, NEWS, appid=1).json()["appnews"]["newsitems"] == []
    assert get(sim, REVIEWS, review_query(1)).json() == {"response": {}}
    assert get(sim, "/api/v1/data", domain="nobody.example").status_code == 404


def test_an_old_review_keeps_what_the_new_service_has() -> None:
    old = {
        "recommendationid": 9,
        "author": {"steamid": "1", "num_games_owned": 3, "personaname": "x", "playtime_at_review": None},
        "weighted_vote_score": "0.5",
        "timestamp_created": 5,
        "timestamp_updated": 6,
        "reactions": [],
        "hidden_in_steam_china": True,
    }
    assert Review.model_validate(old).body() == {
        "recommendationid": "9",
        "author": {"steamid": "1"},
        "weighted_vote_score": 0.5,
        "timestamp_created": 5,
        "timestamp_updated": 6,
        "voted_up": False,
    }


def test_flat_authors_are_nested_again() -> None:
    flat = {"recommendationid": "9", "steamid": "1", "last_played": 4, "deck_playtime_at_review": None, "review": "ok"}
    review = Review.model_validate(flat | {"timestamp_created": 5, "timestamp_updated": 5}).body()
    assert review["author"] == {"steamid": "1", "last_played": 4} and review["review"] == "ok"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Simulator(replay=tmp_path / "nowhere")


def test_a_folder_without_recordings_responds_as_services_without_data(tmp_path: Path) -> None:
    assert catalogue(tmp_path) == Recording(())
    with Simulator(replay=tmp_path) as empty:
        assert get(empty, PLAYERS, CHART).json() == {"response": {}}


def test_a_broken_recording_is_named(tmp_path: Path) -> None:
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "half.json").write_text('{"appnews":')
    with pytest.raises(ValueError, match=r"half\.json is not JSON; remove it"):
        Simulator(replay=tmp_path)


def chart(moment: int, *, key: str) -> str:
    return json.dumps({"response": {key: moment, "ranks": [{"rank": 1, "appid": 730}]}})


DAY = 1_773_014_400
"""2026-03-09 00:00 UTC, in Unix seconds."""

NAMES = {
    "mostplayed/GetGamesByConcurrentPlayers_us_2026-03-09.json": chart(DAY + 3600, key="last_update"),
    "mostplayed/GetGamesByConcurrentPlayers_us_2026-03-09_later.json": chart(DAY + 7200, key="last_update"),
    "mostplayed/GetGamesByConcurrentPlayers_de_2026-03-09.json": chart(DAY + 3600, key="last_update"),
    "mostplayed/GetGamesByConcurrentPlayers_us_none.json": "{}",
    "topsellers/GetWeeklyTopSellers_jp_2026-03-03.json": chart(DAY - 6 * 86400, key="start_date"),
    "similarweb/other.json": json.dumps({"SiteName": "x.example", "EstimatedMonthlyVisits": {"2026-01-01": 1}}),
    "similarweb/empty.json": "{}",
    "news/nothing.json": "{}",
    "reviews/unnamed.json": "[]",
    "elsewhere/app_730.json": "{}",
}


def test_files_that_are_not_replayed_are_counted_with_the_reason(tmp_path: Path) -> None:
    """Each file is either replayed or counted under a reason."""
    for name, content in NAMES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    found = catalogue(tmp_path)
    (partition,) = found.partitions
    assert partition.moment is not None and partition.moment.timestamp() == DAY + 7200
    assert sum(left.count for left in found.left_out) + 1 == len(NAMES)
    told = "\n".join(str(left) for left in found.left_out)
    for reason in (
        "Players_us_2026-03-09.json): another chart of the same period is replayed",
        "Players_de_2026-03-09.json, topsellers/GetWeeklyTopSellers_jp_2026-03-03.json): not a chart of the US",
        "1 file (similarweb/other.json): not of the site",
        "1 file (elsewhere/app_730.json): path and name are not those of a recording",
        "response.last_update is missing",
        "the app of its news",
        "the app of its reviews",
        "no monthly visits",
    ):
        assert reason in told


def test_every_file_of_the_recorded_folder_is_replayed_or_listed(recording: Recording, recorded: Path) -> None:
    """Every file is either served or named as left out."""
    named = {name for left in recording.left_out if left.what == "file" for name in left.names}
    assert named and all((recorded / name).is_file() for name in named)
    assert not {name for name in named if name.startswith("topsellers/GetWeekly")}
