"""The secret key under which reviewers' ids are hashed before they reach a clean table.

Belongs here: having the key, and giving it to Spark unseen. Does not belong here: the hash itself (sources/reviews.py).
"""

from __future__ import annotations

import secrets

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steam_assets.settings import Settings


def reviewer_key(settings: Settings) -> str:
    """The key of the settings, or one made at first use and kept in ``HOME/reviewer_hash_key`` for its owner alone.

    With another key the same reviewer gets another pseudonym; deleting the key makes all of them anonymous.
    """
    given = settings.reviewer_hash_key.get_secret_value()
    if given:
        return given
    kept = settings.home / "reviewer_hash_key"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.touch(mode=0o600)
        kept.write_text(secrets.token_hex(32))
    return kept.read_text().strip()


def with_reviewer_key(envelopes: DataFrame, key: str) -> DataFrame:
    """The envelopes with a column ``hash_key``. It comes by a join, as a literal would stand in every printed plan."""
    return envelopes.crossJoin(F.broadcast(envelopes.sparkSession.createDataFrame([(key,)], "hash_key string")))
