"""The lines printed by ``steam-assets catalog`` and shown in docs/how-to/connect.md open the tables."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from typer.testing import CliRunner

from steam_assets.cli import app
from steam_assets.lake.catalogs import CATALOGS
from steam_assets.lake.clean_reader import CleanReader
from steam_assets.lake.connection_snippets import MOST_LINES, Opening, TableName, openings
from steam_assets.lake.lake import Lake
from steam_assets.lake.roots import ROOT_NAMES
from steam_assets.query.engine import Engine
from steam_assets.settings import Settings
from steam_assets.visuals.tableau.extract import tables_of, write_extract
from steam_assets_tests.conftest import REPOSITORY
from steam_assets_tests.nightly import rest_nightly
from steam_assets_tests.visuals.glue_tables import GlueTables

SECRET = "hush-9f3a"
PROGRAMS = ("pyiceberg", "duckdb", "polars", "spark", "athena", "tableau")
DEPLOYMENTS = {
    "sqlite": Settings(),
    "sqlite on S3": Settings(clean_root="s3://clean/lake", s3_endpoint_url="http://127.0.0.1:9"),
    "glue": Settings(clean_root="s3://clean", iceberg_catalog="glue", glue_endpoint_url="http://127.0.0.1:9"),
    "postgresql": Settings(
        iceberg_catalog="jdbc", iceberg_catalog_uri=f"jdbc:postgresql://db:5432/ice?user=steam&password={SECRET}"
    ),
    "postgresql, named": Settings(
        iceberg_catalog="jdbc",
        iceberg_catalog_uri="jdbc:postgresql://db:5432/ice",
        iceberg_catalog_properties={"jdbc.user": "steam", "jdbc.password": SECRET},
    ),
    "rest": Settings(
        iceberg_catalog="rest",
        iceberg_catalog_uri=f"https://steam:{SECRET}@iceberg.example/api",
        iceberg_catalog_properties={"credential": f"steam:{SECRET}", "token": SECRET, "prefix": "steam"},
    ),
}


def program_of(opening: Opening) -> str:
    """The lines as a user's program, which does without our package."""
    program = "\n".join(opening.lines)
    assert "steam_assets" not in program
    return program


def run(opening: Opening) -> dict[str, Any]:
    """The namespace of a user's program after these lines."""
    typed: dict[str, Any] = {}
    exec(program_of(opening), typed)
    return typed


def counted(program: str, opened: Mapping[TableName, Opening]) -> dict[TableName, int]:
    """The rows that a user's program with these lines finds in each table."""
    typed = list[str]()
    for table, opening in opened.items():
        rows = f"duck.sql('from {table.name}').df()" if program == "duckdb" else "rows"
        typed += [program_of(opening), f"print('found', len({rows}), type({rows}).__name__)"]
    done = subprocess.run([sys.executable, "-c", "\n".join(typed)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("found ")]
    assert {kind for _, kind in found} == {"DataFrame"}
    return {table: int(count) for table, (count, _) in zip(opened, found, strict=True)}


def tables_in(lake: Lake) -> Iterator[TableName]:
    yield from (TableName(root, name) for root in ROOT_NAMES for name in lake.table_names(root))


def rows_in(lake: Lake, table: TableName) -> int:
    return sum(lake.table(table.root, table.name, (), "").partition_rows().values())


@pytest.mark.parametrize("program", rest_nightly(["pyiceberg", "duckdb", "polars"]))
def test_every_table_opens_without_a_jvm(program: str, market_lake: Lake) -> None:
    tables = list(tables_in(market_lake))
    assert {table.root for table in tables} >= {"clean", "raw", "clean-backup"}
    found = counted(program, {table: openings(market_lake.settings, table)[program] for table in tables})
    assert found == {table: rows_in(market_lake, table) for table in tables}


def test_a_table_of_each_root_opens_in_spark(
    market_lake: Lake, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The jars are already present; a user's program would download them."""
    monkeypatch.setattr(SparkSession, "_instantiatedSession", spark.newSession())
    for table in {table.root: table for table in tables_in(market_lake)}.values():
        rows = run(openings(market_lake.settings, table)["spark"])["rows"]
        assert rows.count() == rows_in(market_lake, table), table


def test_tables_open_in_the_file_that_tableau_opens(market_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = market_lake.settings
    opening = openings(settings, TableName("clean", "visits"))["tableau"]
    write_extract(
        {"visits": tables_of(CleanReader(settings))["visits"]}, settings.home / "tableau" / "steam_market.hyper"
    )
    assert len(run(opening)["rows"]) == rows_in(market_lake, TableName("clean", "visits"))
    assert str((settings.home / "tableau" / "steam_market.hyper").absolute()) in opening.note


@pytest.mark.nightly
def test_tables_in_glue_open_with_the_printed_code(s3_server: str) -> None:
    """The server behaves like Glue. Athena exists only on AWS, so another engine runs its statement."""
    glue = GlueTables(s3_server)
    glue.commit("most_played", 7)
    table = TableName("clean", "most_played")
    found = openings(glue.settings(), table)
    for program in ("pyiceberg", "duckdb", "polars"):
        assert counted(program, {table: found[program]}) == {table: 7}
    (statement,) = found["athena"].lines
    assert Engine(Lake(glue.settings()), ["clean"]).ask(statement).rows.num_rows == 5
    assert found["athena"].note == "in region us-east-1, catalog AwsDataCatalog"
    assert any("athena.us-east-1.amazonaws.com" in line for line in found["tableau"].lines)


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
@pytest.mark.parametrize("root", CATALOGS)
def test_the_code_has_no_unnecessary_line_and_no_secret(deployment: str, root: Any) -> None:
    found = openings(DEPLOYMENTS[deployment], TableName(root, "most_played"))
    assert tuple(found) == PROGRAMS
    for opening in found.values():
        assert len(opening.lines) <= MOST_LINES
        assert SECRET not in "\n".join([*opening.lines, opening.note])
        if opening.language == "python":
            compile("\n".join(opening.lines), opening.program, "exec")


@pytest.mark.parametrize("deployment", ["postgresql", "postgresql, named", "rest"])
def test_a_note_says_where_a_secret_goes(deployment: str) -> None:
    found = openings(DEPLOYMENTS[deployment], TableName("clean", "most_played"))
    for program in ("pyiceberg", "duckdb", "polars", "spark"):
        assert found[program].note, program


def test_only_a_deployment_with_secrets_has_such_a_note() -> None:
    found = openings(DEPLOYMENTS["sqlite"], TableName("clean", "most_played"))
    assert {found[program].note for program in ("pyiceberg", "duckdb", "polars", "spark")} == {""}


def test_the_page_shows_the_lines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """They are for a lake in ``data``, whose paths are relative on the page."""
    monkeypatch.chdir(tmp_path)
    page = (REPOSITORY / "docs" / "how-to" / "connect.md").read_text("utf-8")
    for opening in openings(Settings(home=Path("data")), TableName("clean", "most_played")).values():
        assert f"```{opening.language}\n" + "\n".join(opening.lines).replace(f"{tmp_path}/", "") + "\n```" in page


@pytest.fixture
def catalog(market_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.setenv("STEAM_HOME", str(market_lake.settings.home))
    return lambda *arguments: CliRunner().invoke(app, ["catalog", *arguments], catch_exceptions=False).stdout


def test_the_command_prints_the_lines_of_this_deployment(catalog: Callable[..., str], market_lake: Lake) -> None:
    first = next(iter(market_lake.table_names("clean")))
    said = catalog()
    for opening in openings(market_lake.settings, TableName("clean", first)).values():
        assert f"{opening.program}" in said and "\n".join(opening.lines) in said
    raw, clean = (openings(market_lake.settings, TableName(root, "reviews"))["polars"] for root in ("raw", "clean"))
    for name, opening in {"reviews": clean, "steam.reviews": clean, "steam_raw.reviews": raw}.items():
        assert catalog("--table", name, "--engine", "Polars").splitlines()[1:] == [*opening.lines]
