"""The data sets created by docs/how-to/quicksight.md: one per Glue table, with all columns, in QuickSight's types."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "aws" / "quicksight_data_sets.py"
ARN = "arn:aws:quicksight:us-east-1:123456789012"


@pytest.mark.skipif("STEAM_TEST_S3_ENDPOINT" in os.environ, reason="the server it names has no Glue")
def test_data_sets_are_made_of_glue_tables_and_named_for_the_settings(
    s3_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """QuickSight has no list type, so lists are left out. The printed line is the setting."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    glue = boto3.client("glue")
    if "steam" not in {database["Name"] for database in glue.get_databases()["DatabaseList"]}:
        glue.create_database(DatabaseInput={"Name": "steam"})
    types = {"app_id": "bigint", "day": "date", "share": "double", "at": "timestamp", "changes": "array<string>"}
    columns = [{"Name": name, "Type": kind} for name, kind in types.items()]
    glue.create_table(
        DatabaseName="steam", TableInput={"Name": "quicksight_check", "StorageDescriptor": {"Columns": columns}}
    )
    given = [
        "--account",
        "123456789012",
        "--data-source",
        f"{ARN}:datasource/steam",
        "--owner",
        f"{ARN}:user/default/x",
    ]
    done = subprocess.run(
        [sys.executable, SCRIPT, *given, "quicksight_check"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == 'STEAM_QUICKSIGHT_DATASETS={"quicksight_check": "steam-quicksight-check"}\n'

    sys.path.insert(0, str(SCRIPT.parent))
    try:
        from quicksight_data_sets import columns as shown  # pyright: ignore[reportMissingImports]
    finally:
        sys.path.remove(str(SCRIPT.parent))
    assert shown(glue, "quicksight_check") == [
        {"Name": "app_id", "Type": "INTEGER"},
        {"Name": "day", "Type": "DATETIME"},
        {"Name": "share", "Type": "DECIMAL"},
        {"Name": "at", "Type": "DATETIME"},
    ]
