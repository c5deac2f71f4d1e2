"""Bad input causes a clear error or quarantine with reason and bytes; never a partial partition, never wrong data."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pyspark.sql import functions as F

from steam_assets.extraction.errors import NotAvailable, SourceError, StaleResponse
from steam_assets.ingestion.resolve_raw import Origin, RawResolver, Resolved
from steam_assets.kafka.consumer import find_batches
from steam_assets.ledger.drift import drift_of
from steam_assets.ledger.records import RawRecord
from steam_assets.orchestration.stages import Stage
from steam_assets.simulator import faults
from steam_assets.sources import source_named
from steam_assets.sources.source import Source
from steam_assets_tests.deployment import Deployment
from steam_assets_tests.faults.conftest import HASTY
from steam_assets_tests.nightly import rest_nightly

pytestmark = [pytest.mark.fault, pytest.mark.kafka, pytest.mark.slow]

WEEK = "2026-11-10"
CHART = "/IStoreTopSellersService/"


def resolve_raw(deployment: Deployment, source: Source, key: str, apps: tuple[int, ...] = ()) -> Resolved:
    resolver = RawResolver(deployment.lake, deployment.clock, retry_policy=HASTY)
    return resolver.resolve_raw(source, key, lambda: apps)


def assert_nothing_is_there(deployment: Deployment, source: Source, key: str) -> None:
    assert deployment.lake.raw(source).record(RawRecord, key) is None
    assert find_batches(deployment.settings, source, [key]) == []


def evidence(deployment: Deployment, source: Source) -> list[bytes]:
    kept = deployment.lake.set_aside(source).arrow(columns=("value",))
    return [row["value"] for row in kept.to_pylist()] if kept is not None else []


@pytest.mark.parametrize(
    ("fault", "keeps_bytes"),
    rest_nightly(
        [
            (faults.HtmlForJson(path=CHART), b"<"),
            (faults.EmptyResponse(path=CHART), b"{"),
            (faults.FixedBody(path=CHART, body=b"null"), b"null"),
            (faults.TruncatedBody(path=CHART, content_length=False), b"{"),
            (faults.WrongWeek(path=CHART), b"start_date"),
            (faults.OversizedBody(path=CHART), None),
            (faults.Redirect(path=CHART, location="http://169.254.169.254/"), None),
            (faults.TooManyRequests(path=CHART), None),
            (faults.TruncatedBody(path=CHART), None),
            (faults.GzipBomb(path=CHART), None),
            (faults.ServerError(path=CHART), None),
            (faults.ConnectionReset(path=CHART), None),
            (faults.AccessDenied(path=CHART), None),
        ],
        kept=4,
        several=True,
    ),
    ids=lambda value: type(value).__name__ if isinstance(value, faults.Fault) else "",
)
def test_an_unusable_response_is_a_clear_error_and_leaves_no_partial_partition(
    deployment: Deployment, fault: faults.Fault, keeps_bytes: bytes | None
) -> None:
    """The error describes the response and keeps its bytes; nothing is landed.

    When the fault is over, the run succeeds.
    """
    source = source_named("top_sellers")
    deployment.simulator.faults.add(fault)
    with pytest.raises(SourceError) as error:
        resolve_raw(deployment, source, WEEK)
    assert len(str(error.value)) > 30
    assert_nothing_is_there(deployment, source, WEEK)
    if keeps_bytes is not None:
        assert any(keeps_bytes in kept for kept in evidence(deployment, source))

    deployment.simulator.faults.clear()
    deployment.run(source, WEEK, stages=(Stage.RAW,))
    assert deployment.status(source, WEEK).raw_present


def test_an_unreachable_source_is_reported_with_what_to_do(deployment: Deployment) -> None:
    """Nothing listens at the address: the error names it, and nothing is written."""
    away = deployment.settings.model_copy(update={"api_url": "http://127.0.0.1:9"})
    deployment.settings = away
    with pytest.raises(SourceError, match=r"127\.0\.0\.1:9"):
        resolve_raw(deployment, source_named("top_sellers"), WEEK)
    assert_nothing_is_there(deployment, source_named("top_sellers"), WEEK)


@pytest.mark.parametrize(("month", "says"), [("2026-05-01", "^gap: .*too old"), ("2026-11-01", "not published yet")])
def test_a_month_that_the_service_does_not_have_is_no_drift(deployment: Deployment, month: str, says: str) -> None:
    source = source_named("monthly_visits")
    deployment.at(datetime(2026, 12, 2, tzinfo=UTC))
    with pytest.raises(NotAvailable, match=says):
        resolve_raw(deployment, source, month)
    assert drift_of(deployment.lake, source) is None


@pytest.mark.spark
def test_unusable_items_go_to_quarantine_with_reason_and_text(deployment: Deployment) -> None:
    """Two ranks have text for an app ID: they are quarantined as sent, the others are clean. The check reports it."""
    source = source_named("top_sellers")
    deployment.simulator.faults.add(faults.Drift(path=CHART, field="appid", literal='"abc"', every=5))
    assert deployment.run(source, WEEK) == ["top_sellers/clean: quarantine_within_limit"]
    record = deployment.status(source, WEEK).tables[0].record
    assert record is not None and record.quarantined > 0
    assert record.items == record.clean + record.quarantined
    for row in deployment.quarantined(source).collect():
        assert row["problem"]
        assert json.loads(row["item"])["appid"] == "abc"
    assert deployment.rows(source).where(F.col("app_id").isNull()).count() == 0


@pytest.mark.spark
def test_one_app_whose_responses_stay_invalid_does_not_affect_the_others(deployment: Deployment) -> None:
    """One of three apps always returns an empty object. It is one quarantined item; the news of the others is clean."""
    source = source_named("news")
    deployment.simulator.faults.add(faults.EmptyResponse(path="/ISteamNews/", contains='"appid":"570"'))
    resolved = resolve_raw(deployment, source, WEEK, (730, 570, 440))
    assert resolved.origin is Origin.SOURCE
    deployment.simulator.faults.clear()
    deployment.run(source, WEEK, apps=(730, 570, 440))
    rows = deployment.quarantined(source).collect()
    assert len(rows) == 1 and rows[0]["problem"]
    assert {row["app_id"] for row in deployment.rows(source).collect()} <= {730, 440}


@pytest.mark.spark
def test_apps_that_steam_does_not_know_affect_no_other_app_and_cause_no_wait(deployment: Deployment) -> None:
    """Two of five apps return HTTP 403 and `{}`: raw data keeps both with their status, and the other news is clean.

    This client cannot afford a single cool-down. Every check passes, and the counts reconcile.
    """
    source, apps, unknown = source_named("news"), (730, 570, 440, 578080, 252490), (570, 578080)
    for app in unknown:
        deployment.simulator.faults.add(faults.UnknownApp(path="/ISteamNews/", contains=f'"appid":"{app}"'))
    impatient = replace(HASTY, cool_downs=0)
    RawResolver(deployment.lake, deployment.clock, retry_policy=impatient).resolve_raw(source, WEEK, lambda: apps)
    assert deployment.run(source, WEEK, apps=apps) == []
    status = deployment.status(source, WEEK)
    assert status.raw_present and status.up_to_date
    raw = deployment.lake.raw(source).arrow([WEEK], ("app_id", "status", "body", "problem"))
    assert raw is not None
    aside = {row["app_id"]: (row["status"], row["body"]) for row in raw.to_pylist() if row["problem"] is not None}
    assert aside == dict.fromkeys(unknown, (403, "{}"))
    assert {row["app_id"] for row in deployment.rows(source).collect()} == set(apps) - set(unknown)


def test_a_repeated_cursor_ends_paging(deployment: Deployment) -> None:
    """Each page returns its own cursor: the first page is published once, without a loop."""
    source, reviews = source_named("reviews"), "/IUserReviewsService/"
    deployment.simulator.faults.add(faults.RepeatedCursor(path=reviews))
    before = len(deployment.simulator.requests)
    resolve_raw(deployment, source, WEEK, (730,))
    (batch,) = find_batches(deployment.settings, source, [WEEK])
    asked = [one for one in list(deployment.simulator.requests)[before:] if one.path.startswith(reviews)]
    assert {json.loads(one.params["input_json"])["cursor"] for one in asked} == {"*"} and len(asked) < 10
    assert 0 < batch.items["reviews"] <= 100


def test_a_chart_from_before_midnight_is_requested_again(deployment: Deployment) -> None:
    """At 00:03 the first three charts are from 23:55: only the fourth is landed.

    If none is newer, the error gives its time.
    """
    source, chart = source_named("most_played"), "/ISteamChartsService/"
    deployment.at(datetime(2026, 11, 18, 0, 3, tzinfo=UTC))
    deployment.simulator.faults.add(faults.StaleBody(path=chart, hours=0.1))
    with pytest.raises(StaleResponse, match="2026-11-17 23:5"):
        resolve_raw(deployment, source, "2026-11-18")
    assert_nothing_is_there(deployment, source, "2026-11-18")
    assert_nothing_is_there(deployment, source, "2026-11-17")

    deployment.simulator.faults.clear()
    deployment.simulator.faults.add(faults.StaleBody(path=chart, hours=0.1, times=3))
    waiting = replace(HASTY, not_yet_seconds=0.05)
    RawResolver(deployment.lake, deployment.clock, retry_policy=waiting).resolve_raw(source, "2026-11-18", lambda: ())
    (batch,) = find_batches(deployment.settings, source, ["2026-11-18"])
    assert batch.items["most_played"] > 0
    assert find_batches(deployment.settings, source, ["2026-11-17"]) == []


@pytest.mark.parametrize(("source_name", "key"), [("most_played", "2026-11-16"), ("most_played", "2026-11-19")])
def test_a_live_source_is_never_requested_for_another_day(deployment: Deployment, source_name: str, key: str) -> None:
    """Yesterday's and tomorrow's charts are reported as gaps without a call to the service."""
    before = len(deployment.simulator.requests)
    with pytest.raises(NotAvailable, match=f"gap: most_played {key}"):
        resolve_raw(deployment, source_named(source_name), key)
    assert len(deployment.simulator.requests) == before


def test_a_month_that_the_body_lacks_is_an_error_that_names_the_months_it_has(deployment: Deployment) -> None:
    """A month of two years ago is not derived from the latest three."""
    with pytest.raises(SourceError, match="2026-10"):
        resolve_raw(deployment, source_named("monthly_visits"), "2024-10-01")
