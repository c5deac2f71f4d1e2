"""The secret key under which reviewers' ids are hashed before they reach a clean table.

Belongs here: having the key, and giving it to Spark unseen. Does not belong here: the hash itself (sources/reviews.py).
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
"""Characters; with fewer, ids could be found by trying keys."""


class UnusableKey(Exception):
    """The file of the reviewers' key holds none."""


def reviewer_key(settings: Settings) -> str:
    """The key of the settings, or one made at first use and kept in ``HOME/reviewer_hash_key`` for its owner alone.

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
        raise UnusableKey(f"{kept} holds no key; delete it to have one made, or set STEAM_REVIEWER_HASH_KEY")
    return key


def _make(kept: Path) -> None:
    """Put a new key in place whole; of two processes at once the first one's stays."""
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
    """The envelopes with a column ``hash_key``. It comes by a join, as a literal would stand in every printed plan."""
    # By Arrow: rows given as a list would start a Python worker for each run.
    keys = envelopes.sparkSession.createDataFrame(pa.table({"hash_key": [key]}))
    return envelopes.crossJoin(F.broadcast(keys))
