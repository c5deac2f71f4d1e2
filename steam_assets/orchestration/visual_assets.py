"""The visuals as assets: the dashboard page, the exported files and the Tableau extract.

Belongs here: where each is written and what the Dagster UI shows of it. Does not belong here: their content (visuals/),
when they are refreshed (refresh.py).

None is partitioned: each is built from all partitions and replaced as a whole. All are written below ``STEAM_HOME``.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import dagster as dg

from steam_assets.extras import installed
from steam_assets.insights import INSIGHTS
from steam_assets.insights.declared_tables import declared_tables
from steam_assets.lake.clean_reader import CleanReader
from steam_assets.lake.lake import Lake
from steam_assets.ledger.unrefreshed import behind
from steam_assets.orchestration.failures import permanent
from steam_assets.orchestration.insight_assets import insight_key, served_insights
from steam_assets.orchestration.previews import preview
from steam_assets.orchestration.source_assets import clean_key
from steam_assets.settings import Settings
from steam_assets.sources import SOURCES
from steam_assets.sources.source import Source
from steam_assets.visuals.dashboard import DashboardData, load, render
from steam_assets.visuals.dashboard.file import dashboard_path, write_whole
from steam_assets.visuals.dashboard.table_reads import TABLE_READS
from steam_assets.visuals.exports.catalog_files import catalog_exports
from steam_assets.visuals.exports.table_files import Exported, export_table

if TYPE_CHECKING:
    from steam_assets.visuals.tableau.server import TableauServer

DASHBOARD, EXPORTS, TABLEAU = (dg.AssetKey(["visuals", name]) for name in ("dashboard", "exports", "tableau"))

Shown: TypeAlias = dict[str, dg.MetadataValue]


def visual_assets(sources: Sequence[Source]) -> list[dg.AssetsDefinition]:
    """Dashboard, exports and, with the extra ``tableau``, the extract; downstream of all tables and insights."""
    tables = [clean_key(source, table) for source in sources for table in source.tables]
    after = [*tables, *(insight_key(insight) for insight in served_insights(sources))]
    tableau = [_tableau(after)] if installed("tableau") else []
    return [_dashboard(after), _exports(after, sources), *tableau]


def _dashboard(after: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    @dg.asset(
        key=DASHBOARD,
        deps=after,
        group_name="visuals",
        description="The dashboard: one self-contained HTML page, HOME/dashboard.html.",
        kinds={"html"},
        tags={"stage": "visual"},
    )
    def dashboard(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata=write_dashboard(lake.settings))

    return dashboard


def _exports(after: Sequence[dg.AssetKey], sources: Sequence[Source]) -> dg.AssetsDefinition:
    @dg.asset(
        key=EXPORTS,
        deps=after,
        group_name="visuals",
        description="All clean and insight tables, one file per partition, as CSV that is safe in a spreadsheet and as "
        "Parquet, with a dictionary of their columns and a DuckDB database over them: HOME/exports.",
        kinds={"csv", "parquet"},
        tags={"stage": "visual"},
    )
    def exports(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
        every = dict.fromkeys(table.name for table in declared_tables(sources))
        return dg.MaterializeResult(metadata=write_exports(lake.settings, every))

    return exports


def _tableau(after: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    @dg.asset(
        key=TABLEAU,
        deps=after,
        group_name="visuals",
        description="All tables for Tableau, as an extract (.hyper), a data source with their relationships (.tdsx) "
        "and a starter workbook (.twbx): HOME/tableau. If STEAM_TABLEAU_URL is set, they are also published to that "
        "server, one data source per table.",
        kinds={"tableau"},
        tags={"stage": "visual"},
    )
    def tableau(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata=write_tableau(lake.settings))

    return tableau


def write_dashboard(settings: Settings) -> Shown:
    """Replace the page. Returns metadata: its path, size in bytes, as-of time and gaps."""
    data = load(CleanReader(settings), behind(Lake(settings)))
    where = dashboard_path(settings)
    size = write_whole(where, render(data).encode())
    return {
        "path": dg.MetadataValue.path(where),
        "bytes": dg.MetadataValue.int(size),
        "as_of": dg.MetadataValue.text(f"{data.newest:%Y-%m-%d %H:%M} UTC" if data.newest else "no data yet"),
        "gaps": dg.MetadataValue.int(len(data.gaps)),
        "preview": preview(_summary(data), ["table", "rows shown", "as of", "why empty"]),
        "newest_gaps": preview([{"source": g.source, "period": g.start, "why": g.why} for g in data.gaps[::-1]]),
    }


def _summary(data: DashboardData) -> list[dict[str, object]]:
    """One row per insight: its part of the page."""
    return [
        {
            "table": insight.name,
            "rows shown": data.tables[insight.table].num_rows if insight.table in data.tables else 0,
            "as of": data.measured_at(insight),
            "why empty": data.why_empty(insight.table),
        }
        for insight in INSIGHTS
        if insight.table in TABLE_READS
    ]


def write_exports(settings: Settings, chosen: Mapping[str, Sequence[str] | None]) -> Shown:
    """Export partitions by table (None: all of a table's); other partitions are left unchanged. Returns metadata."""
    folder = exports_path(settings)
    reader = CleanReader(settings)
    written = [one for table, keys in chosen.items() for one in export_table(reader, folder, table, keys)]
    catalog_exports(folder, declared_tables(SOURCES), synthetic=reader.is_synthetic)
    return {
        "path": dg.MetadataValue.path(folder),
        "files": dg.MetadataValue.int(2 * len(written)),
        "rows": dg.MetadataValue.int(sum(one.rows for one in written)),
        "preview": preview(_by_table(written), ["table", "partitions", "newest", "rows"]),
    }


def _by_table(written: Sequence[Exported]) -> list[dict[str, object]]:
    tables = dict.fromkeys(one.table for one in written)
    groups = {table: [one for one in written if one.table == table] for table in tables}
    return [
        {
            "table": table,
            "partitions": len(group),
            "newest": max(one.partition_key for one in group),
            "rows": sum(one.rows for one in group),
        }
        for table, group in groups.items()
    ]


def exports_path(settings: Settings) -> Path:
    """Path of the folder of exports."""
    return (settings.home / "exports").absolute()


def extract_path(settings: Settings) -> Path:
    """Path of the Tableau extract."""
    return (settings.home / "tableau" / "steam_market.hyper").absolute()


def write_tableau(settings: Settings) -> Shown:
    """Replace the extract and its packages, and publish if a server is set, but never made-up data.

    A permanent failure if the server refuses.
    """
    from steam_assets.visuals.tableau.extract import tables_of, write_extract
    from steam_assets.visuals.tableau.packages import write_packages
    from steam_assets.visuals.tableau.server import TableauRefused, publish

    reader, where = CleanReader(settings), extract_path(settings)
    tables = tables_of(reader)
    write_extract(tables, where)
    schemas = {name: rows.schema for name, rows in tables.items()}
    packages = write_packages(where, schemas, synthetic=reader.is_synthetic)
    server = None if reader.is_synthetic else tableau_server(settings)
    try:
        published = publish(tables, server) if server else {}
    except TableauRefused as error:
        raise permanent(f"the extract was written to {where}, but publishing it failed: {error}") from error
    return {
        "path": dg.MetadataValue.path(where),
        "bytes": dg.MetadataValue.int(where.stat().st_size),
        "packages": dg.MetadataValue.json([package.name for package in packages]),
        "tables": dg.MetadataValue.json(sorted(tables)),
        "published": dg.MetadataValue.json(published),
    }


def tableau_server(settings: Settings) -> "TableauServer | None":
    """The server to publish to; None if none is set."""
    from steam_assets.visuals.tableau.server import TableauServer

    if not settings.tableau_url:
        return None
    return TableauServer(
        url=settings.tableau_url,
        project=settings.tableau_project,
        token_name=settings.tableau_token_name,
        token_secret=settings.tableau_token_secret,
        site=settings.tableau_site,
    )
