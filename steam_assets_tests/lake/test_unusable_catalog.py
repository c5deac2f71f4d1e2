"""A catalog's SQLite file that cannot be used is named with what to do, by reading, landing and rebuilding alike."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from raw_landing import KEY, NEWS, land

from steam_assets.lake.catalog_rebuild import rebuild_catalog
from steam_assets.lake.catalogs import UnusableCatalog, sqlite_file
from steam_assets.lake.lake import Lake
from steam_assets.lake.roots import UnsafeRoot
from steam_assets_tests.nightly import rest_nightly

REBUILD = "is lost or damaged .* `steam-assets catalog rebuild --root raw`$"
PROGRAM = """
import sys
from pathlib import Path
from raw_landing import KEY, NEWS, land
from steam_assets.lake.lake import Lake
from steam_assets.settings import Settings
lake = Lake(Settings(home=Path(sys.argv[1])))
print(sum(lake.raw(NEWS).partition_rows().values()), flush=True)
land(lake, number=2)
"""


def _overwrite(file: Path, start: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(start)
        opened.write(b"\x55" * 6000)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "text": lambda file: file.write_text("no database"),
    "cut": lambda file: os.truncate(file, 8192),
    "header": partial(_overwrite, start=0),
    "page": partial(_overwrite, start=4096),
}


@pytest.mark.parametrize("damage", rest_nightly(DAMAGE, kept=2))
def test_a_damaged_one_is_rebuilt_as_advised(damage: str, lake: Lake) -> None:
    land(lake)
    DAMAGE[damage](sqlite_file(lake.settings, "raw"))
    with pytest.raises(UnsafeRoot, match=REBUILD):
        land(Lake(lake.settings), number=2)
    rebuild_catalog(lake.settings, "raw")
    assert len(land(Lake(lake.settings), number=2).batches) == 2


def test_damage_of_an_open_one_is_named(lake: Lake) -> None:
    land(lake)
    DAMAGE["text"](sqlite_file(lake.settings, "raw"))
    with pytest.raises(UnsafeRoot, match=REBUILD):
        land(lake, number=2)


def test_a_folder_in_its_place_is_named_and_stays(lake: Lake) -> None:
    land(lake)
    file = sqlite_file(lake.settings, "raw")
    file.unlink()
    file.mkdir()
    for used in (lambda: Lake(lake.settings).raw(NEWS), lambda: rebuild_catalog(lake.settings, "raw")):
        with pytest.raises(UnusableCatalog, match=f"^{file} is not a file; move it away, then run it again$"):
            used()
    file.rmdir()
    rebuild_catalog(lake.settings, "raw")
    assert set(Lake(lake.settings).raw(NEWS).partition_rows()) == {KEY}


@pytest.mark.parametrize(
    ("place", "mode", "read", "what"),
    rest_nightly(
        [
            ("catalog.db", 0o000, "", "read"),
            ("catalog.db", 0o444, "20\n", "written"),
            (".", 0o555, "20\n", "written"),
        ],
        kept=2,
        several=True,
    ),
)
def test_one_of_another_user_is_named(place: str, mode: int, read: str, what: str, lake: Lake) -> None:
    """One that cannot be written can be read."""
    land(lake)
    refused = sqlite_file(lake.settings, "raw").parent / place
    refused.chmod(mode)
    # Without these, root's rights are those of other users.
    rights = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*rights, sys.executable, "-c", PROGRAM, str(lake.settings.home)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == read
    named = f"{refused.resolve()} cannot be {what} by this user; correct its mode or owner, then run it again\n"
    assert done.stderr.endswith(f"UnusableCatalog: {named}"), done.stderr
    refused.chmod(0o755)
    assert len(land(Lake(lake.settings), number=2).batches) == 2
