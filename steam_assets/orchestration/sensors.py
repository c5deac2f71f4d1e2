"""Sensors of data: batches of other producers on a topic, and raw data that nobody has cleaned.

Belongs here: what a tick looks at, its cursor, and the runs it asks for. Does not belong here: alerts (alerts.py),
what the runs do.

Both ask for runs that change nothing if they run twice. A partition that a run is working on is left to that run: the
cursor stays, and the next tick looks again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import dagster as dg

from steam_assets.ingestion.clock import Clock
from steam_assets.ingestion.consumer import TopicScan, scan_topic
from steam_assets.ingestion.kafka_connection import KafkaUnavailable
from steam_assets.ingestion.topic_reader import RangeGone
from steam_assets.lake.lake import Lake
from steam_assets.lake.manifest import Manifest, Receipt
from steam_assets.lake.raw_store import DamagedManifest
from steam_assets.orchestration.launch import AFTER_RAW, Stage, stage_keys
from steam_assets.orchestration.schedules import AssetJob
from steam_assets.orchestration.standing import Activity
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Source

RUNS_A_TICK = 20
PARTITIONS_A_TICK = 200
GIVEN_UP_AFTER = timedelta(hours=1)
"""After its newest record, a batch of which records are missing will not be finished: transactions end sooner."""


def source_sensors(sources: Sequence[Source], jobs: Sequence[AssetJob], *, running: bool) -> list[dg.SensorDefinition]:
    """Two sensors a source, off unless ``running``."""
    by_name = {job.name: job for job in jobs}
    status = dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED
    made = []
    for source in sources:
        job = by_name[source.cadence.value]
        made += [_topic_sensor(source, job, status), _uncleaned_sensor(source, job, status)]
    return made


def _topic_sensor(source: Source, job: AssetJob, status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    @dg.sensor(
        name=f"{source.name}_topic",
        job=job,
        default_status=status,
        minimum_interval_seconds=60,
        required_resource_keys={"lake", "clock"},
        description="Lands whole batches that other producers have put on the topic, and takes them on to clean.",
    )
    def topic(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        lake: Lake = context.resources.lake
        clock: Clock = context.resources.clock
        cursor = _TopicCursor.read(context.cursor)
        try:
            scan = scan_topic(lake.settings, source, cursor.cluster_id, cursor.offsets)
        except (KafkaUnavailable, RangeGone) as error:
            return dg.SkipReason(str(error))
        if scan.ends == cursor.offsets and scan.cluster_id == cursor.cluster_id:
            return dg.SkipReason("nothing new on the topic")
        return _TopicTick(context, lake, source, scan, clock.now()).result(context.cursor)

    return topic


@dataclass(frozen=True)
class _TopicCursor:
    """The end of what has been handled: offsets by Kafka partition, of one cluster."""

    cluster_id: str
    offsets: Mapping[int, int]

    @classmethod
    def read(cls, text: str | None) -> _TopicCursor:
        kept = json.loads(text) if text else {"cluster_id": "", "offsets": {}}
        return cls(kept["cluster_id"], {int(part): end for part, end in kept["offsets"].items()})

    @classmethod
    def after(cls, scan: TopicScan) -> str:
        return json.dumps({"cluster_id": scan.cluster_id, "offsets": scan.ends})


@dataclass
class _TopicTick:
    context: dg.SensorEvaluationContext
    lake: Lake
    source: Source
    scan: TopicScan
    now: datetime

    def result(self, cursor: str | None) -> dg.SensorResult:
        new = self._new_batches()
        activity = Activity(self.context.instance)
        held = [key for key in new if activity.works_on(self.source, key)]
        ready = [key for key in new if key not in held]
        open_batches = [batch for batch, seen in self.scan.unfinished.items() if self.now - seen < GIVEN_UP_AFTER]
        self._tell(open_batches)
        moves = not held and not open_batches and len(ready) <= RUNS_A_TICK
        requests = [self._request(key, new[key]) for key in ready[:RUNS_A_TICK]]
        waits = [f"runs work on {', '.join(held)}"] if held else []
        waits += [f"{len(open_batches)} batches are not whole yet"] if open_batches else []
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else dg.SkipReason("; ".join(waits) or "all of it is landed"),
            cursor=_TopicCursor.after(self.scan) if moves else cursor,
        )

    def _new_batches(self) -> dict[str, list[Receipt]]:
        """Whole batches that are in no manifest, by partition key, oldest partition first."""
        new: dict[str, list[Receipt]] = {}
        for batch in self.scan.batches:
            if not partition_exists(self.source.cadence, batch.partition_key, self.now):
                self.context.log.warning(
                    f"{self.source.name}: batch {batch.batch_id} is of {batch.partition_key}, and there is no such "
                    "partition; when there is, its own run finds the batch"
                )
            elif batch.batch_id not in _landed(_manifest(self.context, self.lake, self.source, batch.partition_key)):
                new.setdefault(batch.partition_key, []).append(batch)
        return dict(sorted(new.items()))

    def _tell(self, open_batches: Sequence[str]) -> None:
        for batch_id in self.scan.unfinished:
            if batch_id not in open_batches:
                self.context.log.warning(f"{self.source.name}: batch {batch_id} was never finished and is passed over")
        if self.scan.foreign:
            self.context.log.warning(f"{self.source.name}: {self.scan.foreign} records on the topic are no envelopes")

    def _request(self, key: str, batches: Sequence[Receipt]) -> dg.RunRequest:
        ranges = [f"{part.partition}:{part.start}-{part.end}" for batch in batches for part in batch.ranges]
        ids = [batch.batch_id for batch in batches]
        named = hashlib.sha256(" ".join([*ids, *ranges]).encode()).hexdigest()[:16]
        publish = {"ops": {f"publish_{self.source.name}": {"config": {"batch_ids": ids}}}}
        return dg.RunRequest(
            run_key=f"{self.source.name} {key} {ranges[0]} {named}",
            partition_key=key,
            asset_selection=[asset for stage in Stage for asset in stage_keys(self.source, stage)],
            run_config={"ops": {f"{self.source.name}__raw": publish}},
            tags={"steam/offsets": " ".join(ranges)[:200]},
        )


def _uncleaned_sensor(source: Source, job: AssetJob, status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    @dg.sensor(
        name=f"{source.name}_uncleaned",
        job=job,
        default_status=status,
        minimum_interval_seconds=120,
        required_resource_keys={"lake", "clock"},
        description="Backs up and cleans raw partitions, however they came, that were not cleaned as they are now.",
    )
    def uncleaned(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        lake: Lake = context.resources.lake
        clock: Clock = context.resources.clock
        activity, now = Activity(context.instance), clock.now()
        requests: list[dg.RunRequest] = []
        cursor = context.cursor
        blocked = False
        for changed, key in _changed(lake, source, cursor):
            if len(requests) == RUNS_A_TICK:
                break
            if activity.works_on(source, key):
                blocked = True
                continue
            manifest = _manifest(context, lake, source, key)
            if manifest and partition_exists(source.cadence, key, now) and not _was_cleaned(lake, source, manifest):
                requests.append(_clean_request(source, manifest))
            # Nothing behind a partition that has to wait may be passed over.
            cursor = cursor if blocked else changed
        skip = None if requests else dg.SkipReason("runs work on what is new" if blocked else "all of it is clean")
        return dg.SensorResult(run_requests=requests, skip_reason=skip, cursor=cursor)

    return uncleaned


def _changed(lake: Lake, source: Source, cursor: str | None) -> Iterable[tuple[str, str]]:
    """Partitions whose manifest was written at the cursor's moment or since; the oldest first, a tick's worth.

    At it too, as S3 tells whole seconds: another one may have been written later in the same second.
    """
    found: Iterator[tuple[str, str]] = (
        (stored.modified.isoformat(timespec="microseconds"), stored.key.rpartition("/")[2].removesuffix(".json"))
        for stored in lake.raw.store.list(f"{source.name}/_manifests/")
    )
    return sorted((when, key) for when, key in found if cursor is None or when >= cursor)[:PARTITIONS_A_TICK]


def _was_cleaned(lake: Lake, source: Source, manifest: Manifest) -> bool:
    """Whether every table was cleaned from these very raw files; it need not be there still (housekeeping)."""
    key = manifest.partition_key
    for table in source.tables:
        backup = lake.backup_ledger.backup(table.name, key)
        if backup is None or backup.clean.raw_digest != manifest.digest:
            return False
    return True


def _clean_request(source: Source, manifest: Manifest) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{source.name} {manifest.partition_key} {manifest.digest[:16]}",
        partition_key=manifest.partition_key,
        asset_selection=[asset for stage in AFTER_RAW for asset in stage_keys(source, stage)],
    )


def partition_exists(cadence: Cadence, key: str, now: datetime) -> bool:
    """Whether Dagster has the partition at ``now``: the present day has one, the present week and month have none."""
    try:
        window = cadence.window(key)
    except ValueError:
        return False
    return key >= cadence.first and (window.start if cadence is Cadence.DAILY else window.end) <= now


def _manifest(context: dg.SensorEvaluationContext, lake: Lake, source: Source, key: str) -> Manifest | None:
    try:
        return lake.raw.manifest(source.name, key)
    except DamagedManifest as error:
        context.log.error(f"{source.name} {key}: {error}")
        return None


def _landed(manifest: Manifest | None) -> set[str]:
    return {batch.batch_id for batch in manifest.batches} if manifest else set()
