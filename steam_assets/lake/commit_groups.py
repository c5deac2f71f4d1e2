"""Which partitions are copied together, in one commit.

Belongs here: dividing partitions into groups. Does not belong here: copying them (backup.py, restore.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from steam_assets.ledger.records import PartitionRecord, RawRecord

GROUP_PARTITIONS = 100
"""Copied in one commit: a commit rewrites the records of all partitions, so one for each would take longer each."""
GROUP_BYTES = 256 << 20
"""Of raw files copied in one commit: what an interrupted backup or restore copies again."""


def groups(keys: Iterable[str], records: Mapping[str, PartitionRecord]) -> Iterator[list[str]]:
    """The keys in groups of at most GROUP_PARTITIONS, and of about GROUP_BYTES of raw files, according to records."""
    group, size = list[str](), 0
    for key in keys:
        group.append(key)
        record = records.get(key)
        size += sum(batch.size for batch in record.batches) if isinstance(record, RawRecord) else 0
        if len(group) == GROUP_PARTITIONS or size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group
