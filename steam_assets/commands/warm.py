"""``steam-assets warm``: makes Kafka and Spark start faster on this machine.

Belongs here: which archives are created, and what is printed. Does not belong here: how (java/class_data_sharing.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steam_assets.commands.terminal import Terminal

if TYPE_CHECKING:
    from steam_assets.settings import Settings


def lacking_archives(settings: Settings) -> bool:
    """Whether Kafka or Spark would start faster with an archive that does not exist yet."""
    from steam_assets.kafka.embedded_broker import kafka_archive
    from steam_assets.spark.session import spark_archive

    return not (kafka_archive().exists() and spark_archive(settings).exists())


def warm() -> None:
    """Halve the start time of Kafka and Spark: store class data sharing archives in the user's cache.

    This takes about half a minute and 240 MB. `dev` does it in the background if archives are missing, for example
    after an update of Java, Spark or Kafka.
    """
    from functools import partial

    from steam_assets.kafka.embedded_broker import archive_kafka
    from steam_assets.processes.temporary_folders import temporary_folder
    from steam_assets.settings import Settings
    from steam_assets.spark.class_data_sharing import archive_spark

    console, settings = Terminal(), Settings()
    with temporary_folder("steam-warm-") as folder:
        for program, archive in (("Kafka", archive_kafka), ("Spark", partial(archive_spark, settings=settings))):
            with console.status(f"Starting {program} once to record the classes it uses"):
                made = archive(folder)
            console.print(f"{program}: {made}, {made.stat().st_size / 1e6:.0f} MB", soft_wrap=True)
