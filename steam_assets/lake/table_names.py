"""The names of tables that have no backup, because their rows are computed from others: insights and quarantines.

Belongs here: how such a table is named. Does not belong here: where tables are (lake.py, catalogs.py).
"""

from __future__ import annotations

INSIGHT = "insight_"
"""Before the insight's name."""

QUARANTINE = "_quarantine"
"""After the clean table's name."""


def is_computed(name: str) -> bool:
    """Whether a table of the clean root has no backup."""
    return name.startswith(INSIGHT) or name.endswith(QUARANTINE)
