"""Every kind of change to every endpoint of every source is reported as drift by one run, with the differences.

Sources registered later are tested automatically: their endpoints are those they request, and changed responses are
derived from a good one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from pydantic import SecretStr

from steam_assets.clock import Clock
from steam_assets.commands.partition_table import freshness_json
from steam_assets.extraction.errors import SourceError
from steam_assets.extraction.hosts import served_by
from steam_assets.extraction.limits import RetryPolicy
from steam_assets.ingestion.drift import differences
from steam_assets.ingestion.landing import land
from steam_assets.ingestion.resolve_raw import RawResolver
from steam_assets.kafka.consumer import read_batch
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.lake.lake import Lake
from steam_assets.lake.raw_tables import commit_batch
from steam_assets.ledger.drift import DRIFT, Drift
from steam_assets.ledger.freshness import freshness
from steam_assets.ledger.records import Receipt
from steam_assets.settings import Settings
from steam_assets.simulator import Simulator
from steam_assets.simulator.backend import encode
from steam_assets.simulator.catalogue import KNOWN
from steam_assets.simulator.delivery import Reply
from steam_assets.simulator.faults import Fault, FixedBody, HtmlForJson, OtherCountry, OtherLanguage, Redirect, SlowBody
from steam_assets.sources import SOURCES
from steam_assets.sources.cadence import Window
from steam_assets.sources.source import History, Source
from steam_assets_tests.nightly import rest_nightly

pytestmark = [pytest.mark.fault, pytest.mark.kafka]

NOW = datetime(2026, 11, 23, 21, tzinfo=UTC)
QUICK = RetryPolicy(
    answer_seconds=1,
    total_seconds=3,
    attempts=2,
    invalid_attempts=2,
    not_yet_seconds=0.01,
    backoff_base_seconds=0.01,
    backoff_cap_seconds=0.02,
)


@dataclass
class Collected:
    """A source with one good raw partition, and the period to fetch next."""

    source: Source
    lake: Lake
    simulator: Simulator
    good: Window
    following: Window
    body: Any
    bodies: dict[str, str]
    """The longest answer of each endpoint, by path."""
    apps: list[int]

    def fetch(self, window: Window) -> Receipt:
        """Fetch the period from the source, when it is available."""
        self.simulator.set_now(self.at(window))
        resolver = RawResolver(self.lake, Clock(self.at(window)), retry_policy=QUICK)
        (receipt,) = resolver.resolve_raw(self.source, window.key, lambda: self.apps, refetch=True).receipts
        return receipt

    def at(self, window: Window) -> datetime:
        live = self.source.history is History.LIVE
        return window.start + timedelta(hours=21) if live else window.end + self.source.due_after

    def land(self, receipt: Receipt, window: Window) -> None:
        landed = land(self.lake, self.source, receipt, self.at(window) + timedelta(minutes=1))
        commit_batch(self.lake.raw(self.source), window.key, landed.batch, landed.files)


WAYS = [(source, host) for source in SOURCES for host in (None, *(one for one in source.hosts if one.key_parameter))]
"""Each source as it is without a key, and with the key of each host that takes one."""


@pytest.fixture(
    scope="module",
    params=rest_nightly(WAYS, kept=3),
    ids=lambda way: f"{way[0].name} of {way[1].name}" if way[1] else way[0].name,
)
def collected(
    request: pytest.FixtureRequest,
    simulator: Simulator,
    broker: EmbeddedBroker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Collected]:
    source, host = request.param
    own = Settings(
        home=tmp_path_factory.mktemp("drift"),
        kafka_bootstrap_servers=broker.address,
        kafka_topic_prefix=f"drift-{uuid4().hex[:8]}",
    )
    settings = served_by(own, simulator.url, 500.0)
    if host is not None:
        settings = settings.model_copy(update={host.setting("key"): SecretStr("a key of the test")})
    newest = source.newest_due(NOW)
    earlier = source.cadence.containing(newest.start - timedelta(days=1))
    simulator.set_now(NOW)
    apps = [app.app_id for app in KNOWN if not app.free][:6] if source.apps_from else []
    made = Collected(source, Lake(settings), simulator, earlier, newest, None, {}, apps)
    receipt = made.fetch(earlier)
    made.land(receipt, earlier)
    envelopes = [record.envelope for record in read_batch(settings, receipt) if record.envelope]
    for envelope in sorted(envelopes, key=lambda envelope: len(envelope.body)):
        made.bodies[urlsplit(envelope.url).path] = envelope.body
    made.body = json.loads(max(envelopes, key=lambda envelope: sum(envelope.items.values())).body)
    yield made
    simulator.clear_now()
    simulator.faults.clear()


def renamed(value: Any, depth: int = 3) -> Any:
    """Every field of the outer levels with another name."""
    if isinstance(value, dict) and depth:
        return {f"{name}_v2": renamed(child, depth - 1) for name, child in value.items()}
    return [renamed(child, depth) for child in value] if isinstance(value, list) else value


def retyped(value: Any) -> Any:
    """Every number and text wrapped in an object."""
    if isinstance(value, dict):
        return {name: retyped(child) for name, child in value.items()}
    return [retyped(child) for child in value] if isinstance(value, list) else {"value": value}


def answers(change: Callable[[Any], Any]) -> Callable[[str, Any], Fault]:
    return lambda path, body: FixedBody(path=path, body=json.dumps(change(body)).encode())


CHANGES: dict[str, Callable[[str, Any], Fault]] = {
    "retired": lambda path, body: FixedBody(
        path=path, status=404, body=b"<html>Not Found</html>", content_type="text/html"
    ),
    "moved home": lambda path, body: Redirect(path=path, location="https://store.steampowered.com/"),
    "a page": lambda path, body: HtmlForJson(path=path),
    "renamed": answers(renamed),
    "of other types": answers(retyped),
    "another period": answers(lambda body: body),
    "another country": lambda path, body: OtherCountry(path=path),
    "another language": lambda path, body: OtherLanguage(path=path),
    "emptied": answers(lambda body: {"response": {}}),
    "nothing": answers(lambda body: {}),
    "a drip": lambda path, body: SlowBody(path=path, seconds=60, pieces=600),
}


UNDATED = {"store_facts"}
"""Sources whose responses do not state their period, so that those of another period look the same."""


@pytest.mark.parametrize("change", CHANGES)
def test_an_endpoint_that_changed_is_named_in_one_run(collected: Collected, change: str) -> None:
    """The drift is in the error or the ledger and in `status`; no part of the response becomes an item."""
    if change == "another period" and collected.source.name in UNDATED:
        pytest.skip("its answers have no period")
    for path, good in collected.bodies.items():
        fault = CHANGES[change](path, collected.body)
        if fault.change(Reply(encode(json.loads(good))), {}) == Reply(encode(json.loads(good))):
            # Nothing in its answers depends on the country, or the language: no row can be wrong.
            continue
        collected.simulator.faults.clear()
        collected.simulator.faults.add(fault)
        said, receipt = "", None
        try:
            receipt = collected.fetch(collected.following)
        except SourceError as error:
            said = str(error)
        finally:
            collected.simulator.faults.clear()
        drift = collected.lake.raw(collected.source).property(DRIFT, Drift)
        assert drift is not None, (path, said)
        if receipt is None:
            assert said == str(drift)
        else:
            records = read_batch(collected.lake.settings, receipt)
            taken = [one.envelope for one in records if one.envelope and not one.envelope.problem]
            assert change == "of other types" or not any(sum(envelope.items.values()) for envelope in taken)
        assert drift.good_partition == collected.good.key
        assert drift.partition_key == collected.following.key
        report = freshness(collected.lake, collected.source, NOW)
        assert report.drift == drift and "drifted" in report.summary
        assert freshness_json(report, synthetic=False)["drift"] == drift.model_dump(mode="json")
        if change in ("renamed", "of other types", "retired", "a page"):
            assert drift.differences, drift


def test_a_good_response_ends_the_drift(collected: Collected) -> None:
    collected.simulator.faults.clear()
    receipt = collected.fetch(collected.following)
    collected.land(receipt, collected.following)
    assert freshness(collected.lake, collected.source, NOW).drift is None


def test_differences_are_named_by_path_and_type() -> None:
    good = {"a": {"ranks": [{"rank": 1, "name": "x"}, {"rank": 2}], "days": {"2026-11-10": 1, "2026-11-11": 2}}}
    sent = {"a": {"ranks": [{"rank": "1", "title": "x"}], "days": [1]}}
    assert differences(json.dumps(good), json.dumps(sent)) == [
        "`a.days.*` is missing",
        "`a.ranks[].rank` is a text, not a number",
        "`a.days` is a list, not an object",
        "`a.ranks[].title` is new",
        "`a.days[]` is new",
    ]
    assert differences(json.dumps(good), json.dumps(good)) == []
    assert differences(json.dumps(good), "") == ["it is empty"]
