"""Opening a root: which store an address means, and whether it is safe to write there.

Belongs here: the marker of a root, the check of the four roots. Does not belong here: reading and writing objects.

A root carries a marker, ``.steam-root.json``, that says which of the four it is. Only an empty place is ever marked, so
a mistyped setting cannot turn somebody's folder, or the backup, into something that housekeeping may clear.
"""

from __future__ import annotations

import json
import os
import re
from itertools import combinations
from pathlib import Path
from typing import Literal, get_args

from steam_assets.lake.disk_store import DiskStore
from steam_assets.lake.s3_store import S3Store
from steam_assets.lake.store import Store, StoreConflict
from steam_assets.settings import Settings, unusable_folder

MARKER = ".steam-root.json"

RootName = Literal["raw", "raw-backup", "clean", "clean-backup"]
ROOT_NAMES: tuple[RootName, ...] = get_args(RootName)

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_ELSEWHERE = "elsewhere"
"""The mark of a root that is none of the four: a place to restore into."""


class UnsafeRoot(ValueError):
    """A root that must not be used as it is; the message says why and what to do."""


def open_store(uri_or_path: str, settings: Settings) -> Store:
    """The store at a folder or an ``s3://bucket/prefix``, marked on its first use.

    UnsafeRoot if the place is not empty and not marked, or is marked as another root than the settings use it for.
    """
    _refuse_dangerous(uri_or_path)
    store: Store = S3Store(uri_or_path, settings) if on_s3(uri_or_path) else DiskStore(Path(uri_or_path))
    _mark(store, _purpose(uri_or_path, settings))
    return store


def open_root(name: RootName, settings: Settings) -> Store:
    """One of the four roots of the settings; errors as of ``open_store``."""
    return open_store(settings.root(name), settings)


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
                f"set STEAM_{other.replace('-', '_').upper()}_ROOT to a place of its own"
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


def _place(address: str) -> str:
    """The address with links resolved and a slash at its end: one place holds another if it is a prefix of it."""
    if on_s3(address):
        return address.rstrip("/") + "/"
    return str(Path(address).resolve()).rstrip("/") + "/"


def _purpose(address: str, settings: Settings) -> str:
    return next((name for name in ROOT_NAMES if _place(settings.root(name)) == _place(address)), _ELSEWHERE)


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


def _mark(store: Store, purpose: str) -> None:
    found = store.read(MARKER) if store.stat(MARKER) else None
    if found is None:
        _refuse_occupied(store)
        wanted = json.dumps({"root": purpose, "schema_version": 1}, sort_keys=True).encode()
        try:
            store.write(MARKER, wanted, if_absent=True)
            return
        except StoreConflict:
            found = store.read(MARKER)
    marked = _marked_as(found, store)
    # A root may be opened by another deployment to restore from it; a root of this one must be what it is used for.
    if purpose not in (_ELSEWHERE, marked):
        raise UnsafeRoot(
            f"{store.uri} is marked as {marked!r} and the settings use it as {purpose!r}; correct the roots"
        )


def _marked_as(marker: bytes, store: Store) -> str:
    try:
        return str(json.loads(marker)["root"])
    except (ValueError, KeyError, TypeError) as error:
        raise UnsafeRoot(
            f"{store.uri}/{MARKER} is damaged; look at what is there, then write "
            f'{{"root": "<one of {", ".join(ROOT_NAMES)}>"}} into it'
        ) from error


def _refuse_occupied(store: Store) -> None:
    # A folder may hold files whose names are no keys and which the store therefore does not list.
    occupied = (
        next(store.root.iterdir(), None) is not None
        if isinstance(store, DiskStore) and store.root.exists()
        else next(iter(store.list()), None) is not None
    )
    if occupied:
        raise UnsafeRoot(
            f"{store.uri} is not empty and carries no {MARKER}: it was not made by this product; give an empty place"
        )
