"""The lake of one deployment: its four roots, opened.

Belongs here: which store is which. Does not belong here: what is done with them (the other modules of this room).
"""

from __future__ import annotations

from functools import cached_property

from steam_assets.lake.ledger import Ledger
from steam_assets.lake.open_store import check_roots, open_root
from steam_assets.lake.raw_store import RawStore
from steam_assets.settings import Settings


class Lake:
    """The roots of ``settings``, each opened when first used. ValueError if roots are equal, nested or not ours."""

    def __init__(self, settings: Settings) -> None:
        check_roots(settings)
        self.settings = settings

    @cached_property
    def raw(self) -> RawStore:
        return RawStore(open_root("raw", self.settings))

    @cached_property
    def raw_backup(self) -> RawStore:
        return RawStore(open_root("raw-backup", self.settings))

    @cached_property
    def ledger(self) -> Ledger:
        """Records of the clean tables."""
        return Ledger(open_root("clean", self.settings))

    @cached_property
    def backup_ledger(self) -> Ledger:
        """Records of the clean tables' backups."""
        return Ledger(open_root("clean-backup", self.settings))
