"""Raw data can be read with pyarrow alone, matches ``show raw`` row by row, and can be traced."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from clean_partitions import SOURCE, THINGS, clean
from raw_landing import KEY, NEWS, batch_id, land, rows_of

from steam_assets.lake.lake import Lake
from steam_assets.lake.raw_tables import write_batch
from steam_assets.lake.trace import raw_rows, trace
from steam_assets_tests.conftest import REPOSITORY

HOW_TO = REPOSITORY / "docs" / "how-to" / "read-raw-without-metadata.md"


def test_the_how_to_rebuilds_a_partition_from_its_files_alone(lake: Lake) -> None:
    """Its twenty lines need neither catalog nor metadata, and ignore files of a writer that crashed half-way."""
    found = re.search(r"```python\n(.*?)```", HOW_TO.read_text(), re.DOTALL)
    assert found is not None and len(found[1].splitlines()) <= 20
    land(lake)
    land(lake, number=2)
    expected = sorted(raw_rows(lake.raw(NEWS), KEY), key=lambda row: (row["batch_id"], row["sequence"]))
    write_batch(lake.raw(NEWS), batch_id(2), rows_of(2, count=7))
    root = Path(lake.settings.root("raw"))
    (root / "catalog.db").unlink()
    shutil.rmtree(root / "warehouse" / "steam_raw" / "news" / "metadata")
    written: dict[str, Any] = {}
    exec(compile(found[1], str(HOW_TO), "exec"), written)
    read = [
        row | {"headers": dict(row["headers"]), "items": dict(row["items"])}
        for row in written["envelopes"](root, "news", KEY)
    ]
    assert sorted(read, key=lambda row: (row["batch_id"], row["sequence"])) == expected


def test_a_clean_row_is_traced_to_its_response(lake: Lake) -> None:
    """After a second cleaning it shows both versions, the one readers see, and the offsets of the responses."""
    land(lake)
    answers = {row["app_id"]: row for row in rows_of(1)}
    table = THINGS
    for label in ("old", "new"):
        record = clean(lake, {12: label, 13: label}, sha256=[answers[12]["sha256"], answers[13]["sha256"]])
    found = trace(lake, SOURCE, table, KEY)
    assert found is not None
    assert found.record == record and found.raw is not None and found.raw.table == "news"
    assert len(found.versions) == 2
    assert [version.current for version in found.versions].index(True) == len(found.versions) - 1
    assert {(a["app_id"], a["kafka_offset"], a["rows"], a["topic"]) for a in found.answers} == {
        (app_id, answers[app_id]["kafka_offset"], 1, "steam.news.v1") for app_id in (12, 13)
    }
    assert trace(lake, SOURCE, table, "2026-02-03") is None
