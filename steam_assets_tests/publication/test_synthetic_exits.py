"""Made-up data are marked as such wherever they leave the lake, and real data nowhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import ZipFile

import duckdb
import pytest
import yaml
from small_lake import SmallLake, fill
from typer.testing import CliRunner

from steam_assets.agents.server import build_server
from steam_assets.agents.tools import Tools
from steam_assets.cli import app
from steam_assets.lake.lake import Lake
from steam_assets.lake.roots import SYNTHETIC, synthetic_mark
from steam_assets.orchestration.visual_assets import write_exports, write_tableau
from steam_assets.query.engine import Limits
from steam_assets.query.worker import QueryWorker
from steam_assets.settings import Settings
from steam_assets.visuals.exports.catalog_files import NOTE


def said(*arguments: str) -> str:
    done = CliRunner().invoke(app, [*arguments], env={"COLUMNS": "400"})
    assert done.exit_code in (0, 3), done.output
    return done.stdout


def exported(settings: Settings, folder: Path) -> Iterator[bool]:
    said("export", "--home", str(settings.home), "--to", str(folder), "--table", "most_played")
    write_exports(settings, {"most_played": None})
    for place in (folder, settings.home / "exports"):
        yield (place / NOTE).exists()
        titles = duckdb.execute(f"select distinct table_title from '{place}/columns.csv'").fetchall()
        yield "(synthetic data)" in str(titles)
        with duckdb.connect(str(place / "steam.duckdb"), read_only=True) as database:
            yield "(synthetic data)" in str(database.execute("select comment from duckdb_views()").fetchall())


def released(settings: Settings, folder: Path) -> Iterator[bool]:
    said("release", str(folder), "--home", str(settings.home))
    card = (folder / "README.md").read_text("utf-8")
    yield card.startswith("# Synthetic") and SYNTHETIC in card.split("## What")[0]
    yield "what the simulator answered" in card
    yield "terms of use" not in card
    contract = yaml.safe_load((folder / "contracts" / "most_played.odcs.yaml").read_text("utf-8"))
    yield "synthetic" in contract["tags"]
    yield "terms" not in str(contract["description"])


def listed(settings: Settings, _: Path) -> Iterator[bool]:
    home = str(settings.home)
    yield SYNTHETIC in said("status", "--home", home)
    yield all(one["synthetic"] for one in json.loads(said("status", "--json", "--home", home)))


def answered(settings: Settings, _: Path) -> Iterator[bool]:
    """What the MCP server sends to a client."""
    limits = Limits(seconds=60.0, rows=10, result_bytes=1 << 20, memory_mb=512)
    with QueryWorker(settings, ("clean",), limits, only=("most_played", "insight_market_day")) as worker:
        tools = Tools(settings, worker)
        server = build_server(tools)
        yield SYNTHETIC in str(server.instructions)
        yield tools.list_tables().synthetic
        yield tools.status().synthetic
        yield tools.describe_table("reviews").coverage.synthetic
        yield tools.read_insight("market_day").coverage.synthetic
        answer = asyncio.run(server.call_tool("query", {"sql": "select count(*) from most_played"}))
        yield '"synthetic":true' in str(answer)


def packed(settings: Settings, _: Path) -> Iterator[bool]:
    """Tableau's files; made-up data are not published to the server, at whose address nothing responds."""
    here = Settings(home=settings.home, tableau_url="https://127.0.0.1:9" if is_marked(settings) else "")
    write_tableau(here)
    for suffix, names in ((".tdsx", 1), (".twbx", 2)):
        with ZipFile(settings.home / "tableau" / f"steam_market{suffix}") as package:
            (name,) = [one for one in package.namelist() if one.endswith(suffix[:-1])]
            document = package.read(name).decode()
        yield document.count("Steam market (synthetic data)") >= names
        yield '"Steam market"' not in document


def shown(settings: Settings, folder: Path) -> Iterator[bool]:
    """The dashboard."""
    said("dashboard", "--home", str(settings.home), "--out", str(folder / "page.html"))
    yield "<strong>Synthetic data.</strong>" in (folder / "page.html").read_text("utf-8")


def is_marked(settings: Settings) -> bool:
    return synthetic_mark(settings).exists()


@pytest.fixture(scope="module", params=[True, False], ids=["made-up", "real"])
def settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of a small lake whose data are made up, or not."""
    made = Settings(home=tmp_path_factory.mktemp("exits") / "home")
    if request.param:
        made.home.mkdir()
        synthetic_mark(made).touch()
    fill(SmallLake(Lake(made)))
    return made


@pytest.mark.parametrize("leaving", [exported, released, listed, answered, packed, shown])
def test_every_output_says_whether_the_data_are_made_up(
    settings: Settings, tmp_path: Path, leaving: Callable[[Settings, Path], Iterator[bool]]
) -> None:
    marks = list(leaving(settings, tmp_path / "out"))
    assert marks and set(marks) == {is_marked(settings)}, marks
