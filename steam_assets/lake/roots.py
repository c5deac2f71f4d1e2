"""The four roots: where they are, whether they are what the settings take them for, and whether they were moved.

Belongs here: the marker of a root, the check of the four roots. Does not belong here: catalogs and tables.

A root carries a marker, ``.steam-root.json``, that says which of the four it is and where it was made. Only an empty
place is ever marked, so a mistyped setting cannot turn somebody's folder, or the backup, into something that
housekeeping may clear. Iceberg's metadata holds absolute addresses, so a root that was copied or moved would read and
write at its old place: it is refused until ``steam-assets relocate`` has rewritten them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from steam_assets.lake.catalogs import warehouse
from steam_assets.lake.files import Files
from steam_assets.settings import RootName, Settings, unusable_folder

MARKER = ".steam-root.json"
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
ROOT_NAMES: tuple[RootName, ...] = get_args(RootName)


class UnsafeRoot(ValueError):
    """A root that must not be used as it is; the message says why and what to do."""


class Marker(BaseModel):
    """What a root says about itself: which one it is, and the address of its warehouse when it was made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    root: RootName
    warehouse: str
    schema_version: int = 2


def open_root(settings: Settings, root: RootName) -> None:
    """Mark a root on its first use. UnsafeRoot if it is another one, was made elsewhere, or is somebody's folder."""
    _refuse_dangerous(settings.root(root))
    files, address = Files(settings), marker_address(settings, root)
    marker = read_marker(settings, root)
    if marker is None:
        if next(iter(_entries(files, settings, root)), None) is not None:
            raise UnsafeRoot(
                f"{settings.root(root)} is not empty and carries no {MARKER}: it was not made by this product; "
                f"set {root_variable(root)} to an empty place"
            )
        marker = Marker(root=root, warehouse=warehouse(settings, root))
        files.write(address, marker.model_dump_json().encode())
    if marker.root != root:
        raise UnsafeRoot(
            f"{settings.root(root)} is marked as {marker.root!r} and the settings use it as {root!r}; "
            f"correct {root_variable(root)}"
        )
    if marker.warehouse != warehouse(settings, root):
        raise UnsafeRoot(
            f"{settings.root(root)} was made at {marker.warehouse.removesuffix('/warehouse')} and is a copy or was "
            "moved; `steam-assets relocate` makes it whole here, and touches nothing at its old place"
        )


def read_marker(settings: Settings, root: RootName) -> Marker | None:
    """The root's marker; None if it has none. UnsafeRoot for a damaged one."""
    address = marker_address(settings, root)
    try:
        return Marker.model_validate_json(Files(settings).read(address))
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise UnsafeRoot(
            f"{address} is damaged; look at what is there, then write into it "
            f'{{"root": "{root}", "warehouse": "<where it was made>/warehouse"}}'
        ) from error


def marker_address(settings: Settings, root: RootName) -> str:
    return f"{settings.root(root)}/{MARKER}"


def check_roots(settings: Settings) -> None:
    """UnsafeRoot if two of the four roots are equal or nested, or one is ``/``, the home folder or above it."""
    for name in ROOT_NAMES:
        _refuse_dangerous(settings.root(name))
    for one, other in combinations(ROOT_NAMES, 2):
        first, second = _place(settings.root(one)), _place(settings.root(other))
        if first.startswith(second) or second.startswith(first):
            relation = "are the same place" if first == second else "lie within each other"
            raise UnsafeRoot(
                f"the {one} root ({settings.root(one)}) and the {other} root ({settings.root(other)}) {relation}; "
                f"set {root_variable(other)} to a place of its own"
            )


def refuse_beside(address: str, settings: Settings) -> None:
    """UnsafeRoot if a place that is to be apart from the four roots is, holds or lies in one of them."""
    _refuse_dangerous(address)
    place = _place(address)
    for name in ROOT_NAMES:
        root = _place(settings.root(name))
        if place.startswith(root) or root.startswith(place):
            raise UnsafeRoot(
                f"{address} is, holds or lies in the {name} root ({settings.root(name)}); give a place of its own"
            )


def on_s3(address: str) -> bool:
    return address.startswith("s3://")


def root_variable(root: RootName) -> str:
    """The environment variable that sets it."""
    return f"STEAM_{root.replace('-', '_').upper()}_ROOT"


def _entries(files: Files, settings: Settings, root: RootName) -> Sequence[object]:
    address = settings.root(root)
    if on_s3(address):
        return list(files.list(address))[:1]
    folder = Path(address)
    return list(folder.iterdir()) if folder.exists() else []


def _place(address: str) -> str:
    """The address with links resolved and a slash at its end: one place holds another if it is a prefix of it."""
    if on_s3(address):
        return address.rstrip("/") + "/"
    return str(Path(address).resolve()).rstrip("/") + "/"


def _refuse_dangerous(address: str) -> None:
    if not address.strip():
        raise UnsafeRoot("a root is empty; give a folder or s3://bucket/prefix")
    if on_s3(address):
        return
    if _ADDRESS.match(address):
        raise UnsafeRoot(f"{address} is neither a folder nor s3://bucket/prefix")
    if fault := unusable_folder(Path(address)):
        raise UnsafeRoot(fault)
    folder, home = Path(address).resolve(), Path(os.path.expanduser("~")).resolve()  # noqa: PTH111 - never fails
    if home.is_relative_to(folder):
        raise UnsafeRoot(f"{folder} is or holds the home folder {home}; give a folder below it, made for this alone")
