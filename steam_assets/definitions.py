"""The definitions that Dagster loads. Nothing imports this module."""

import dagster as dg

from steam_assets.orchestration.build import build_defs


@dg.definitions
def defs() -> dg.Definitions:
    return build_defs()
