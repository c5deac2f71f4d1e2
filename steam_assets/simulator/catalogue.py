"""The apps of the synthetic market: real ids and names (facts, apps.tsv), then any number of ``App <id>``.

Belongs here: the apps in order of their usual size. Does not belong here: how they develop over time (market.py).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files

GAME, DLC, HARDWARE = 0, 4, 10
"""Some of Steam's types of store items."""

NOT_SOLD_IN = {1623660: "US", 238960: "KR"}
"""Apps that one country's store does not sell."""

_FIRST_INVENTED = 6_000_000


@dataclass(frozen=True)
class App:
    """One app. ``slot`` is its position by usual size, from 0; ``price_cents`` is in US cents, 0 if it is free."""

    slot: int
    app_id: int
    name: str
    price_cents: int
    kind: int = GAME

    @property
    def free(self) -> bool:
        return self.price_cents == 0

    @property
    def played(self) -> bool:
        """Whether it has players: hardware and DLC do not."""
        return self.kind not in (HARDWARE, DLC)


def _known() -> tuple[App, ...]:
    with (files("steam_assets.simulator") / "apps.tsv").open(encoding="utf-8") as rows:
        return tuple(
            App(slot, int(row["app_id"]), row["name"], int(row["price_cents"]), int(row["type"]))
            for slot, row in enumerate(csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE))
        )


KNOWN = _known()
_SLOT_OF_KNOWN = {app.app_id: app.slot for app in KNOWN}


class Catalogue:
    """The first ``size`` apps by usual size, found by slot or id without holding a list."""

    def __init__(self, size: int) -> None:
        self.size = size

    def at(self, slot: int) -> App:
        """The app in ``slot`` (0 to size - 1)."""
        if slot < len(KNOWN):
            return KNOWN[slot]
        app_id = _FIRST_INVENTED + 10 * slot
        return App(slot, app_id, f"App {app_id}", (slot * 7919) % 40 * 100 + 99 if slot % 4 else 0)

    def find(self, app_id: int) -> App | None:
        """The app with this id; None if there is none."""
        slot = _SLOT_OF_KNOWN.get(app_id)
        if slot is None:
            slot, rest = divmod(app_id - _FIRST_INVENTED, 10)
            if rest or slot < len(KNOWN):
                return None
        return self.at(slot) if slot < self.size else None
