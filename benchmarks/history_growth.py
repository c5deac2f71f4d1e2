"""What twenty times the demo leaves behind: Dagster's storage per run, Kafka's topics per demo, and what bounds each.

Run: python -m benchmarks.history_growth
Runs are real ones: backups of raw days, one after the other. The topic gets pages of reviews until it is as large as
twenty times all topics of the demo. Then what a setting deletes after days is deleted at once: runs by the sensor's own
function, records by the topic's own retention, set to seconds. Figures are in docs/reference/long-life.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain, cycle, islice
from pathlib import Path
from uuid import uuid4

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from rich.progress import track

from benchmarks.long_life import disk_kilobytes
from benchmarks.measured import working_folder
from benchmarks.recovery import NOW, SOURCE, fill
from benchmarks.review_pages import envelopes
from steam_assets.kafka.connection import administration, ensure_topics, kafka_loop, topic_of
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.kafka.producer import publish
from steam_assets.lake.lake import Lake
from steam_assets.ledger.records import RawRecord
from steam_assets.loopback import free_port
from steam_assets.orchestration.build import build_defs
from steam_assets.orchestration.launch import Launcher, local_instance
from steam_assets.orchestration.run_history import forget_runs
from steam_assets.orchestration.stages import Stage
from steam_assets.settings import Settings
from steam_assets.sources import source_named

DEMO_RUNS, DEMO_TOPICS_KB = 42, 8_100
"""Of `steam-assets demo` with all sources, 2026-11-26."""
PAGES, KEY = 200, "2026-11-10"
RETENTION_MS, DELETED_WITHIN_SECONDS = 5_000, 240


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20, help="The demo's runs and topics, this many times.")
    parser.add_argument("--partitions", type=int, default=40, help="Different partitions that runs back up.")
    asked = parser.parse_args()
    print("| what | number | kB |\n|---|---|---|")
    for what, number, size in chain(_of_topics(asked.times), _of_runs(asked.times, asked.partitions)):
        print(f"| {what} | {number:,} | {size:,} |", flush=True)


def _of_runs(times: int, partitions: int) -> Iterator[tuple[str, int, int]]:
    """Dagster's storage after the demo's runs, after all, after they were deleted, and after as many again."""
    with working_folder("history") as home:
        settings = Settings(home=home / "lake", simulated_now=NOW.isoformat())
        fill(settings, home, partitions)
        keys = cycle(Lake(settings).raw(SOURCE).records(RawRecord))
        places = [settings.home / "dagster" / name for name in ("history", "storage")]
        with local_instance(settings) as instance:
            launcher = Launcher(build_defs(settings=settings), instance)

            def run(count: int) -> None:
                for key in track(list(islice(keys, count)), "Runs", disable=not sys.stderr.isatty()):
                    launcher.partition(SOURCE, (Stage.RAW_BACKUP,), key)

            yield "runs, Dagster's storage: before", 0, disk_kilobytes(*places)
            run(DEMO_RUNS)
            yield "as many as in the demo", DEMO_RUNS, disk_kilobytes(*places)
            run(DEMO_RUNS * (times - 1))
            yield f"{times} times as many", DEMO_RUNS * times, disk_kilobytes(*places)
            while forget_runs(instance, datetime.now(UTC)):
                pass
            yield "after STEAM_RUN_HISTORY_DAYS", 0, disk_kilobytes(*places)
            run(DEMO_RUNS * 2)
            yield "two demos later", DEMO_RUNS * 2, disk_kilobytes(*places)


def _of_topics(times: int) -> Iterator[tuple[str, int, int]]:
    """The topic's files when it is as large as those of the demo, then of all, and when retention has deleted them."""
    source = source_named("reviews")
    with working_folder("topics") as home, EmbeddedBroker(home / "kafka", free_port()) as broker:
        settings = Settings(home=home, kafka_bootstrap_servers=broker.address)
        ensure_topics(settings, source)
        data, pages, sent = home / "kafka" / "data", list(envelopes(KEY, range(PAGES))), 0

        def send() -> int:
            batch_id = uuid4().hex
            batch = [page.model_copy(update={"batch_id": batch_id}) for page in pages]
            publish(settings, source, batch, total=PAGES, batch_id=batch_id, partition_key=KEY)
            return PAGES

        for demos in (1, times):
            while disk_kilobytes(*_logs(data)) < demos * DEMO_TOPICS_KB:
                sent += send()
            yield f"records of pages, topics: {demos} × the demo", sent, disk_kilobytes(*_logs(data))
        _retain(settings, topic_of(settings, source))
        time.sleep(RETENTION_MS / 1000)
        send()  # A segment is closed when the next record arrives.
        deadline = time.monotonic() + DELETED_WITHIN_SECONDS
        while disk_kilobytes(*_logs(data)) > 2 * DEMO_TOPICS_KB and time.monotonic() < deadline:
            time.sleep(2)
        yield "after STEAM_KAFKA_RETENTION_DAYS, and one more batch", PAGES, disk_kilobytes(*_logs(data))


def _logs(data: Path) -> list[Path]:
    """The segments with records, not those that Kafka is about to remove from the disk."""
    with suppress(FileNotFoundError):
        return [*data.glob("steam.*/*.log")]
    return []


def _retain(settings: Settings, topic: str) -> None:
    """Let the topic's records live for RETENTION_MS instead of days."""
    changed = {"retention.ms": str(RETENTION_MS), "segment.ms": str(RETENTION_MS)}

    async def change() -> None:
        async with administration(settings, "changing the topic", 30) as client:
            await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, changed)])

    with kafka_loop() as loop:
        loop.run(change())


if __name__ == "__main__":
    main()
