"""The stages of a source's pipeline, and the assets of each.

Belongs here: the list of stages. Does not belong here: running them (launch.py), the assets (source_assets.py).
"""

from enum import StrEnum

import dagster as dg

from steam_assets.sources.source import Source


class Stage(StrEnum):
    """A stage of a source's pipeline; each can run alone."""

    RAW = "raw"
    RAW_BACKUP = "raw-backup"
    CLEAN = "clean"
    CLEAN_BACKUP = "clean-backup"


AFTER_RAW = (Stage.RAW_BACKUP, Stage.CLEAN, Stage.CLEAN_BACKUP)
"""The stages that process a range of partitions in one run."""


def stage_keys(source: Source, stage: Stage) -> list[dg.AssetKey]:
    match stage:
        case Stage.RAW:
            names = ["raw"]
        case Stage.RAW_BACKUP:
            names = ["raw_backup"]
        case Stage.CLEAN:
            names = [table.asset for table in source.tables]
        case Stage.CLEAN_BACKUP:
            names = [f"{table.asset}_backup" for table in source.tables]
    return [dg.AssetKey([source.name, name]) for name in names]
