"""``steam-assets warm``: makes Kafka and Spark start faster on this machine.

Belongs here: which archives are created, and what is printed. Does not belong here: how (java/class_data_sharing.py).
"""

from __future__ import annotations

from steam_assets.commands.terminal import Terminal


def warm() -> None:
    """Halve the start time of Kafka and Spark: store class data sharing archives in the user's cache.

    Takes about half a minute and 240 MB. Run it once, and again after an update of Java, Spark or Kafka.
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
