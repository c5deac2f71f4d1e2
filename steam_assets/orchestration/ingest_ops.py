"""The two ops of a raw asset: ``publish`` (source → Kafka) and ``land`` (Kafka → raw files).

Belongs here: building the ops of a source, their config and their failures. Does not belong here: the work itself
(ingestion/), the commit (io_managers.py).
"""

from collections.abc import Sequence
from functools import partial

import dagster as dg
from pydantic import Field

from steam_assets.clock import Clock
from steam_assets.extraction.errors import SourceError
from steam_assets.ingestion.landing import LandedBatch, WrongPeriod, land
from steam_assets.ingestion.resolve_raw import RawResolver, Resolved
from steam_assets.kafka.consumer import LostRecords
from steam_assets.lake.lake import Lake
from steam_assets.orchestration.apps_to_fetch import apps_to_fetch
from steam_assets.orchestration.failures import permanent, tried_again
from steam_assets.orchestration.io_managers import require_raw
from steam_assets.orchestration.plain_config import PlainConfig
from steam_assets.orchestration.source_slot import source_slot
from steam_assets.sources.source import Source


class PublishConfig(PlainConfig):
    """How to fetch the partition.

    ``refetch`` asks the source again although the partition exists, and adds a snapshot. ``apps`` replaces the apps of
    the charts and the watchlist. ``batch_ids`` are batches of other producers to add to the partition.
    """

    refetch: bool = False
    apps: list[int] = Field(default_factory=list)
    batch_ids: list[str] = Field(default_factory=list)


def publish_op(source: Source, charts: Sequence[Source]) -> dg.OpDefinition:
    """The op that ensures that the partition's batches are in the topic; returns a ``Resolved``.

    It runs after the ``charts`` that list the source's apps.
    """

    @dg.op(
        name=f"publish_{source.name}",
        description=f"Fetch {source.title} and publish the responses to its topic in one Kafka transaction.",
        ins={chart.name: dg.In(dg.Nothing) for chart in charts},
        out=dg.Out(Resolved),
        tags={"source": source.name},
        config_schema=PublishConfig.fields(),
    )
    def publish(
        context: dg.OpExecutionContext, lake: dg.ResourceParam[Lake], clock: dg.ResourceParam[Clock]
    ) -> Resolved:
        key, config = context.partition_key, PublishConfig.of(context)

        def progress(answers: int) -> None:
            context.log.info(f"{source.name} {key}: {answers} answers")

        apps = partial(apps_to_fetch, source, charts, key, config.apps, lake)
        with tried_again(context), source_slot(context):
            try:
                obtained = RawResolver(lake, clock, progress).resolve_raw(
                    source, key, apps, refetch=config.refetch, batch_ids=config.batch_ids
                )
            except SourceError as error:
                if error.transient:
                    raise
                raise permanent(str(error)) from error
        context.log.info(f"{source.name} {key}: {obtained.origin.value}")
        context.add_output_metadata({"origin": obtained.origin.value, "batches": len(obtained.receipts)})
        return obtained

    return publish


def land_op(source: Source) -> dg.OpDefinition:
    """The op that lands the batches, by their exact offsets; its IO manager commits them."""

    @dg.op(
        name=f"land_{source.name}",
        description="Consume exactly the batches' offsets from the topic and write the messages as rows of raw.",
        out=dg.Out(list[LandedBatch], io_manager_key="raw_io"),
        tags={"source": source.name},
    )
    def land_batches(
        context: dg.OpExecutionContext, obtained: Resolved, lake: dg.ResourceParam[Lake], clock: dg.ResourceParam[Clock]
    ) -> list[LandedBatch]:
        with tried_again(context):
            if not obtained.receipts:
                require_raw(lake, source, context.partition_key)
            try:
                return [land(lake, source, receipt, clock.now()) for receipt in obtained.receipts]
            except (LostRecords, WrongPeriod) as error:
                raise permanent(str(error)) from error

    return land_batches
