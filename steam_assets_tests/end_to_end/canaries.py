"""Recognizable secrets and personal data, and the files that contain them.

Belongs here: finding them, also within Parquet's columns. Does not belong here: assertions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow.parquet as pq

SECRETS = {
    name: f"canary-{number:04d}-of-a-secret"
    for number, name in enumerate(
        (
            *("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "STEAM_KAFKA_SASL_PASSWORD", "STEAM_TABLEAU_TOKEN_SECRET"),
            *("STEAM_REVIEWER_HASH_KEY", "STEAM_SIMILARWEB_API_KEY"),
        )
    )
} | {"STEAM_ALERT_WEBHOOK_URL": "http://127.0.0.1:9/canary-9999-of-a-secret"}
"""Environment variables, each with its own secret."""
SECRET = re.compile(rb"canary-\d{4}-of-a-secret")
STEAM_ID = re.compile(rb"7656119\d{10}")
"""The account of a reviewer."""


def files_with(pattern: re.Pattern[bytes], files: Iterable[Path]) -> list[Path]:
    """Those ``files`` with a match in their bytes (as UTF-8 or UTF-16) or in a Parquet column."""
    return [path for path in files if any(pattern.search(text) for text in _texts(path))]


def _texts(path: Path) -> Iterator[bytes]:
    content = path.read_bytes()
    yield content
    yield content.replace(b"\0", b"")
    if path.suffix == ".parquet":
        yield str(pq.read_table(path).to_pylist()).encode(errors="replace")
