"""Where a raw partition comes from: what is there, Kafka, the raw backup, or the source, in that order.

Belongs here: the order and its reasons. Does not belong here: each way itself (extract.py, producer.py, landing.py,
lake/).

A batch that was published but not landed is found in the topic and landed; the source is not asked twice. A partition
that housekeeping cleared comes back from Kafka or from its backup. Only what is nowhere is asked of the source, and
only if the source can be asked about that window, or if a run that died had its answers on disk already.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from steam_assets.clock import Clock
from steam_assets.extraction.errors import NotAskable, SourceError
from steam_assets.extraction.extract import extract
from steam_assets.extraction.hosts import keyed
from steam_assets.extraction.http_client import HttpClient
from steam_assets.extraction.limits import RetryPolicy
from steam_assets.extraction.spool import Spool
from steam_assets.kafka.connection import KafkaUnavailable, ensure_topics
from steam_assets.kafka.consumer import find_batches
from steam_assets.kafka.producer import publish
from steam_assets.lake.backup import backup_of, backups_of, restore
from steam_assets.lake.lake import Lake
from steam_assets.lake.raw_tables import Aside, put_aside
from steam_assets.ledger.records import RawRecord, Receipt
from steam_assets.settings import Settings
from steam_assets.sources.source import FetchRequest, Source


def held(lake: Lake, source: Source) -> set[str]:
    """Keys of the partitions that need not be asked of the source: raw, its backup or the topic has them.

    A topic that cannot be read counts as empty.
    """
    twins = lake.raw_twins(source)
    keys = {*twins.primary.records(RawRecord), *backups_of(twins)}
    with suppress(KafkaUnavailable):
        keys |= {batch.partition_key for batch in find_batches(lake.settings, source)}
    return keys


class Origin(StrEnum):
    """Where a raw partition came from."""

    THERE = "already there"
    KAFKA = "kafka"
    BACKUP = "raw backup"
    SOURCE = "source"


@dataclass(frozen=True)
class Resolved:
    """``receipts`` of the batches to land; none where the raw store has all of them already."""

    origin: Origin
    receipts: tuple[Receipt, ...] = field(default_factory=tuple)


@dataclass(frozen=True)
class Plan:
    """Where a partition will come from: ``receipts`` the topic holds of it to land, ``published`` all batches there."""

    origin: Origin
    receipts: tuple[Receipt, ...] = field(default_factory=tuple)
    published: frozenset[str] = frozenset()


@dataclass(frozen=True)
class RawResolver:
    """Resolves raw partitions of one deployment. ``progress`` is called with the number of answers so far."""

    lake: Lake
    clock: Clock
    progress: Callable[[int], None] = lambda answers: None
    retry_policy: RetryPolicy = field(default_factory=RetryPolicy)

    def resolve_raw(
        self,
        source: Source,
        partition_key: str,
        apps: Callable[[], Sequence[int]],
        *,
        refetch: bool = False,
        batch_ids: Sequence[str] = (),
    ) -> Resolved:
        """Find the partition, or ask for it. ``apps`` is called only if the source is asked.

        ``refetch`` asks the source in any case and adds a snapshot beside those there are. ``batch_ids`` are batches in
        the topic to add to a partition that is there already. Raises NotAskable, naming the gap, if the partition or a
        batch is nowhere and the source cannot be asked; SourceError if asking failed, with the refused bytes in
        quarantine.
        """
        plan = self.plan(source, partition_key, refetch=refetch, batch_ids=batch_ids)
        if plan.origin is Origin.SOURCE:
            return Resolved(plan.origin, (self._ask(source, partition_key, apps, plan.published),))
        if plan.origin is Origin.BACKUP:
            restore(self.lake.raw_twins(source), partition_key, overwrite=True)
        return Resolved(plan.origin, plan.receipts)

    def plan(self, source: Source, partition_key: str, *, refetch: bool = False, batch_ids: Sequence[str] = ()) -> Plan:
        """Look at the raw store, then at the topic, then at the backup, each at most once. Changes no data."""
        there = self._is_there(source, partition_key)
        if there and not (refetch or batch_ids):
            return Plan(Origin.THERE)
        ensure_topics(self.lake.settings, source)
        retained = {batch.batch_id: batch for batch in find_batches(self.lake.settings, source, partition_key)}
        if there and batch_ids:
            return self._additional(source, partition_key, batch_ids, retained)
        held = set[str]() if refetch else self._held_by_backup(source, partition_key, retained)
        if held:
            # The topic has forgotten at least one snapshot; what it has beyond the backup is landed on top.
            return Plan(Origin.BACKUP, tuple(batch for name, batch in retained.items() if name not in held))
        if retained and not refetch:
            return Plan(Origin.KAFKA, tuple(retained.values()))
        return Plan(Origin.SOURCE, published=frozenset(retained))

    def _is_there(self, source: Source, partition_key: str) -> bool:
        raw = self.lake.raw(source)
        return raw.record(RawRecord, partition_key) is not None and raw.is_whole(partition_key)

    def _held_by_backup(self, source: Source, partition_key: str, retained: Collection[str]) -> set[str]:
        """Batches of the partition to bring back from its backup; none where the topic has all of them.

        NotAskable if files of the partition are missing and a batch of it is nowhere else.
        """
        copy = backup_of(self.lake.raw_twins(source), partition_key)
        held = copy.of.batch_ids if copy else set[str]()
        record = self.lake.raw(source).record(RawRecord, partition_key)
        if record is not None and (lost := sorted(record.batch_ids - held - set(retained))):
            raise NotAskable(
                f"gap: {source.name} {partition_key} has lost files, and neither Kafka nor the raw backup has batch "
                f"{', '.join(lost)} any more. Bring the files back, or import them again; to give them up and ask the "
                f"source anew: steam-assets run {source.name} --from {partition_key} --refetch"
            )
        return held if record is not None or held - set(retained) else set()

    def _additional(
        self, source: Source, partition_key: str, batch_ids: Sequence[str], retained: Mapping[str, Receipt]
    ) -> Plan:
        if lost := [batch_id for batch_id in batch_ids if batch_id not in retained]:
            raise NotAskable(
                f"{source.name} {partition_key}: the topic no longer holds batch {', '.join(lost)}; "
                "ask whoever published it to publish it again"
            )
        return Plan(Origin.KAFKA, tuple(retained[batch_id] for batch_id in batch_ids))

    def _ask(
        self, source: Source, partition_key: str, apps: Callable[[], Sequence[int]], published: Collection[str]
    ) -> Receipt:
        settings, folder = self.lake.settings, spool_folder(self.lake.settings)
        window, now = source.cadence.window(partition_key), self.clock.now()
        refusal = source.history.refusal(window, now)
        fetch_request = FetchRequest(
            window=window,
            now=now,
            apps=() if refusal else tuple(apps()),
            options=settings.options_of(source),
            keyed=keyed(settings, source),
        )
        # A run that died after its commit leaves a spool that must not be published a second time.
        Spool.drop_published(folder, source.name, partition_key, published)
        try:
            with HttpClient(settings, self.clock, self.retry_policy) as client:
                spool = extract(source, fetch_request, client, folder, progress=self.progress)
        except SourceError as error:
            self._keep_evidence(source, partition_key, error)
            raise
        receipt = publish(
            settings,
            source,
            spool,
            total=spool.records,
            batch_id=spool.batch_id,
            partition_key=partition_key,
        )
        spool.discard()
        return receipt

    def _keep_evidence(self, source: Source, partition_key: str, error: SourceError) -> None:
        evidence = error.evidence
        if evidence is not None and evidence.body:
            details = {"url": evidence.url, "status": str(evidence.status)}
            aside = Aside("answer", evidence.body, str(error), details)
            put_aside(self.lake.set_aside(source), source.name, partition_key, [aside], self.clock.now())


def spool_folder(settings: Settings) -> Path:
    """Where batches lie between fetching and publishing."""
    return settings.home / "spool"
