"""The two ops of a raw asset: ``publish`` (source → Kafka) and ``land`` (Kafka → raw table).

Belongs here: building the ops of a source, their config and their failures. Does not belong here: the work itself
(ingestion/, lake/raw_tables.py).

Both process one partition or a range, partition by partition. A failed one does not stop the others: ``land`` commits
those and then fails the run, naming the rest. So each partition of a range is either there or named in the failure.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

import dagster as dg
from pydantic import Field

from steam_assets.clock import Clock
from steam_assets.extraction.errors import SourceError
from steam_assets.ingestion.landing import WrongPeriod, land
from steam_assets.ingestion.resolve_raw import InTopic, RawResolver, Resolved, in_topic
from steam_assets.kafka.consumer import LostRecords
from steam_assets.lake.lake import Lake
from steam_assets.lake.raw_tables import commit_batch
from steam_assets.orchestration.apps_to_fetch import apps_to_fetch
from steam_assets.orchestration.failures import may_retry, permanent, summary, tried_again
from steam_assets.orchestration.io_managers import raw_metadata, require_raw
from steam_assets.orchestration.plain_config import PlainConfig
from steam_assets.orchestration.run_partitions import run_partitions
from steam_assets.orchestration.source_slot import source_slot
from steam_assets.sources.lists import AppId
from steam_assets.sources.source import Source

AWAY_AFTER = 2
"""After this many transient failures in a row, the source counts as down for this run."""
REPORT_SECONDS = 10.0
"""Between two messages about a running fetch. Each is a transaction in the instance's database."""
MAX_RUNTIME = "dagster/max_runtime"
"""Tag: the seconds after which the run monitor ends a run."""

PartitionBegins: TypeAlias = Callable[[Source, str], None]
"""Called in the run's process before a partition is fetched, for a command's progress display."""


def unobserved(_source: Source, _partition_key: str) -> None:
    """The ``PartitionBegins`` of unobserved runs."""


class FetchObserver:
    """The resource that reports a run's progress to the process it runs in."""

    def __init__(self) -> None:
        self.begins: PartitionBegins = unobserved

    @contextmanager
    def reporting_to(self, begins: PartitionBegins) -> Iterator[None]:
        self.begins = begins
        try:
            yield
        finally:
            self.begins = unobserved


class PublishConfig(PlainConfig):
    """How to fetch the partitions.

    ``refetch`` asks the source again although a partition exists, and adds a snapshot. ``apps`` replaces the apps of
    the charts and the watchlist. ``batch_ids`` are batches of other producers to add to the partition.
    """

    refetch: bool = False
    apps: list[AppId] = Field(default_factory=list)
    batch_ids: list[str] = Field(default_factory=list)


@dataclass(frozen=True)
class Published:
    """The outcome of ``publish``: what is to be landed, and why other partitions failed, both by partition key."""

    resolved: dict[str, Resolved] = field(default_factory=dict[str, Resolved])
    failed: dict[str, str] = field(default_factory=dict[str, str])


def publish_op(source: Source, charts: Sequence[Source]) -> dg.OpDefinition:
    """The op that ensures that the partitions' batches are in the topic; returns a ``Published``.

    It runs after the ``charts`` that list the source's apps.
    """

    @dg.op(
        name=f"publish_{source.name}",
        description=f"Fetch {source.title} and publish each partition's responses to its topic in one transaction.",
        ins={chart.name: dg.In(dg.Nothing) for chart in charts},
        out=dg.Out(Published),
        tags={"source": source.name},
        config_schema=PublishConfig.fields(),
    )
    def publish(
        context: dg.OpExecutionContext,
        lake: dg.ResourceParam[Lake],
        clock: dg.ResourceParam[Clock],
        fetch_observer: dg.ResourceParam[FetchObserver],
    ) -> Published:
        keys = run_partitions(context, source.cadence)
        _allow_time_for(context, len(keys))
        with tried_again(context):
            publishing = _Publishing(context, lake, clock, source, charts, PublishConfig.of(context))
            done = publishing.run(keys, fetch_observer.begins)
        origins = {key: resolved.origin.value for key, resolved in done.resolved.items()}
        context.add_output_metadata({"origins": dg.MetadataValue.json(origins)})
        return done

    return publish


def _allow_time_for(context: dg.OpExecutionContext, partitions: int) -> None:
    """Extend the run's time limit, which the instance sets for one partition."""
    limit = context.instance.run_monitoring_max_runtime_seconds
    if limit and partitions > 1:
        context.instance.add_run_tags(context.run_id, {MAX_RUNTIME: str(partitions * limit)})


class _Publishing:
    """One attempt to have a range of partitions in the topic."""

    def __init__(
        self,
        context: dg.OpExecutionContext,
        lake: Lake,
        clock: Clock,
        source: Source,
        charts: Sequence[Source],
        config: PublishConfig,
    ) -> None:
        self._context, self._lake, self._clock = context, lake, clock
        self._source, self._charts, self._config = source, charts, config
        self._done = Published()
        self._transient: list[SourceError] = []

    def run(self, keys: Sequence[str], begins: PartitionBegins) -> Published:
        """Publish each partition. Raises what failed if a retry may still publish it, or if nothing was published."""
        published, in_a_row = in_topic(self._lake.settings, self._source, keys), 0
        for number, key in enumerate(keys):
            begins(self._source, key)
            try:
                # A long range lets other runs fetch between its partitions, because a live chart cannot wait.
                with source_slot(self._context):
                    self._done.resolved[key] = self._resolved(key, published)
                in_a_row = 0
            except SourceError as error:
                self._fail(key, str(error))
                in_a_row = in_a_row + 1 if error.transient else 0
                self._transient += [error] if error.transient else []
            except dg.Failure as failure:
                self._fail(key, failure.description or str(failure))
                in_a_row = 0
            if in_a_row == AWAY_AFTER:
                for left in keys[number + 1 :]:
                    self._fail(left, f"not fetched, as {self._source.title} failed {in_a_row} times in a row")
                break
        self._raise_if_unfinished(len(keys))
        return self._done

    def _raise_if_unfinished(self, partitions: int) -> None:
        # With ``refetch``, a retry would fetch again what this attempt has published.
        repeatable = may_retry(self._context) and not (self._config.refetch and self._done.resolved)
        if self._transient and repeatable:
            raise self._transient[0]
        if self._done.failed and not self._done.resolved:
            raise permanent(summary(self._done.failed, partitions))

    def _resolved(self, key: str, published: InTopic) -> Resolved:
        source, config = self._source, self._config

        reported = time.monotonic()

        def progress(answers: int) -> None:
            nonlocal reported
            if time.monotonic() - reported >= REPORT_SECONDS:
                reported = time.monotonic()
                self._context.log.info(f"{source.name} {key}: {answers} responses so far")

        resolved = RawResolver(self._lake, self._clock, progress).resolve_raw(
            source,
            key,
            partial(apps_to_fetch, source, self._charts, key, config.apps, self._lake),
            refetch=config.refetch,
            batch_ids=config.batch_ids,
            published=published,
        )
        self._context.log.info(f"{source.name} {key}: {resolved.origin.value}")
        return resolved

    def _fail(self, key: str, why: str) -> None:
        self._done.failed[key] = why
        self._context.log.error(f"{self._source.name} {key}: {why}")


def land_op(source: Source) -> dg.OpDefinition:
    """The op that lands and commits the batches of each partition, by their exact offsets."""

    @dg.op(
        name=f"land_{source.name}",
        description="Consume exactly the batches' offsets from the topic and commit the messages as rows of raw.",
        out=dg.Out(list[str], io_manager_key="raw_io"),
        tags={"source": source.name},
    )
    def land_batches(
        context: dg.AssetExecutionContext,
        published: Published,
        lake: dg.ResourceParam[Lake],
        clock: dg.ResourceParam[Clock],
    ) -> Iterator[dg.AssetMaterialization | dg.Output[list[str]]]:
        landed, failed = list[str](), dict(published.failed)
        with tried_again(context):
            for key, resolved in published.resolved.items():
                with _failing_alone(key, failed):
                    _land(lake, source, key, resolved, clock)
                    landed.append(key)
        if failed:
            for key, record in require_raw(lake, source, landed).items():
                yield dg.AssetMaterialization(context.assets_def.key, partition=key, metadata=raw_metadata(record))
            raise permanent(summary(failed, len(landed) + len(failed)))
        yield dg.Output(landed)

    return land_batches


@contextmanager
def _failing_alone(key: str, failed: dict[str, str]) -> Iterator[None]:
    """Record a failure that no retry can fix as this partition's."""
    try:
        yield
    except (LostRecords, WrongPeriod) as error:
        failed[key] = str(error)
    except dg.Failure as failure:
        failed[key] = failure.description or str(failure)


def _land(lake: Lake, source: Source, key: str, resolved: Resolved, clock: Clock) -> None:
    if not resolved.receipts:
        require_raw(lake, source, [key])
    for receipt in resolved.receipts:
        landed = land(lake, source, receipt, clock.now())
        commit_batch(lake.raw(source), key, landed.batch, landed.files)
