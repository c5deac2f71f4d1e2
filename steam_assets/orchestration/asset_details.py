"""Asset metadata shown in the Dagster UI: owners, kinds, table, address, code version.

Belongs here: metadata derived from an asset's key and stage. Does not belong here: what an asset does, its description
and its columns (the asset factories).

``dagster/table_name`` is DATABASE.TABLE, as engines open it in any catalog; ``dagster/uri`` is where its files are.
Clean tables and insights have a code version: if it changes, the Dagster UI marks what older code computed. Raw data
has none, because other code cannot recompute a service's response.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from steam_assets.lake.catalogs import CATALOGS, table_location
from steam_assets.orchestration.code_versions import clean_version, insight_version
from steam_assets.orchestration.insight_assets import insight_key, served_insights
from steam_assets.orchestration.source_assets import clean_key, raw_key
from steam_assets.orchestration.visual_assets import DASHBOARD, EXPORTS, TABLEAU, exports_path, extract_path
from steam_assets.settings import RootName, Settings
from steam_assets.sources.source import Source, Table
from steam_assets.visuals.dashboard.file import dashboard_path

OWNERS = ("team:steam-data",)
KINDS: Mapping[str, frozenset[str]] = {
    "raw": frozenset({"kafka", "iceberg"}),
    "raw-backup": frozenset({"iceberg", "backup"}),
    "clean": frozenset({"pyspark", "iceberg"}),
    "clean-backup": frozenset({"iceberg", "backup"}),
    "insight": frozenset({"pyspark", "iceberg"}),
}
"""Kinds by the tag ``stage``. Other assets define their own kinds."""


@dataclass(frozen=True)
class _Made:
    """Where an asset's data is, and the version of the code that computes it; None if it has no version."""

    root: RootName
    table: str
    code_version: str | None = None


def with_details(
    assets: Iterable[dg.AssetsDefinition], settings: Settings, sources: Sequence[Source]
) -> Sequence[dg.AssetsDefinition]:
    """The assets with all metadata."""
    made = dict(_tables(sources))
    files = {DASHBOARD: dashboard_path(settings), EXPORTS: exports_path(settings), TABLEAU: extract_path(settings)}

    def detailed(spec: dg.AssetSpec) -> dg.AssetSpec:
        kinds = KINDS.get(spec.tags.get("stage", ""), frozenset())
        spec = spec.replace_attributes(owners=list(OWNERS), kinds={*spec.kinds, *kinds})
        if spec.key in files:
            return spec.merge_attributes(metadata={"dagster/uri": files[spec.key].as_uri()})
        if spec.key not in made:
            return spec
        return _of_table(spec, made[spec.key], settings)

    return dg.map_asset_specs(detailed, assets)


def _of_table(spec: dg.AssetSpec, made: _Made, settings: Settings) -> dg.AssetSpec:
    metadata = {
        "dagster/table_name": f"{CATALOGS[made.root].namespace}.{made.table}",
        "dagster/uri": _uri(table_location(settings, made.root, made.table)),
    }
    return spec.merge_attributes(metadata=metadata).replace_attributes(code_version=made.code_version)


def _uri(address: str) -> str:
    return address if "://" in address else Path(address).absolute().as_uri()


def _tables(sources: Sequence[Source]) -> Iterable[tuple[dg.AssetKey, _Made]]:
    for source in sources:
        yield raw_key(source), _Made("raw", source.name)
        yield dg.AssetKey([source.name, "raw_backup"]), _Made("raw-backup", source.name)
        for table in source.tables:
            yield from _clean_tables(source, table)
    for insight in served_insights(sources):
        yield insight_key(insight), _Made("clean", insight.table, insight_version(insight))


def _clean_tables(source: Source, table: Table) -> Iterable[tuple[dg.AssetKey, _Made]]:
    yield clean_key(source, table), _Made("clean", table.name, clean_version(table))
    yield dg.AssetKey([source.name, f"{table.asset}_backup"]), _Made("clean-backup", table.name)
