"""Where a raw partition comes from: what is there, Kafka, the raw backup, or the source, in that order.

Belongs here: the order and its reasons. Does not belong here: each way itself (collect.py, producer.py, landing.py,
lake/).

A batch that was published but not landed is found in the topic and landed; the source is not asked twice. A partition
that housekeeping cleared comes back from Kafka or from its backup. Only what is nowhere is asked of the source, and
only if the source can be asked about that window.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from steam_assets.ingestion.clock import Clock
from steam_assets.ingestion.collect import collect
from steam_assets.ingestion.consumer import find_batches
from steam_assets.ingestion.errors import NotAskable, SourceError
from steam_assets.ingestion.http_client import SourceClient
from steam_assets.ingestion.kafka_connection import ensure_topics
from steam_assets.ingestion.limits import Patience
from steam_assets.ingestion.producer import publish
from steam_assets.lake.lake import Lake
from steam_assets.lake.manifest import Receipt
from steam_assets.lake.raw_backup import restore
from steam_assets.sources.source import Question, Source


class Origin(StrEnum):
    """Where a raw partition came from."""

    THERE = "already there"
    KAFKA = "kafka"
    BACKUP = "raw backup"
    SOURCE = "source"


@dataclass(frozen=True)
class Obtained:
    """``receipts`` of the batches to land; none where the partition is already whole in the raw store."""

    origin: Origin
    receipts: tuple[Receipt, ...] = field(default_factory=tuple)


@dataclass(frozen=True)
class Obtainer:
    """Obtains raw partitions for one deployment. ``progress`` is called with the number of answers so far."""

    lake: Lake
    clock: Clock
    progress: Callable[[int], None] = lambda answers: None
    patience: Patience = field(default_factory=Patience)

    def obtain(
        self,
        source: Source,
        partition_key: str,
        apps: Callable[[], Sequence[int]],
        *,
        refetch: bool = False,
        batch_ids: Sequence[str] = (),
    ) -> Obtained:
        """Find the partition, or ask for it. ``apps`` is called only if the source is asked.

        ``refetch`` asks the source in any case and adds a snapshot beside those there are. ``batch_ids`` are batches in
        the topic to add to a partition that is there already. Raises NotAskable, naming the gap, if the partition or a
        batch is nowhere and the source cannot be asked; SourceError if asking failed, with the refused bytes in
        quarantine.
        """
        if batch_ids and self.lake.raw.is_whole(source.name, partition_key):
            return self._additional(source, partition_key, batch_ids)
        if not refetch:
            found = self._find(source, partition_key)
            if found is not None:
                return found
        return Obtained(Origin.SOURCE, (self._ask(source, partition_key, apps),))

    def _find(self, source: Source, partition_key: str) -> Obtained | None:
        if self.lake.raw.is_whole(source.name, partition_key):
            return Obtained(Origin.THERE)
        ensure_topics(self.lake.settings, source)
        batches = find_batches(self.lake.settings, source, partition_key)
        if batches:
            return Obtained(Origin.KAFKA, tuple(batches))
        if self.lake.raw_backup.manifest(source.name, partition_key) is not None:
            restore(self.lake.raw_backup, self.lake.raw, source.name, partition_key, overwrite=True)
            return Obtained(Origin.BACKUP)
        return None

    def _additional(self, source: Source, partition_key: str, batch_ids: Sequence[str]) -> Obtained:
        held = {batch.batch_id: batch for batch in find_batches(self.lake.settings, source, partition_key)}
        lost = [batch_id for batch_id in batch_ids if batch_id not in held]
        if lost:
            raise NotAskable(
                f"{source.name} {partition_key}: the topic no longer holds batch {', '.join(lost)}; "
                "ask whoever published it to publish it again"
            )
        return Obtained(Origin.KAFKA, tuple(held[batch_id] for batch_id in batch_ids))

    def _ask(self, source: Source, partition_key: str, apps: Callable[[], Sequence[int]]) -> Receipt:
        settings = self.lake.settings
        window, now = source.cadence.window(partition_key), self.clock.now()
        refusal = source.history.refusal(window, now)
        if refusal:
            raise NotAskable(f"gap: {source.name} {partition_key} cannot be had. {refusal}.")
        question = Question(
            window=window,
            now=now,
            apps=tuple(apps()),
            page_budget=settings.review_page_budget,
            official=bool(settings.similarweb_api_key.get_secret_value()),
        )
        client = SourceClient(settings, self.clock, self.patience)
        try:
            spool = collect(source, question, client, settings.home / "spool", progress=self.progress)
        except SourceError as error:
            self._keep_evidence(source, partition_key, error)
            raise
        ensure_topics(settings, source)
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
            reason = {"reason": str(error), "url": evidence.url, "status": str(evidence.status)}
            self.lake.raw.quarantine(source.name, partition_key, "answer", evidence.body, reason)
