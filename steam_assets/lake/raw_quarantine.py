"""Quarantined bytes in a raw root, and their copies: what nobody could decode, as it came, each with its reason.

Belongs here: where they rest, whether they are whole, copying them. Does not belong here: what goes to quarantine
(ingestion/), the quarantine tables of clean data (clean_tables.py).

    <source>/_quarantine/<partition key>/<name>+<first 16 digits of the bytes' SHA-256>.bytes
    <source>/_quarantine/<partition key>/<the same>.json    the reason

Both are written once. Of two whole reasons for the same bytes the one that is there stays.
"""

from __future__ import annotations

import json

from steam_assets.lake.raw_manifests import partition_folder
from steam_assets.lake.store import Store

NAMED_DIGITS = 16


def quarantine_folder(source: str, partition_key: str) -> str:
    """``<source>/_quarantine/<partition key>``. ValueError for names that are neither."""
    partition_folder(source, partition_key)
    return f"{source}/_quarantine/{partition_key}"


def quarantined(store: Store, source: str, partition_key: str) -> list[str]:
    """Keys of all that is in a partition's quarantine."""
    return [stored.key for stored in store.list(f"{quarantine_folder(source, partition_key)}/")]


def damaged(store: Store, source: str, partition_key: str) -> list[str]:
    """Keys of what is there and not as it was written; reads every byte back."""
    return [key for key in quarantined(store, source, partition_key) if not _is_whole(store, key)]


def copy_quarantine(origin: Store, goal: Store, source: str, partition_key: str) -> list[str]:
    """Copy what the goal has not whole, each read back from the copy. Keys that are damaged in both, left uncopied."""
    lost = []
    for key in quarantined(origin, source, partition_key):
        if goal.stat(key) is not None and _is_whole(goal, key):
            continue
        if _is_whole(origin, key):
            goal.copy_from(origin, key, origin.sha256(key))
        else:
            lost.append(key)
    return lost


def _is_whole(store: Store, key: str) -> bool:
    try:
        if key.endswith(".bytes"):
            return store.sha256(key)[:NAMED_DIGITS] == key.removesuffix(".bytes").rpartition("+")[2]
        return isinstance(json.loads(store.read(key)), dict)
    except (OSError, ValueError):
        return False
