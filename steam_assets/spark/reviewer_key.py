"""The secret key for hashing reviewers' ids before they reach a clean table.

Belongs here: the key, its fingerprint, and passing it to Spark without exposing it. Does not belong here: the hash
(sources/review_tables.py).
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steam_assets.lake.lake import Lake
from steam_assets.ledger.records import CleanRecord
from steam_assets.processes.temporary_folders import temporary_folder
from steam_assets.settings import Settings, private_folder
from steam_assets.sources.source import Source

SHORTEST_KEY = 16
"""In characters; a shorter key could be found by brute force."""


class UnusableKey(Exception):
    """The key file does not hold a key."""


class OtherKey(Exception):
    """The key differs from that of the pseudonyms in the clean tables, or is missing; nothing was cleaned."""


def key_for(lake: Lake, source: Source, keys: Collection[str]) -> str:
    """The key for cleaning partitions of a source.

    OtherKey if clean partitions besides ``keys`` have pseudonyms of another key: one reviewer would appear as two in a
    table. A key is created only if no such partitions exist.
    """
    others = {
        key: record.reviewer_key
        for table in source.tables
        if table.pseudonymous
        for key, record in lake.clean(table).records(CleanRecord).items()
        if record.reviewer_key is not None and key not in keys
    }
    kept, settings = kept_key(lake.settings), lake.settings
    if others and not settings.reviewer_hash_key.get_secret_value() and not kept.exists():
        raise OtherKey(f"{kept} is gone, the key of the pseudonyms in {_what_to_do(source, others, keys)}")
    key = reviewer_key(settings)
    if strange := {one: made_with for one, made_with in others.items() if made_with != fingerprint(key)}:
        raise OtherKey(
            f"the reviewers' key has the fingerprint {fingerprint(key)}, and another one made the pseudonyms in "
            f"{_what_to_do(source, strange, keys)}"
        )
    return key


def _what_to_do(source: Source, others: Mapping[str, str], keys: Collection[str]) -> str:
    named = ", ".join(sorted(set(others.values())))
    first, last = min(*others, *keys), max(*others, *keys)
    return (
        f"{len(others)} clean partitions of {source.name} (fingerprint {named}). Put that key back, into "
        "HOME/reviewer_hash_key or STEAM_REVIEWER_HASH_KEY; if it is lost, give all new pseudonyms in one run: "
        f"steam-assets run {source.name} --stage clean --from {first} --to {last}"
    )


def fingerprint(key: str) -> str:
    """The key's fingerprint in the ledger: 16 hexadecimal digits, from which the key cannot be computed."""
    return hashlib.sha256(f"fingerprint of a reviewers' key\n{key}".encode()).hexdigest()[:16]


def kept_key(settings: Settings) -> Path:
    """The file of a key that no setting provides."""
    return settings.home / "reviewer_hash_key"


def reviewer_key(settings: Settings) -> str:
    """The key in the settings, or one generated on first use and kept in ``HOME/reviewer_hash_key``, owner-only.

    With another key the same reviewer gets another pseudonym.
    """
    given = settings.reviewer_hash_key.get_secret_value()
    if given:
        return given
    kept = kept_key(settings)
    if not kept.exists():
        private_folder(settings.home)
        _make(kept)
    key = kept.read_text().strip()
    if len(key) < SHORTEST_KEY:
        raise UnusableKey(f"{kept} holds no key; delete it to generate one, or set STEAM_REVIEWER_HASH_KEY")
    return key


def _make(kept: Path) -> None:
    """Create the key file atomically; if two processes do so concurrently, the first one's key stays."""
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
