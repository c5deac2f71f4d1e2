"""The secret key for hashing reviewers' ids before they reach a clean table.

Belongs here: the key, and passing it to Spark without exposing it. Does not belong here: the hash
(sources/review_tables.py).
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steam_assets.processes.temporary_folders import temporary_folder
from steam_assets.settings import Settings

SHORTEST_KEY = 16
"""In characters; a shorter key could be found by brute force."""


class UnusableKey(Exception):
    """The key file does not hold a key."""


def reviewer_key(settings: Settings) -> str:
    """The key in the settings, or one generated on first use and kept in ``HOME/reviewer_hash_key``, owner-only.

    With another key the same reviewer gets another pseudonym; deleting the key makes all of them anonymous.
    """
    given = settings.reviewer_hash_key.get_secret_value()
    if given:
        return given
    kept = settings.home / "reviewer_hash_key"
    if not kept.exists():
        _make(kept)
    key = kept.read_text().strip()
    if len(key) < SHORTEST_KEY:
        raise UnusableKey(f"{kept} holds no key; delete it to generate one, or set STEAM_REVIEWER_HASH_KEY")
    return key


def _make(kept: Path) -> None:
    """Create the key file atomically; if two processes do so concurrently, the first one's key stays."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(".reviewer_hash_key.", kept.parent) as folder:
        draft = folder / kept.name
        draft.touch(0o600)
        with draft.open("w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, kept)


def with_reviewer_key(envelopes: DataFrame, key: str) -> DataFrame:
    """The envelopes with a column ``hash_key``, added by a join, because a literal would appear in every query plan."""
    # Via Arrow: a list of rows would start a Python worker in each run.
    keys = envelopes.sparkSession.createDataFrame(pa.table({"hash_key": [key]}))
    return envelopes.crossJoin(F.broadcast(keys))
