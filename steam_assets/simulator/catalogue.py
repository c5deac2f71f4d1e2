"""The apps of the synthetic market: real ids and names (facts), then any number of ``App <id>``.

Belongs here: the apps in order of their usual size, and their store data.
Does not belong here: how they develop over time (market.py).
"""

from __future__ import annotations

from dataclasses import dataclass

GAME, MOD, DLC, SOFTWARE, HARDWARE = 0, 2, 4, 6, 10

STEAM_DECK = 1675200
PHANTOM_LIBERTY = 2138330

RESTRICTED = {"KR": frozenset({238960}), "US": frozenset({1623660})}
"""Apps that are not in the store of a country: their item has a name but no ``is_free``."""

_FIRST_INVENTED = 6_000_000

_KNOWN = """
730 0 Counter-Strike 2
570 0 Dota 2
578080 0 PUBG: BATTLEGROUNDS
2767030 0 Marvel Rivals
1172470 0 Apex Legends™
271590 1999 Grand Theft Auto V Legacy
1675200 39900 Steam Deck
252490 3999 Rust
431960 399 Wallpaper Engine
2507950 0 Delta Force
1086940 5999 Baldur's Gate 3
230410 0 Warframe
236390 0 War Thunder
1938090 6999 Call of Duty®
553850 3999 HELLDIVERS™ 2
359550 1999 Tom Clancy's Rainbow Six® Siege
413150 1499 Stardew Valley
1245620 5999 ELDEN RING
1623730 2999 Palworld
440 0 Team Fortress 2
1203220 0 NARAKA: BLADEPOINT
2694490 2999 Path of Exile 2
238960 0 Path of Exile
1085660 0 Destiny 2
3240220 2999 Grand Theft Auto V Enhanced
1091500 5999 Cyberpunk 2077
2138330 2999 Cyberpunk 2077: Phantom Liberty
105600 999 Terraria
4000 999 Garry's Mod
1623660 0 MIR4
394360 4999 Hearts of Iron IV
227300 1999 Euro Truck Simulator 2
289070 5999 Sid Meier's Civilization® VI
381210 1999 Dead by Daylight
1599340 0 Lost Ark
2807960 6999 Battlefield™ 6
3527290 799 PEAK
221100 4999 DayZ
1905180 0 OBS Studio
3164500 1999 Schedule I
2357570 0 Overwatch® 2
108600 1999 Project Zomboid
322330 1499 Don't Starve Together
294100 3499 RimWorld
427520 3500 Factorio
281990 3999 Stellaris
1158310 4999 Crusader Kings III
236850 4999 Europa Universalis IV
1142710 5999 Total War: WARHAMMER III
2246340 6999 Monster Hunter Wilds
1030300 1999 Hollow Knight: Silksong
367520 1499 Hollow Knight
548430 2999 Deep Rock Galactic
304930 0 Unturned
1281930 0 tModLoader
1222670 0 The Sims™ 4
438100 0 VRChat
1174180 5999 Red Dead Redemption 2
292030 3999 The Witcher® 3: Wild Hunt
489830 3999 The Elder Scrolls V: Skyrim Special Edition
377160 1999 Fallout 4
1151340 3999 Fallout 76
306130 1999 The Elder Scrolls® Online
39210 1999 FINAL FANTASY XIV Online
582010 2999 Monster Hunter: World
2399830 4499 ARK: Survival Ascended
346110 1499 ARK: Survival Evolved
107410 2999 Arma 3
892970 1999 Valheim
739630 1999 Phasmophobia
945360 499 Among Us
1966720 999 Lethal Company
275850 5999 No Man's Sky
1145350 2999 Hades II
1145360 2499 Hades
2379780 1499 Balatro
1794680 499 Vampire Survivors
646570 2499 Slay the Spire
250900 1499 The Binding of Isaac: Rebirth
526870 3999 Satisfactory
284160 2499 BeamNG.drive
1551360 5999 Forza Horizon 5
550 999 Left 4 Dead 2
255710 2999 Cities: Skylines
949230 4999 Cities: Skylines II
1049590 0 Eternal Return
1973530 0 Limbus Company
1449850 0 Yu-Gi-Oh! Master Duel
582660 999 Black Desert
1063730 5999 New World: Aeternum
1172620 3999 Sea of Thieves
2358720 5999 Black Myth: Wukong
1903340 4999 Clair Obscur: Expedition 33
2073850 0 THE FINALS
813780 3499 Age of Empires II: Definitive Edition
8930 2999 Sid Meier's Civilization® V
291550 0 Brawlhalla
1240440 0 Halo Infinite
976730 3999 Halo: The Master Chief Collection
1407200 0 World of Tanks
552990 0 World of Warships
761890 0 Albion Online
1284210 0 Guild Wars 2
3513350 0 Wuthering Waves
1568590 0 Goose Goose Duck
1361210 3999 Warhammer 40,000: Darktide
2183900 5999 Warhammer 40,000: Space Marine 2
1326470 2999 Sons Of The Forest
242760 1999 The Forest
264710 2999 Subnautica
457140 2499 Oxygen Not Included
1716740 6999 Starfield
990080 5999 Hogwarts Legacy
814380 5999 Sekiro™: Shadows Die Twice
374320 5999 DARK SOULS™ III
1627720 5999 Lies of P
1364780 3999 Street Fighter™ 6
1778820 4999 TEKKEN 8
2050650 3999 Resident Evil 4
1971870 4999 Mortal Kombat 1
1687950 5999 Persona 5 Royal
1426210 3999 It Takes Two
2001120 4999 Split Fiction
1604030 3499 V Rising
648800 1999 Raft
620980 2999 Beat Saber
1272080 2999 PAYDAY 3
218620 999 PAYDAY 2
620 999 Portal 2
220 999 Half-Life 2
10 999 Counter-Strike
240 999 Counter-Strike: Source
70 999 Half-Life
1237970 2999 Titanfall® 2
1238840 3999 Battlefield™ 1
1517290 5999 Battlefield™ 2042
1446780 3999 MONSTER HUNTER RISE
671860 1499 BattleBit Remastered
1282100 4999 REMNANT II®
444090 0 Paladins®
"""

_KINDS = {STEAM_DECK: HARDWARE, PHANTOM_LIBERTY: DLC, 431960: SOFTWARE, 1905180: SOFTWARE, 1281930: MOD}


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
    apps: list[App] = []
    for slot, line in enumerate(_KNOWN.strip().splitlines()):
        app_id, cents, name = line.split(" ", 2)
        apps.append(App(slot, int(app_id), name, int(cents), _KINDS.get(int(app_id), GAME)))
    return tuple(apps)


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
