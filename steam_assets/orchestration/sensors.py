"""Data sensors: batches of other producers on a topic, and raw partitions that were not cleaned yet.

Belongs here: what a tick reads, its cursor, and the runs it requests. Does not belong here: alerts (alerts.py), what
the runs do.

Both request idempotent runs. A partition that a run is working on is left to that run: the cursor stays, and the next
tick checks again. The topic's cursor passes a batch only once it is landed; a run that failed to land it is requested
again every hour, and each failure raises an alert (alerts.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import islice

import dagster as dg
from pydantic import NonNegativeInt, TypeAdapter

from steam_assets.clock import Clock
from steam_assets.ingestion.landing import NO_PARTITION, aside_id, set_aside
from steam_assets.kafka.connection import KafkaUnavailable, ensure_topics
from steam_assets.kafka.consumer import TopicScan, Unfinished, scan_topic
from steam_assets.kafka.dead_letters import Poison
from steam_assets.kafka.topic_reader import RangeGone
from steam_assets.lake.lake import Lake
from steam_assets.lake.raw_tables import kept_aside
from steam_assets.ledger.partition_status import SourceLedger
from steam_assets.ledger.records import RawRecord, Receipt
from steam_assets.orchestration.alerts import AlertNotDelivered, batches_given_up, deliver, topic_damaged
from steam_assets.orchestration.cursors import cursor_of
from steam_assets.orchestration.dagster_types import AssetJob
from steam_assets.orchestration.run_status import Activity, job_name
from steam_assets.orchestration.stages import AFTER_RAW, Stage, stage_keys
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Source

RUNS_A_TICK = 20
DEAD_LETTERS_A_TICK = 50
RUN_KEY = "dagster/run_key"
GIVEN_UP_AFTER = timedelta(hours=1)
"""An incomplete batch whose newest message is older than this will never be finished: transactions time out sooner."""


def source_sensors(sources: Sequence[Source], jobs: Sequence[AssetJob], *, running: bool) -> list[dg.SensorDefinition]:
    """Two sensors per source, off unless ``running``."""
    by_name = {job.name: job for job in jobs}
    status = dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED
    made = []
    for source in sources:
        job = by_name[job_name(source)]
        made += [_topic_sensor(source, job, status), _uncleaned_sensor(source, job, status)]
    return made


def _topic_sensor(source: Source, job: AssetJob, status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    @dg.sensor(
        name=f"{source.name}_topic",
        job=job,
        default_status=status,
        minimum_interval_seconds=60,
        description="Lands complete batches that other producers published to the topic, and runs the later stages. "
        "Not declarative automation: a message on a topic is not an asset event.",
    )
    def topic(
        context: dg.SensorEvaluationContext, lake: dg.ResourceParam[Lake], clock: dg.ResourceParam[Clock]
    ) -> dg.SensorResult | dg.SkipReason:
        cursor = cursor_of(context, _CURSOR) or _TopicCursor()
        aside = _Rejected(lake, source)
        try:
            scan = scan_topic(lake.settings, source, cursor.cluster_id, cursor.offsets, aside.take)
            aside.keep(clock.now())
        except (KafkaUnavailable, RangeGone) as error:
            return dg.SkipReason(str(error))
        if scan.ends == cursor.offsets and scan.cluster_id == cursor.cluster_id:
            return dg.SkipReason("nothing new on the topic")
        return _TopicTick(context, lake, source, scan, clock.now(), aside, cursor).result()

    return topic


@dataclass(frozen=True)
class _TopicCursor:
    """Up to where the topic has been handled: offsets by Kafka partition, of one cluster.

    ``warned`` names the batches and damaged ranges behind it that a warning was logged for.
    """

    cluster_id: str = ""
    offsets: Mapping[int, NonNegativeInt] = field(default_factory=dict[int, int])
    warned: frozenset[str] = frozenset()

    def text(self) -> str:
        return json.dumps({"cluster_id": self.cluster_id, "offsets": self.offsets, "warned": sorted(self.warned)})

    @classmethod
    def before(cls, scan: TopicScan, pending: Iterable[Receipt]) -> _TopicCursor:
        """The position up to which everything is handled: the topic's end, or where ``pending`` batches begin.

        A batch that reaches beyond the position is kept behind it as a whole: half of it would look incomplete to the
        next tick.
        """
        offsets = dict(scan.ends)
        waiting = list(pending)
        while waiting:
            for part in (part for batch in waiting for part in batch.ranges):
                offsets[part.partition] = min(offsets.get(part.partition, part.start), part.start)
            waiting = [batch for batch in scan.batches if _is_cut(batch, offsets)]
        return cls(scan.cluster_id, offsets)


_CURSOR = TypeAdapter(_TopicCursor)


def _is_cut(batch: Receipt, offsets: Mapping[int, int]) -> bool:
    begins_before = any(part.start < offsets.get(part.partition, part.start) for part in batch.ranges)
    return begins_before and any(part.end > offsets.get(part.partition, part.end) for part in batch.ranges)


@dataclass
class _Rejected:
    """Quarantines messages that are not envelopes of the source: a limited number per tick, the rest in the next."""

    lake: Lake
    source: Source
    taken: list[Poison] = field(default_factory=list)
    waiting: bool = False

    def take(self, poison: Poison) -> None:
        if aside_id(poison) in self._known:
            # Quarantined by an earlier tick: the cursor has not passed it, as other messages were waiting.
            return
        if len(self.taken) == DEAD_LETTERS_A_TICK:
            self.waiting = True
        else:
            self.taken.append(poison)

    @cached_property
    def _known(self) -> set[str]:
        return kept_aside(self.lake.set_aside(self.source), NO_PARTITION)

    def keep(self, now: datetime) -> None:
        if self.taken:
            ensure_topics(self.lake.settings, self.source)
            set_aside(self.lake, self.source, self.taken, now)


@dataclass
class _TopicTick:
    context: dg.SensorEvaluationContext
    lake: Lake
    source: Source
    scan: TopicScan
    now: datetime
    rejected: _Rejected
    cursor: _TopicCursor
    warned: set[str] = field(default_factory=set[str])

    def result(self) -> dg.SensorResult:
        new = self._new_batches()
        activity = Activity(self.context.instance)
        held = [key for key in new if activity.works_on(self.source, key)]
        ready = [key for key in new if key not in held]
        # A record that is dated far ahead of now would otherwise keep its batch open until then.
        open_batches = [one for one in self._unfinished if abs(self.now - one.seen) < GIVEN_UP_AFTER]
        self._warn()
        self._alert_of_damage()
        self._alert_of_given_up([one for one in self._unfinished if one not in open_batches])
        requests = list(islice(_unasked(self.context, (self._request(key, new[key]) for key in ready)), RUNS_A_TICK))
        pending = [batch for batches in new.values() for batch in batches]
        waits = [f"runs for {len(ready)} partitions were already requested this hour"] if ready else []
        waits += [f"runs are working on {', '.join(held)}"] if held else []
        waits += [f"{len(open_batches)} batches are incomplete so far"] if open_batches else []
        # The cursor passes only what is landed: the run that lands the rest may fail and is then requested again.
        stays = bool(open_batches) or self.rejected.waiting
        cursor = self.cursor if stays else _TopicCursor.before(self.scan, pending)
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else dg.SkipReason("; ".join(waits) or "everything is landed"),
            cursor=replace(cursor, warned=frozenset(self.warned)).text(),
        )

    def _new_batches(self) -> dict[str, list[Receipt]]:
        """Complete batches that are not landed yet, by partition key, oldest partition first."""
        new: dict[str, list[Receipt]] = {}
        for batch in self.scan.batches:
            if not partition_exists(self.source.cadence, batch.partition_key, self.now):
                self._warn_of(
                    batch.batch_id,
                    f"belongs to partition {batch.partition_key}, which does not exist yet; the partition's own run "
                    "will find the batch",
                )
            elif batch.batch_id not in self._ledger.landed(batch.partition_key):
                new.setdefault(batch.partition_key, []).append(batch)
        return dict(sorted(new.items()))

    @cached_property
    def _ledger(self) -> SourceLedger:
        return SourceLedger.of(self.lake, self.source)

    @cached_property
    def _unfinished(self) -> list[Unfinished]:
        """Incomplete batches, without records that a producer sent again after their batch was landed."""
        return [one for one in self.scan.unfinished if one.batch_id not in self._ledger.landed(one.partition_key)]

    def _warn(self) -> None:
        if new := len(self.rejected.taken):
            left = "; more of them at the next tick" if self.rejected.waiting else ""
            self.context.log.warning(
                f"{self.source.name}: {new} messages on the topic are not valid envelopes; they are set aside and "
                f"in the dead-letter topic{left}"
            )

    def _alert_of_damage(self) -> None:
        new = [damaged for damaged in self.scan.damaged if str(damaged) not in self.cursor.warned]
        self.warned.update(map(str, self.scan.damaged))
        if new:
            self._alert(topic_damaged(self.source.name, new))

    def _alert_of_given_up(self, batches: Sequence[Unfinished]) -> None:
        new = [batch for batch in batches if batch.batch_id not in self.cursor.warned]
        self.warned.update(batch.batch_id for batch in batches)
        if new:
            self._alert(batches_given_up(self.source.name, new))

    def _alert(self, alert: Mapping[str, object]) -> None:
        self.context.log.error(alert["text"])
        if self.lake.settings.alert_webhook_url.get_secret_value():
            try:
                deliver(self.lake.settings, alert)
            except AlertNotDelivered as error:
                # The other batches of the topic do not wait for the webhook.
                self.context.log.error(str(error))

    def _warn_of(self, batch_id: str, problem: str) -> None:
        """Log a batch's problem once, however many ticks see it."""
        self.warned.add(batch_id)
        if batch_id not in self.cursor.warned:
            self.context.log.warning(f"{self.source.name}: batch {batch_id} {problem}")

    def _request(self, key: str, batches: Sequence[Receipt]) -> dg.RunRequest:
        ranges = [f"{part.partition}:{part.start}-{part.end}" for batch in batches for part in batch.ranges]
        ids = [batch.batch_id for batch in batches]
        stages = (Stage.RAW,) if self.source.is_open(self.source.cadence.window(key), self.now) else Stage
        named = hashlib.sha256(" ".join([*ids, *ranges]).encode()).hexdigest()[:16]
        publish = {"ops": {f"publish_{self.source.name}": {"config": {"batch_ids": ids}}}}
        return dg.RunRequest(
            # A run key is used only once: the hour in it allows a failed run to be requested again.
            run_key=f"{self.source.name} {key} {ranges[0]} {named} {self.now:%Y-%m-%dT%H}",
            partition_key=key,
            asset_selection=[asset for stage in stages for asset in stage_keys(self.source, stage)],
            run_config={"ops": {f"{self.source.name}__raw": publish}},
            tags={"steam/offsets": " ".join(ranges)[:200]},
        )


def _uncleaned_sensor(source: Source, job: AssetJob, status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    @dg.sensor(
        name=f"{source.name}_uncleaned",
        job=job,
        default_status=status,
        minimum_interval_seconds=120,
        description="Backs up and cleans raw partitions, from any producer, whose current version has not been cleaned "
        "yet, and days with samples after they end. Not declarative automation: other producers land without an asset "
        "event, and a condition on the clean table cannot tell which version of the raw data it was made from.",
    )
    def uncleaned(
        context: dg.SensorEvaluationContext, lake: dg.ResourceParam[Lake], clock: dg.ResourceParam[Clock]
    ) -> dg.SensorResult:
        activity, now, ledger = Activity(context.instance), clock.now(), SourceLedger.of(lake, source)
        waiting = [
            record
            for key, record in ledger.raw.items()
            if partition_exists(source.cadence, key, now)
            and not source.is_open(source.cadence.window(key), now)
            and not _was_cleaned(ledger, record)
            and (record.included or any(key in cleaned for cleaned in ledger.clean.values()))
        ]
        ready = [record for record in waiting if not activity.works_on(source, record.partition_key)]
        asked = _unasked(context, (_clean_request(source, record) for record in ready))
        requests = list(islice(asked, RUNS_A_TICK))
        why = "runs are working on the new partitions" if waiting else "everything is clean"
        skip = None if requests else dg.SkipReason(why)
        return dg.SensorResult(run_requests=requests, skip_reason=skip)

    return uncleaned


def _unasked(context: dg.SensorEvaluationContext, requests: Iterable[dg.RunRequest]) -> Iterator[dg.RunRequest]:
    """The requests that were not made before: earlier ones must not use up the limit per tick."""
    for request in requests:
        tags = {RUN_KEY: request.run_key or ""}
        if not context.instance.get_run_records(dg.RunsFilter(tags=tags), limit=1):
            yield request


def _was_cleaned(ledger: SourceLedger, record: RawRecord) -> bool:
    """Whether every table was cleaned from exactly this raw data; the tables may since be cleared (housekeeping)."""
    copies = [backups.get(record.partition_key) for backups in ledger.clean_backup.values()]
    return all(copy is not None and copy.of.raw_digest == record.digest for copy in copies)


def _clean_request(source: Source, record: RawRecord) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{source.name} {record.partition_key} {record.digest}",
        partition_key=record.partition_key,
        asset_selection=[asset for stage in AFTER_RAW for asset in stage_keys(source, stage)],
    )


def partition_exists(cadence: Cadence, key: str, now: datetime) -> bool:
    """Whether Dagster has the partition at ``now``: the current day exists, the current week and month do not."""
    try:
        window = cadence.window(key)
    except ValueError:
        return False
    return key >= cadence.first and (window.start if cadence is Cadence.DAILY else window.end) <= now
