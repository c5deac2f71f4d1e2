"""A chart is a snapshot: the latest replaces it as a whole, or an audit rejects it before anybody sees it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from steam_assets.lake.backup import back_up, verify
from steam_assets.lake.lake import Lake
from steam_assets.lake.raw_tables import exclude_batch
from steam_assets.ledger.records import CleanRecord
from steam_assets.settings import Settings
from steam_assets.sources import source_named
from steam_assets.spark.cleaning import clean
from steam_assets.spark.full_snapshots import audit_full_snapshots
from steam_assets.spark.item_counts import PartitionsRefused
from steam_assets_tests.conftest import REPOSITORY
from steam_assets_tests.deployment import session_for
from steam_assets_tests.lake.raw_landing import NOW, batch_id, land_rows
from steam_assets_tests.nightly import rest_nightly

pytestmark = pytest.mark.spark

SOURCE = source_named("top_sellers")
TABLE = SOURCE.tables[0]
KEY = "2026-11-10"
WEEK = int(datetime(2026, 11, 10, tzinfo=UTC).timestamp())
CASE = REPOSITORY.parent / "shared" / "cases" / "30-chart-corrected"


def chart(apps: Sequence[object], ranks: Sequence[int] = ()) -> str:
    places = [{"rank": r, "appid": a, "item": {}} for r, a in zip(ranks or range(1, 101), apps, strict=False)]
    return json.dumps({"response": {"start_date": WEEK, "ranks": places}})


class Week:
    """A week's chart whose responses are landed and cleaned."""

    def __init__(self, lake: Lake, spark: SparkSession) -> None:
        self.lake, self.session, self.answers = lake, session_for(spark, lake.settings), 0

    def land(self, body: str, hours: int = 0, key: str = KEY) -> None:
        self.answers += 1
        row = {
            "source": SOURCE.name,
            "partition_key": key,
            "batch_id": batch_id(self.answers),
            "sequence": 0,
            "request": "chart",
            "url": "https://example.org/",
            "status": 200,
            "headers": [],
            "fetched_at": NOW + timedelta(hours=hours),
            "sha256": hashlib.sha256(body.encode()).hexdigest(),
            "body": body,
            "items": [(TABLE.name, len(json.loads(body)["response"]["ranks"]))],
            "provenance": "live",
        }
        land_rows(self.lake, SOURCE, key, [row], number=self.answers)

    def clean(self) -> CleanRecord:
        (record,) = clean(self.session, self.lake, SOURCE, [TABLE], [KEY], NOW)
        assert record.items == record.clean + record.quarantined + record.duplicates
        assert verify(self.lake.clean(TABLE), [record]) == []
        return record

    def apps(self) -> list[int]:
        """Apps by rank as readers see them; asserts that ranks are unique."""
        rows = self.lake.clean(TABLE).arrow([KEY], ("rank", "app_id"))
        found = sorted((row["rank"], row["app_id"]) for row in rows.to_pylist()) if rows else []
        assert [rank for rank, _ in found] == list(range(1, len(found) + 1))
        return [app for _, app in found]

    def changes(self) -> set[str]:
        rows = self.lake.clean(TABLE).arrow([KEY], ("changes",))
        return {change for row in rows.to_pylist() for change in row["changes"]} if rows else set()


@pytest.fixture
def week(tmp_path: Path, spark: SparkSession) -> Week:
    return Week(Lake(Settings(home=tmp_path)), spark)


def test_a_newer_chart_replaces_the_older_one_completely(week: Week) -> None:
    old, new = range(101, 121), range(120, 110, -1)
    week.land(chart(old))
    record = week.clean()
    assert (week.apps(), week.changes(), record.duplicates) == ([*old], set(), 0)
    week.land(chart(new), hours=2)
    week.land(chart(range(301, 331)), hours=1)
    record = week.clean()
    assert week.apps() == [*new]
    assert (record.items, record.clean, record.duplicates) == (60, 10, 50)
    assert week.changes() == {f"replaces the snapshot collected at {NOW + timedelta(hours=1):%Y-%m-%d %H:%M:%S} UTC"}
    assert back_up(week.lake.clean_twins(SOURCE, TABLE), [KEY], NOW)[1] == []


def test_a_response_without_a_chart_replaces_none(week: Week) -> None:
    week.land(chart(range(101, 106)))
    week.land(chart([]), hours=1)
    week.clean()
    assert week.apps() == [*range(101, 106)]


def test_an_excluded_batch_is_not_cleaned_and_its_rows_stay(week: Week) -> None:
    """A newer chart with an invalid count blocks cleaning of the week until it is excluded.

    With no batch left, it is empty.
    """
    week.land(chart(range(101, 106)))
    whole = json.loads(chart(range(301, 331)))
    whole["response"]["ranks"] = {"ranks": "of another shape"}
    week.land(json.dumps(whole), hours=1)
    with pytest.raises(PartitionsRefused, match="items were landed"):
        week.clean()
    raw = week.lake.raw(SOURCE)
    exclude_batch(raw, KEY, batch_id(2), "a wrong count", NOW)
    record = week.clean()
    assert (week.apps(), record.items, record.duplicates) == ([*range(101, 106)], 5, 0)
    exclude_batch(raw, KEY, batch_id(1), "wrong, too", NOW)
    assert week.clean().items == 0
    assert week.apps() == []
    exclude_batch(raw, KEY, batch_id(1), None, NOW)
    week.clean()
    assert week.apps() == [*range(101, 106)]


@pytest.mark.parametrize(
    ("body", "said"),
    rest_nightly(
        [
            (chart([101, 102, 102]), "app_id 102 occurs twice"),
            (chart([101, 103, 104], ranks=(1, 3, 4)), "rank 2 is missing"),
            (chart([101, 102], ranks=(2, 3)), "rank 1 is missing"),
        ],
        several=True,
    ),
    ids=["an app twice", "a hole", "no first rank"],
)
def test_an_invalid_chart_is_refused_before_it_is_visible(week: Week, body: str, said: str) -> None:
    week.land(chart([101, 102]))
    before = week.clean()
    snapshot = week.lake.clean(TABLE).snapshot_id()
    week.land(body, hours=1)
    with pytest.raises(PartitionsRefused, match=said):
        week.clean()
    assert week.apps() == [101, 102]
    assert week.lake.clean(TABLE).record(CleanRecord, KEY) == before
    assert week.lake.clean(TABLE).snapshot_id() == snapshot
    loaded = week.lake.clean(TABLE).load()
    assert loaded is not None and list(loaded.refs()) == ["main"]
    week.land(chart([103, 104, 105]), hours=2)
    week.clean()
    assert week.apps() == [103, 104, 105], "the next valid response is used"


@pytest.mark.parametrize("small", [{}, {"small": 0}], ids=["in memory", "by Spark"])
def test_a_refused_partition_of_a_range_stops_no_other(week: Week, small: dict[str, int]) -> None:
    """The others are committed; the error names the refused ones, each with its reason and a way out."""
    keys = ["2026-10-27", "2026-11-03", KEY]
    for key, body in zip(keys, [chart([1, 2, 3]), chart([1, 2, 2]), chart([4, 5])], strict=True):
        week.land(body, key=key)
    with pytest.raises(PartitionsRefused) as refused:
        clean(week.session, week.lake, SOURCE, [TABLE], keys, NOW, **small)
    way_out = f"steam-assets exclude top_sellers --partition 2026-11-03 --batch {batch_id(2)}"
    assert [*refused.value.reasons] == ["2026-11-03"]
    assert "top_sellers 2026-11-03: app_id 2 occurs twice; it was not committed" in str(refused.value)
    assert way_out in str(refused.value)
    assert week.lake.clean(TABLE).partition_rows() == {keys[0]: 3, keys[2]: 2}
    records = week.lake.clean(TABLE).records(CleanRecord)
    assert [*records] == [keys[0], keys[2]]
    assert verify(week.lake.clean(TABLE), records.values()) == []


def test_a_missing_rank_explained_by_quarantine_is_accepted(week: Week) -> None:
    week.land(chart([101, "abc", 103]))
    record = week.clean()
    assert (record.clean, record.quarantined) == (2, 1)


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ([(1, 730), (2, 570), (1, 730), (2, 440)], None),
        ([(1, 730), (2, 570), (1, 730), (2, 730)], "sellers 2026-11-10 False: app_id 730 occurs twice"),
        ([(1, 730), (2, 570), (1, 730), (3, 440)], "sellers 2026-11-10 False: rank 2 is missing"),
    ],
    ids=["both are charts", "an app twice in one", "a hole in one"],
)
def test_each_chart_of_a_partition_is_audited_alone(places: list[tuple[int, int]], said: str | None) -> None:
    """A column distinguishes two charts in one table; the same ranks and apps in both are not duplicates."""
    table = replace(TABLE, name="sellers", charts=("first_top100",))
    rows = [
        {"rank": rank, "app_id": app, "first_top100": place < 2, "partition_key": KEY}
        for place, (rank, app) in enumerate(places)
    ]
    refused = audit_full_snapshots(table, [KEY], {KEY: {"quarantined": 0}}, pa.Table.from_pylist(rows))
    assert refused == ({KEY: said} if said else {})


def test_a_corrected_chart_replaces_the_wrong_one(week: Week) -> None:
    """Real bodies: first twenty ranks, then ten ranks with the same apps in other places."""
    if not CASE.is_dir():
        pytest.skip(f"no cases at {CASE}")
    week.land(chart(range(1, 21)))
    for hours, name in enumerate(("ten_ranks.json", "same_apps_other_ranks.json"), start=1):
        body = (CASE / name).read_text()
        week.land(body, hours)
        week.clean()
        assert week.apps() == [place["appid"] for place in json.loads(body)["response"]["ranks"]]
