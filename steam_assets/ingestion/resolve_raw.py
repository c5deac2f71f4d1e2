"""Where a raw partition comes from: what is there, Kafka, the raw backup, or the source, in that order.

Belongs here: the order and its reasons. Does not belong here: each way itself (extract.py, producer.py, landing.py,
lake/).

A batch that was published but not landed is found in the topic and landed; the source is not asked twice. A partition
that housekeeping cleared comes back from Kafka or from its backup. Only what is nowhere is asked of the source, and
only if the source can be asked about that window, or if a run that died had its answers on disk already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from steam_assets.clock import Clock
from steam_assets.extraction.errors import NotAskable, SourceError
from steam_assets.extraction.extract import extract
from steam_assets.extraction.http_client import HttpClient
from steam_assets.extraction.limits import RetryPolicy
from steam_assets.extraction.spool import Spool
from steam_assets.kafka.connection import KafkaUnavailable, ensure_topics
from steam_assets.kafka.consumer import find_batches
from steam_assets.kafka.producer import publish
from steam_assets.lake.backup import backup_of, backups_of, restore
from steam_assets.lake.lake import Lake
from steam_assets.lake.ledger import RawRecord, Receipt
from steam_assets.lake.raw_tables import Aside, put_aside
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
class RawResolver:
    """Obtains raw partitions for one deployment. ``progress`` is called with the number of answers so far."""

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
        if batch_ids and self._is_there(source, partition_key):
            return self._additional(source, partition_key, batch_ids)
        if not refetch:
            found = self._find(source, partition_key)
            if found is not None:
                return found
        return Resolved(Origin.SOURCE, (self._ask(source, partition_key, apps),))

    def _is_there(self, source: Source, partition_key: str) -> bool:
        raw = self.lake.raw(source)
        return raw.record(RawRecord, partition_key) is not None and raw.is_whole(partition_key)

    def _find(self, source: Source, partition_key: str) -> Resolved | None:
        if self._is_there(source, partition_key):
            return Resolved(Origin.THERE)
        ensure_topics(self.lake.settings, source)
        batches = find_batches(self.lake.settings, source, partition_key)
        retained = {batch.batch_id for batch in batches}
        copy = backup_of(self.lake.raw_twins(source), partition_key)
        held = copy.of.batch_ids if copy else set[str]()
        lost = self._lost(source, partition_key, retained | held)
        if held - retained or (held and lost is not None):
            # The topic has forgotten at least one snapshot; what it has beyond the backup is landed on top.
            restore(self.lake.raw_twins(source), partition_key, overwrite=True)
            return Resolved(Origin.BACKUP, tuple(batch for batch in batches if batch.batch_id not in held))
        return Resolved(Origin.KAFKA, tuple(batches)) if batches else None

    def _lost(self, source: Source, partition_key: str, had: set[str]) -> RawRecord | None:
        """The record of a partition of which files are missing; NotAskable if a batch of it is nowhere else."""
        record = self.lake.raw(source).record(RawRecord, partition_key)
        if record is None:
            return None
        if lost := sorted(record.batch_ids - had):
            raise NotAskable(
                f"gap: {source.name} {partition_key} has lost files, and neither Kafka nor the raw backup has batch "
                f"{', '.join(lost)} any more. Bring the files back, or import them again; to give them up and ask the "
                f"source anew: steam-assets run {source.name} --from {partition_key} --refetch"
            )
        return record

    def _additional(self, source: Source, partition_key: str, batch_ids: Sequence[str]) -> Resolved:
        held = {batch.batch_id: batch for batch in find_batches(self.lake.settings, source, partition_key)}
        lost = [batch_id for batch_id in batch_ids if batch_id not in held]
        if lost:
            raise NotAskable(
                f"{source.name} {partition_key}: the topic no longer holds batch {', '.join(lost)}; "
                "ask whoever published it to publish it again"
            )
        return Resolved(Origin.KAFKA, tuple(held[batch_id] for batch_id in batch_ids))

    def _ask(self, source: Source, partition_key: str, apps: Callable[[], Sequence[int]]) -> Receipt:
        settings = self.lake.settings
        window, now = source.cadence.window(partition_key), self.clock.now()
        refusal = source.history.refusal(window, now)
        fetch_request = FetchRequest(
            window=window,
            now=now,
            apps=() if refusal else tuple(apps()),
            page_budget=settings.review_page_budget,
            official=bool(settings.similarweb_api_key.get_secret_value()),
        )
        ensure_topics(settings, source)
        # A run that died after its commit leaves a spool that must not be published a second time.
        known = {batch.batch_id for batch in find_batches(settings, source, partition_key)}
        Spool.drop_published(self._spool_folder, source.name, partition_key, known)
        try:
            with HttpClient(settings, self.clock, self.retry_policy) as client:
                spool = extract(source, fetch_request, client, self._spool_folder, progress=self.progress)
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

    @property
    def _spool_folder(self) -> Path:
        return spool_folder(self.lake.settings)

    def _keep_evidence(self, source: Source, partition_key: str, error: SourceError) -> None:
        evidence = error.evidence
        if evidence is not None and evidence.body:
            details = {"url": evidence.url, "status": str(evidence.status)}
            aside = Aside("answer", evidence.body, str(error), details)
            put_aside(self.lake.set_aside(source), source.name, partition_key, [aside], self.clock.now())


def spool_folder(settings: Settings) -> Path:
    """Where batches lie between fetching and publishing."""
    return settings.home / "spool"
