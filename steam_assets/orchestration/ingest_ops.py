"""The two ops of a raw asset: ``publish`` (source → Kafka) and ``land`` (Kafka → raw files).

Belongs here: making the ops of one source, their config and their failures. Does not belong here: the work itself
(ingestion/), the commit (io_managers.py).
"""

from collections.abc import Callable, Sequence

import dagster as dg
from pydantic import Field

from steam_assets.clock import Clock
from steam_assets.extraction.errors import SourceError
from steam_assets.ingestion.landing import LandedBatch, WrongPeriod, land
from steam_assets.ingestion.resolve_raw import RawResolver, Resolved
from steam_assets.kafka.consumer import LostRecords
from steam_assets.lake.clean_reader import CleanReader
from steam_assets.lake.lake import Lake
from steam_assets.orchestration.failures import permanent, tried_again
from steam_assets.orchestration.io_managers import require_raw
from steam_assets.orchestration.source_slot import source_slot
from steam_assets.settings import Settings
from steam_assets.sources.source import Source


class PublishConfig(dg.Config):
    """How to obtain the partition.

    ``refetch`` asks the source although the partition is there, and adds a snapshot. ``apps`` are asked about instead
    of the chart's. ``batch_ids`` are batches of other producers to add to what is there.
    """

    refetch: bool = False
    apps: list[int] = Field(default_factory=list)
    batch_ids: list[str] = Field(default_factory=list)


def publish_op(source: Source) -> dg.OpDefinition:
    """The op that makes sure the partition's batches are in the topic; gives an ``Resolved``."""

    @dg.op(
        name=f"publish_{source.name}",
        description=f"Ask {source.title} and publish the answers to its topic, in one Kafka transaction.",
        ins={"chart": dg.In(dg.Nothing)} if source.apps_from else {},
        out=dg.Out(Resolved),
        tags={"source": source.name},
    )
    def publish(
        context: dg.OpExecutionContext,
        config: PublishConfig,
        lake: dg.ResourceParam[Lake],
        clock: dg.ResourceParam[Clock],
    ) -> Resolved:
        key = context.partition_key

        def progress(answers: int) -> None:
            context.log.info(f"{source.name} {key}: {answers} answers")

        apps = _apps(source, key, config.apps, lake.settings)
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
    """The op that lands the batches by their exact offsets; its IO manager commits them."""

    @dg.op(
        name=f"land_{source.name}",
        description="Consume exactly the batches' offsets of the topic and write them as rows of the raw table.",
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


def _apps(source: Source, key: str, given: Sequence[int], settings: Settings) -> Callable[[], Sequence[int]]:
    """The apps to ask about: the run's, the settings', or the week's chart in its order."""

    def apps() -> Sequence[int]:
        if source.apps_from is None:
            return ()
        chosen = list(given) or [int(app) for app in settings.apps.split(",") if app.strip()]
        return chosen or _chart(source.apps_from, key, settings)

    return apps


def _chart(chart: str, key: str, settings: Settings) -> list[int]:
    rows = CleanReader(settings).arrow(chart, [key], ("rank", "app_id"))
    if rows is None or rows.num_rows == 0:
        raise permanent(
            f"{chart}/clean has no partition {key}, and it names the apps to ask about. Materialize it first: "
            f"steam-assets run {chart} --from {key} --to {key}; or name the apps: --apps 730,570"
        )
    ranked = sorted((row["rank"], row["app_id"]) for row in rows.to_pylist())
    return list(dict.fromkeys(app for _, app in ranked))
