"""Catalogs in a PostgreSQL database, by settings alone: Spark and pyiceberg read each other's commits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from by_hand import GIVEN, Stack
from pyspark.sql import SparkSession

from benchmarks.raw_partition import put_batch
from steam_assets.commands.doctor_databases import check_catalog
from steam_assets.lake.backup import back_up, verify_twins
from steam_assets.lake.lake import Lake, Twins
from steam_assets.settings import Settings
from steam_assets.sources import source_named
from steam_assets.spark.cleaning import clean
from steam_assets_tests.contract.answered import envelopes
from steam_assets_tests.deployment import session_for

pytestmark = [pytest.mark.slow, pytest.mark.daemon]

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
SOURCE, KEY, NOW = source_named("news"), "2026-11-10", datetime(2026, 11, 18, 21, tzinfo=UTC)
ARTICLE = '{"gid": "1", "title": "t", "date": 1794355200, "appid": 730, "url": "https://example.org/", "contents": "c"}'
ANSWER = f'{{"appnews": {{"appid": 730, "newsitems": [{ARTICLE}], "count": 1}}}}'.encode()


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    if not PROGRAMS:
        pytest.skip("no PostgreSQL server here; `apt-get install postgresql` brings it")
    stack = Stack(tmp_path / "stack", ("compose.yaml",), {})
    try:
        stack.start_postgres(PROGRAMS[-1])
        service = stack.services["postgres"]["environment"]
        yield Settings(
            home=tmp_path / "home",
            iceberg_catalog="jdbc",
            iceberg_catalog_uri=f"jdbc:postgresql://127.0.0.1:{stack.port('postgres', 5432)}/{service['POSTGRES_DB']}",
            iceberg_catalog_properties={
                "jdbc.user": service["POSTGRES_USER"],
                "jdbc.password": GIVEN["POSTGRES_PASSWORD"],
            },
        )
    finally:
        stack.stop()
        stack.remove_postgres()


@pytest.mark.spark
def test_spark_and_pyiceberg_commit_to_the_same_tables(settings: Settings, spark: SparkSession) -> None:
    """Landed without a JVM, cleaned by Spark, backed up without one. Four catalogs share one database."""
    lake, session, table = Lake(settings), session_for(spark, settings), SOURCE.tables[0]
    landed = envelopes(SOURCE, KEY, ANSWER)
    put_batch(lake, SOURCE, KEY, landed[0].batch_id, landed)
    (record,) = clean(session, lake, SOURCE, [table], [KEY], NOW)
    assert (record.items, record.clean) == (1, 1)
    every: list[Twins[Any]] = [lake.raw_twins(SOURCE), lake.clean_twins(SOURCE, table)]
    for twins in every:
        back_up(twins, [KEY], NOW)
        assert verify_twins(twins, KEY) == []
        for one in (twins.primary, twins.backup):
            assert session.table(one.identifier).count() == 1, one.identifier
    assert not (settings.home / "clean" / "catalog.db").exists()


def test_doctor_tries_the_password(settings: Settings) -> None:
    """A password that PostgreSQL refuses is a problem, which names what to correct."""
    (found,) = check_catalog(settings)
    assert found.state == "ok"

    properties = settings.iceberg_catalog_properties | {"jdbc.password": "wrong"}
    (found,) = check_catalog(settings.model_copy(update={"iceberg_catalog_properties": properties}))
    assert found.state == "problem" and "password authentication failed" in found.detail
    assert "STEAM_ICEBERG_CATALOG_URI" in found.detail
