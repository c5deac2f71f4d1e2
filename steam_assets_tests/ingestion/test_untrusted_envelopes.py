"""Envelopes of other producers are not trusted: mismatches are set aside, and a batch can be excluded."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from typer.testing import CliRunner

from steam_assets.cli import app
from steam_assets.clock import Clock
from steam_assets.ingestion.landing import NOTHING_USABLE, WrongPeriod, land
from steam_assets.ingestion.resolve_raw import Origin, RawResolver
from steam_assets.kafka.connection import connection, ensure_topics, topic_of
from steam_assets.kafka.consumer import find_batches
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.kafka.envelope import Envelope
from steam_assets.kafka.headers import HeaderWriter, key_of
from steam_assets.kafka.producer import publish
from steam_assets.lake.backup import back_up, backup_of, restore, verify_twins
from steam_assets.lake.lake import Lake
from steam_assets.lake.raw_tables import commit_batch, exclude_batch
from steam_assets.ledger.partition_status import SourceLedger
from steam_assets.ledger.records import RawRecord
from steam_assets.settings import Settings
from steam_assets.sources import source_named
from steam_assets.sources.json_body import NOTES_HEADER
from steam_assets_tests.kafka.kafka_batches import envelopes, new_batch_id

pytestmark = pytest.mark.kafka

CHART = source_named("most_played")
KEY = "2026-11-03"
NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
NOW = NOON + timedelta(hours=9)
RANKS = 3


@pytest.fixture
def settings(tmp_path: Path, broker: EmbeddedBroker) -> Settings:
    home = tmp_path / "home"
    return Settings(home=home, kafka_bootstrap_servers=broker.address, kafka_topic_prefix=f"t{new_batch_id()[:12]}")


@pytest.fixture
def lake(settings: Settings) -> Lake:
    ensure_topics(settings, CHART)
    return Lake(settings)


PLACES = [{"rank": rank, "appid": 10 * rank} for rank in range(1, RANKS + 1)]
BODY = {"response": {"last_update": int(NOON.timestamp()), "ranks": PLACES}}


def chart(batch_id: str, total: int = 1) -> list[Envelope]:
    """Envelopes of one chart each, as an honest producer sends them."""
    body = json.dumps(BODY)
    true = {
        "body": body,
        "sha256": hashlib.sha256(body.encode()).hexdigest(),
        "fetched_at": NOON,
        "items": {CHART.name: RANKS},
    }
    made = envelopes(CHART, batch_id, [0] * total, partition_key=KEY)
    return [envelope.model_copy(update=true) for envelope in made]


def send(lake: Lake, sent: Sequence[tuple[Envelope, bytes, dict[str, bytes]]]) -> None:
    """Send envelopes, each with its given value, and with headers that override its own."""
    first = sent[0][0]
    writer = HeaderWriter(source=CHART.name, partition_key=KEY, batch_id=first.batch_id, total=len(sent))

    async def publish_all() -> None:
        async with AIOKafkaProducer(**connection(lake.settings)) as producer:
            for envelope, value, other in sent:
                headers: dict[str, Any] = dict(writer.headers(envelope, hashlib.sha256(value).hexdigest())) | other
                place = {"key": key_of(envelope), "headers": list(headers.items())}
                await producer.send_and_wait(topic_of(lake.settings, CHART), value, **place)

    asyncio.run(publish_all())


def stated(envelope: Envelope, **changes: object) -> tuple[Envelope, bytes, dict[str, bytes]]:
    """The envelope with changed fields, valid or not; its headers match them."""
    value = json.dumps(json.loads(envelope.to_bytes()) | changes).encode()
    items = {"items": json.dumps(changes["items"]).encode()} if "items" in changes else {}
    return envelope, value, items


LIES: dict[str, dict[str, object]] = {
    "one too many": {"items": {CHART.name: RANKS + 1}},
    "none": {"items": {CHART.name: 0}},
    "of another table": {"items": {"reviews": RANKS}},
    "negative": {"items": {CHART.name: -1}},
    "huge": {"items": {CHART.name: 10**30}},
    "not numbers": {"items": {CHART.name: "many"}},
    "no status": {"status": 10**30},
    "a problem without one": {"problem": "x", "items": {CHART.name: 1}},
    "a body of another day": {"body": "{}"},
    "fetched after all time": {"fetched_at": "9999-12-31T23:59:59-01:00"},
    "fetched before all time": {"fetched_at": "0001-01-01T00:00:00+01:00"},
    "an unknown request": {"request": "CHART"},
    "notes of an import": {"headers": {NOTES_HEADER: "a note"}},
    "a name that Spark cannot read": {"body": json.dumps(BODY | {"k" * 60_000: 1})},
}
FALSE_HEADERS = (b"-1", b"x", b"[" * 100_000, b'{"most_played": 7}', b'{"most_played": 1e30}', b"\xff")


def test_records_whose_counts_differ_from_their_body_are_set_aside_and_the_rest_lands(lake: Lake) -> None:
    """A batch mixes every kind of false claim with true envelopes.

    Only the true ones land, with counts from their bodies.
    """
    made = chart(new_batch_id(), len(LIES) + len(FALSE_HEADERS) + 2)
    sent = [stated(envelope, **_consistent(lie)) for envelope, lie in zip(made, LIES.values(), strict=False)]
    by_header = zip(made[len(LIES) :], FALSE_HEADERS, strict=False)
    sent += [(envelope, envelope.to_bytes(), {"items": header}) for envelope, header in by_header]
    sent += [stated(envelope) for envelope in made[-2:]]
    send(lake, sent)
    (receipt,) = find_batches(lake.settings, CHART)
    landed = land(lake, CHART, receipt, NOW)
    assert (landed.batch.landed, landed.batch.items) == (2, {CHART.name: 2 * RANKS})
    assert (landed.batch.dead_letters, landed.batch.excluded) == (len(LIES) + len(FALSE_HEADERS), None)
    aside = lake.set_aside(CHART).arrow([KEY], ("value", "reason"))
    assert aside is not None
    assert {row["value"] for row in aside.to_pylist()} == {value for _, value, _ in sent[:-2]}
    assert all(aside["reason"].to_pylist())


def _consistent(lie: dict[str, object]) -> dict[str, object]:
    """The envelope with the correct SHA-256 of its body, which is checked first."""
    body = lie.get("body")
    return lie | {"sha256": hashlib.sha256(str(body).encode()).hexdigest()} if body is not None else lie


def test_a_batch_lands_by_its_own_receipt_as_when_it_is_found_and_counted(lake: Lake) -> None:
    sent = chart(new_batch_id(), 3)
    own = publish(lake.settings, CHART, sent, total=3, batch_id=sent[0].batch_id, partition_key=KEY)
    (found,) = find_batches(lake.settings, CHART)
    by_own, counted = (land(lake, CHART, receipt, NOW).batch for receipt in (own, found))
    assert by_own == counted
    assert (counted.landed, counted.items) == (3, {CHART.name: 3 * RANKS})


def test_wrong_counts_under_the_products_own_name_are_set_aside_when_found(lake: Lake) -> None:
    """The digest is not in the topic, so that nobody can vouch for a batch there."""
    (made,) = chart(new_batch_id())
    wrong = made.model_copy(update={"items": {CHART.name: RANKS + 1}})
    publish(lake.settings, CHART, [wrong], total=1, batch_id=made.batch_id, partition_key=KEY)
    (found,) = find_batches(lake.settings, CHART)
    landed = land(lake, CHART, found, NOW).batch
    assert (landed.landed, landed.dead_letters, landed.excluded) == (0, 1, NOTHING_USABLE)


def test_a_batch_without_a_valid_record_leaves_its_partition_to_be_fetched(lake: Lake) -> None:
    send(lake, [stated(chart(new_batch_id())[0], items={CHART.name: 5})])
    (receipt,) = find_batches(lake.settings, CHART)
    landed = land(lake, CHART, receipt, NOW)
    record = commit_batch(lake.raw(CHART), KEY, landed.batch, landed.files)
    assert record.excluded == {receipt.batch_id: NOTHING_USABLE}
    assert not SourceLedger.of(lake, CHART).status(KEY).raw_present
    assert SourceLedger.of(lake, CHART).landed(KEY) == {receipt.batch_id}, "the sensor no longer requests it"
    assert RawResolver(lake, Clock(NOW)).plan(CHART, KEY).origin is Origin.SOURCE


def test_a_response_from_the_future_is_refused_with_the_command_that_excludes_it(lake: Lake) -> None:
    """As the newest, it would replace every later response."""
    week = source_named("top_sellers")
    ensure_topics(lake.settings, week)
    (made,) = envelopes(week, new_batch_id(), [1], partition_key=KEY)
    ahead = made.model_copy(update={"fetched_at": NOW + timedelta(days=400)})
    receipt = publish(lake.settings, week, [ahead], total=1, batch_id=made.batch_id, partition_key=KEY)
    with pytest.raises(WrongPeriod, match="in the future") as refused:
        land(lake, week, receipt, NOW)
    assert f"steam-assets exclude {week.name} --partition {KEY} --batch {made.batch_id}" in str(refused.value)


def landed_twice(lake: Lake) -> tuple[str, str]:
    """A backed-up partition of two batches, and their IDs."""
    ids = (new_batch_id(), new_batch_id())
    for batch_id in ids:
        send(lake, [stated(chart(batch_id)[0])])
    for receipt in find_batches(lake.settings, CHART):
        landed = land(lake, CHART, receipt, NOW)
        commit_batch(lake.raw(CHART), KEY, landed.batch, landed.files)
    back_up(lake.raw_twins(CHART), [KEY], NOW)
    return ids


def test_a_command_excludes_a_batch_and_includes_it_again(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledgers of raw data and backup record it; its rows stay where they are."""
    good, bad = landed_twice(lake)
    monkeypatch.setenv("STEAM_KAFKA_TOPIC_PREFIX", lake.settings.kafka_topic_prefix)
    home = ["--home", str(lake.settings.home)]
    before = lake.raw(CHART).record(RawRecord, KEY)
    listed = CliRunner().invoke(app, ["exclude", CHART.name, "--partition", KEY, *home])
    assert good in listed.stdout and bad in listed.stdout
    command = ["exclude", CHART.name, "--partition", KEY, "--batch", bad, *home]
    done = CliRunner().invoke(app, [*command, "--reason", "a test"])
    assert done.exit_code == 0, done.output
    assert f"run {CHART.name} --from {KEY} --to {KEY} --stage clean" in done.stdout
    twins = lake.raw_twins(CHART)
    for record in (twins.primary.record(RawRecord, KEY), held(lake)):
        assert record is not None and before is not None
        assert record.excluded == {bad: "a test"}
        assert [batch.batch_id for batch in record.included] == [good]
        assert record.content == before.content and record.digest != before.digest
        assert record.items == {CHART.name: RANKS}
    assert verify_twins(twins, KEY) == []
    assert RawResolver(lake, Clock(NOW)).plan(CHART, KEY, refetch=False).origin is Origin.PRESENT
    again = CliRunner().invoke(app, [*command, "--undo"])
    assert again.exit_code == 0, again.output
    assert twins.primary.record(RawRecord, KEY) == held(lake) == before


def held(lake: Lake) -> RawRecord | None:
    copy = backup_of(lake.raw_twins(CHART), KEY)
    return copy.of if copy else None


def test_an_excluded_batch_comes_back_neither_from_the_backup_nor_from_the_topic(lake: Lake) -> None:
    _, bad = landed_twice(lake)
    exclude_batch(lake.raw(CHART), KEY, bad, "a test", NOW)
    twins = lake.raw_twins(CHART)
    restore(twins, KEY, overwrite=True)
    record = twins.primary.record(RawRecord, KEY)
    assert record is not None and set(record.excluded) == {bad}
    back_up(twins, [KEY], NOW)
    for file in twins.primary.files_of(KEY):
        Path(file.file_path).unlink()
    plan = RawResolver(lake, Clock(NOW)).plan(CHART, KEY)
    assert (plan.origin, plan.receipts) == (Origin.BACKUP, ())
    restore(twins, KEY, overwrite=True)
    record = twins.primary.record(RawRecord, KEY)
    assert record is not None and set(record.excluded) == {bad}


def test_a_batch_that_cannot_be_landed_is_excluded_before_it_was(lake: Lake) -> None:
    """The partition is then treated as if the topic did not have the batch."""
    batch_id = new_batch_id()
    send(lake, [stated(chart(batch_id)[0])])
    resolver = RawResolver(lake, Clock(NOW))
    assert resolver.plan(CHART, KEY).origin is Origin.KAFKA
    assert exclude_batch(lake.raw(CHART), KEY, batch_id, "cannot be landed", NOW)
    assert not exclude_batch(lake.raw(CHART), KEY, batch_id, "once more", NOW)
    assert resolver.plan(CHART, KEY).origin is Origin.SOURCE
    with pytest.raises(LookupError, match="no rows of a batch"):
        exclude_batch(lake.raw(CHART), KEY, batch_id, None, NOW)
