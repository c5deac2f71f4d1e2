"""Where a raw partition comes from: the raw store, Kafka, the raw backup or the source, in that order.

Belongs here: the order and the reasons for it. Does not belong here: the steps themselves (extract.py, producer.py,
landing.py, lake/).

A batch that was published but not landed is found in the topic and landed; the source is not fetched twice. A partition
that housekeeping cleared comes back from Kafka or from its backup. The source is fetched only if none of them has the
partition, and only if that window is available, or a run that died had already spooled the responses. A sampled source
is the exception: while its day lasts, each run adds a sample, after one that a dead run had spooled.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, partial
from pathlib import Path
from typing import TypeAlias

from steam_assets.clock import Clock
from steam_assets.extraction.errors import NotAvailable, SourceError
from steam_assets.extraction.extract import extract
from steam_assets.extraction.hosts import keyed, profile
from steam_assets.extraction.http_client import HttpClient
from steam_assets.extraction.limits import RetryPolicy
from steam_assets.extraction.spool import Spool
from steam_assets.ingestion.drift import drift_in_answers, drift_in_error
from steam_assets.kafka.connection import KafkaUnavailable, ensure_topics
from steam_assets.kafka.consumer import find_batches
from steam_assets.kafka.producer import publish
from steam_assets.lake.backup import backup_of, backups_of, restore
from steam_assets.lake.lake import Lake
from steam_assets.lake.raw_tables import Aside, put_aside
from steam_assets.lake.roots import refusal_to_mix
from steam_assets.ledger.records import RawRecord, Receipt
from steam_assets.settings import Settings
from steam_assets.sources.cadence import Window
from steam_assets.sources.source import FetchRequest, Source

log = logging.getLogger(__name__)


def held(lake: Lake, sources: Sequence[Source]) -> dict[str, set[str]]:
    """Keys of the partitions that need not be fetched, because raw, its backup, the topic or the spool has them.

    By source. A topic that cannot be read counts as empty; as this takes a while to find out, all are read at once.
    """
    with ThreadPoolExecutor(len(sources)) as pool:
        published = pool.map(partial(_published, lake.settings), sources)
        stored = [_stored(lake, source) for source in sources]
        return {source.name: here | sent for source, here, sent in zip(sources, stored, published, strict=True)}


def _stored(lake: Lake, source: Source) -> set[str]:
    twins = lake.raw_twins(source)
    spooled = Spool.partition_keys(spool_folder(lake.settings), source.name)
    return {*twins.primary.records(RawRecord), *backups_of(twins), *spooled}


def _published(settings: Settings, source: Source) -> set[str]:
    with suppress(KafkaUnavailable):
        return {batch.partition_key for batch in find_batches(settings, source)}
    return set()


class Origin(StrEnum):
    """Where a raw partition came from."""

    PRESENT = "already there"
    KAFKA = "kafka"
    BACKUP = "raw backup"
    SOURCE = "source"


@dataclass(frozen=True)
class Resolved:
    """``receipts`` of the batches to land; none if the raw store already has all of them."""

    origin: Origin
    receipts: tuple[Receipt, ...] = field(default_factory=tuple)


@dataclass(frozen=True)
class Plan:
    """Where a partition will come from.

    ``receipts`` are its batches to land from the topic, before one that is fetched; ``published`` are the ids of all
    its batches in the topic or in raw.
    """

    origin: Origin
    receipts: tuple[Receipt, ...] = field(default_factory=tuple)
    published: frozenset[str] = frozenset()


InTopic: TypeAlias = "Callable[[], Mapping[str, Sequence[Receipt]]]"
"""The complete batches in a source's topic, by partition key."""


def in_topic(settings: Settings, source: Source, partition_keys: Collection[str]) -> InTopic:
    """The batches of these partitions that are in the source's topic at the first call, which reads it once for all.

    Creates the topic if it does not exist.
    """

    @cache
    def batches() -> Mapping[str, Sequence[Receipt]]:
        ensure_topics(settings, source)
        found: dict[str, list[Receipt]] = {}
        for batch in find_batches(settings, source, partition_keys):
            found.setdefault(batch.partition_key, []).append(batch)
        return found

    return batches


@dataclass(frozen=True)
class RawResolver:
    """Resolves raw partitions of one deployment. ``progress`` gets the number of responses fetched so far."""

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
        published: InTopic | None = None,
    ) -> Resolved:
        """Find the partition, or fetch it. ``apps`` is called only if the source is fetched.

        ``refetch`` always fetches the source and adds a snapshot to the existing ones; so does each run of a sampled
        source during its day. ``batch_ids`` are batches in the topic to add to an existing partition. ``published`` is
        the topic, if it is read once for a range. Raises NotAvailable, naming the gap, if nothing has the partition or
        batch and the source cannot provide it; SourceError if the fetch failed, with the rejected bytes in quarantine.
        """
        plan = self.plan(source, partition_key, refetch=refetch, batch_ids=batch_ids, published=published)
        if plan.origin is Origin.SOURCE:
            return Resolved(plan.origin, (*plan.receipts, *self._fetch(source, partition_key, apps, plan.published)))
        if plan.origin is Origin.BACKUP:
            restore(self.lake.raw_twins(source), partition_key, overwrite=True)
        return Resolved(plan.origin, plan.receipts)

    def plan(
        self,
        source: Source,
        partition_key: str,
        *,
        refetch: bool = False,
        batch_ids: Sequence[str] = (),
        published: InTopic | None = None,
    ) -> Plan:
        """Check the raw store, then the topic, then the backup, each at most once. Changes no data."""
        present = self._is_present(source, partition_key)
        if present and not (refetch or batch_ids or source.sampled_every):
            return Plan(Origin.PRESENT)
        published = published or in_topic(self.lake.settings, source, [partition_key])
        excluded = self._excluded(source, partition_key)
        found = {batch.batch_id: batch for batch in published().get(partition_key, ())}
        retained = {name: batch for name, batch in found.items() if name not in excluded}
        if present and batch_ids:
            return self._additional(source, partition_key, batch_ids, retained)
        known = frozenset(found) | self._landed(source, partition_key)
        sampled = None if batch_ids else self._sampled(source, partition_key, present, retained, known)
        if sampled is not None:
            return sampled
        held = set[str]() if refetch else self._held_by_backup(source, partition_key, retained)
        if held:
            # The topic no longer has at least one snapshot; batches it has beyond the backup are landed on top.
            return Plan(Origin.BACKUP, tuple(batch for name, batch in retained.items() if name not in held))
        if retained and not refetch:
            return Plan(Origin.KAFKA, tuple(retained.values()))
        return Plan(Origin.SOURCE, published=known)

    def _sampled(
        self, source: Source, key: str, present: bool, retained: Mapping[str, Receipt], known: frozenset[str]
    ) -> Plan | None:
        """A further sample of an open day, and the samples that were published and never landed or never published.

        None if the partition is to be found like any other: it takes no samples, is past, or has lost files.
        """
        if not source.sampled_every:
            return None
        landed = self._landed(source, key)
        if landed and not present:
            return None
        waiting = tuple(batch for name, batch in retained.items() if name not in landed)
        spool = Spool.sealed(spool_folder(self.lake.settings), source.name, key)
        spooled = present and spool is not None and spool.batch_id not in known
        if spooled or source.is_open(source.cadence.window(key), self.clock.now()):
            return Plan(Origin.SOURCE, waiting, known)
        return Plan(Origin.KAFKA if waiting else Origin.PRESENT, waiting) if present else None

    def _landed(self, source: Source, partition_key: str) -> set[str]:
        record = self.lake.raw(source).record(RawRecord, partition_key)
        return record.batch_ids if record else set()

    def _is_present(self, source: Source, partition_key: str) -> bool:
        raw = self.lake.raw(source)
        record = raw.record(RawRecord, partition_key)
        return record is not None and bool(record.included) and raw.is_whole(partition_key)

    def _excluded(self, source: Source, partition_key: str) -> set[str]:
        twins = self.lake.raw_twins(source)
        record, copy = twins.primary.record(RawRecord, partition_key), backup_of(twins, partition_key)
        return {name for known in (record, copy and copy.of) if known for name in known.excluded}

    def _held_by_backup(self, source: Source, partition_key: str, retained: Collection[str]) -> set[str]:
        """Batches of the partition to restore from its backup; none if the topic has all of them.

        Raises NotAvailable if files of the partition are missing and nothing else has one of its batches.
        """
        copy = backup_of(self.lake.raw_twins(source), partition_key)
        held = _included_ids(copy.of if copy else None)
        record = self.lake.raw(source).record(RawRecord, partition_key)
        if lost := sorted(_included_ids(record) - held - set(retained)):
            raise NotAvailable(
                f"gap: {source.name} {partition_key} has lost files, and neither Kafka nor the raw backup still has "
                f"batch {', '.join(lost)}. Restore the files, or import them again; to give them up and fetch the "
                f"source again: steam-assets run {source.name} --from {partition_key} --refetch"
            )
        return held if (record and record.included) or held - set(retained) else set()

    def _additional(
        self, source: Source, partition_key: str, batch_ids: Sequence[str], retained: Mapping[str, Receipt]
    ) -> Plan:
        if lost := [batch_id for batch_id in batch_ids if batch_id not in retained]:
            raise NotAvailable(
                f"{source.name} {partition_key}: the topic no longer holds batch {', '.join(lost)}; "
                "publish it again from its producer"
            )
        return Plan(Origin.KAFKA, tuple(retained[batch_id] for batch_id in batch_ids))

    def _fetch(
        self, source: Source, partition_key: str, apps: Callable[[], Sequence[int]], published: Collection[str]
    ) -> list[Receipt]:
        """Publish what a dead run had spooled or, if there is nothing, what is fetched; an open day gets both."""
        folder, window = spool_folder(self.lake.settings), source.cadence.window(partition_key)
        # A run that died after its commit leaves a spool that must not be published a second time.
        Spool.drop_published(folder, source.name, partition_key, published)
        receipts: list[Receipt] = []
        if source.is_open(window, self.clock.now()) and (spool := Spool.sealed(folder, source.name, partition_key)):
            receipts.append(self._publish(source, partition_key, spool))
        return [*receipts, self._publish(source, partition_key, self._extract(source, window, apps))]

    def _extract(self, source: Source, window: Window, apps: Callable[[], Sequence[int]]) -> Spool:
        settings, now = self.lake.settings, self.clock.now()
        _refuse_mixing(settings, source)
        fetch_request = FetchRequest(
            window=window,
            now=now,
            # If it can no longer be fetched, what a dead run had spooled is taken, whatever its apps were.
            apps=() if source.history.refusal(window, now) else tuple(apps()),
            options=settings.options_of(source),
            keyed=keyed(settings, source),
        )
        try:
            may_be_of = partial(source.history.belongs, window)
            with HttpClient(settings, self.clock, self.retry_policy, may_be_of=may_be_of) as client:
                return extract(source, fetch_request, client, spool_folder(settings), progress=self.progress)
        except SourceError as error:
            self._keep_evidence(source, window.key, error)
            if drift := drift_in_error(self.lake, source, window.key, error, now):
                error.args = (str(drift),)
            raise

    def _publish(self, source: Source, partition_key: str, spool: Spool) -> Receipt:
        try:
            if drift := drift_in_answers(self.lake, source, partition_key, spool, self.clock.now()):
                log.warning("%s: %s", source.name, drift)
        except SourceError as error:
            self._keep_evidence(source, partition_key, error)
            # The next run asks again, and does not publish these.
            spool.discard()
            raise
        receipt = publish(
            self.lake.settings,
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


def _included_ids(record: RawRecord | None) -> set[str]:
    return {batch.batch_id for batch in record.included} if record else set()


def _refuse_mixing(settings: Settings, source: Source) -> None:
    """Raise NotAvailable if a lake with made-up data would fetch from a real service."""
    real = [host for host in source.hosts if profile(settings, host).base_url.rstrip("/") == host.url.rstrip("/")]
    if real and (refusal := refusal_to_mix(settings, f"those of {real[0].service}")):
        raise NotAvailable(refusal)


def spool_folder(settings: Settings) -> Path:
    """The folder for batches between fetching and publishing."""
    return settings.home / "spool"
