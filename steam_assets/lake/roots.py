"""The four roots: where they are, whether they match the settings, and whether they were moved.

Belongs here: the marker of a root, the address of its tables, the check of the four roots. Does not belong here:
catalogs and tables.

A root has a marker, ``.steam-root.json``, that records which of the four it is and where it was created. Only an empty
place is ever marked, so a mistyped setting cannot turn a user's folder, or the backup, into one that housekeeping may
clear. It also records whether the data are made up, so that they stay marked in another HOME. Iceberg's metadata holds
absolute addresses, so a copied or moved root would read and write in its old place; it is rejected until
``steam-assets relocate`` has rewritten them.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, get_args
from unicodedata import category

from pydantic import BaseModel, ConfigDict, ValidationError

from steam_assets.masking import shown
from steam_assets.outages import Unavailable
from steam_assets.settings import ADDRESS, RootName, Settings, UnusableSetting
from steam_assets.writable_folders import existing, unusable_folder

if TYPE_CHECKING:
    from steam_assets.lake.files import Files

MARKER = ".steam-root.json"
_BUCKET = re.compile(r"[A-Za-z0-9._-]{1,255}")
SYNTHETIC = (
    "Synthetic data: players, ranks, prices, reviews, news and visits are made up by a simulator of Steam; only the "
    "names of games are real."
)
"""What every output of a lake with made-up data says."""
ROOT_NAMES: tuple[RootName, ...] = get_args(RootName)
BACKUPS: tuple[RootName, ...] = ("raw-backup", "clean-backup")


class UnsafeRoot(UnusableSetting):
    """A root must not be used in its present state; the message states why and what to do."""


class Marker(BaseModel):
    """The marker of a root: which one it is, and the address of its warehouse when it was created.

    ``synthetic``: it was created in the HOME of a demo.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    root: RootName
    warehouse: str
    schema_version: int = 2
    synthetic: bool = False

    def file(self) -> bytes:
        """The content of the marker's file; versions before ``synthetic`` read that of a root with real data."""
        return self.model_dump_json(exclude=None if self.synthetic else {"synthetic"}).encode()


def open_root(settings: Settings, root: RootName) -> None:
    """Mark a root on first use. Raises UnsafeRoot if it is another root, was moved, or holds other data."""
    if not is_in_use(settings, root):
        marker = Marker(root=root, warehouse=warehouse(settings, root), synthetic=is_synthetic(settings))
        _files(settings).write(marker_address(settings, root), marker.file())


def is_in_use(settings: Settings, root: RootName) -> bool:
    """Whether a root is marked, without marking it; False for an empty place. Raises UnsafeRoot like ``open_root``."""
    _refuse_dangerous(settings.root(root), root_variable(root))
    marker = read_marker(settings, root)
    if marker is None and _is_occupied(settings, root):
        # Another process may have marked and filled it since the first look.
        marker = read_marker(settings, root)
        if marker is None:
            raise UnsafeRoot(
                f"{settings.root(root)} is not empty and has no {MARKER}, so this product did not create it; "
                f"set {root_variable(root)} to an empty location"
            )
    if marker is None:
        return False
    if marker.root != root:
        raise UnsafeRoot(
            f"{settings.root(root)} is marked as {marker.root!r}, but the settings use it as {root!r}; "
            f"correct {root_variable(root)}"
        )
    if marker.warehouse != warehouse(settings, root):
        raise UnsafeRoot(
            f"{settings.root(root)} was created at {marker.warehouse.removesuffix('/warehouse')} and was copied or "
            "moved; `steam-assets relocate` makes it usable here, and does not change the original"
        )
    return True


def synthetic_mark(settings: Settings) -> Path:
    """A file that exists if HOME is that of a demo, whose data are made up."""
    return settings.home / "SYNTHETIC.txt"


def is_synthetic(settings: Settings) -> bool:
    """Whether the lake has made-up data, by its HOME or one of its roots. Raises UnsafeRoot for a damaged marker."""
    markers = (read_marker(settings, name) for name in ROOT_NAMES)
    return synthetic_mark(settings).exists() or any(marker.synthetic for marker in markers if marker)


def refusal_to_mix(settings: Settings, others: str) -> str | None:
    """Why data that are not made up, named by ``others``, may not come into this lake; None if they may."""
    if not is_synthetic(settings):
        return None
    return (
        f"{settings.home} holds synthetic data, to which {others} cannot be added; set STEAM_HOME to another folder "
        "(`unset STEAM_HOME` for the default)"
    )


def read_marker(settings: Settings, root: RootName) -> Marker | None:
    """The root's marker; None if it has none.

    Raises UnsafeRoot if it is damaged, and Unavailable if a web page came instead of it, as from a network's login.
    """
    address = marker_address(settings, root)
    try:
        text = _files(settings).read(address) if on_s3(address) else Path(address).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if on_s3(address) and text.lstrip().startswith(b"<"):
        raise Unavailable(web_page_instead(address))
    try:
        return Marker.model_validate_json(text)
    except ValidationError as error:
        raise UnsafeRoot(
            f"{address} is damaged; check the data next to it, then replace its content with "
            f'{{"root": "{root}", "warehouse": "<where it was created>/warehouse"}}'
        ) from error


def web_page_instead(address: str) -> str:
    return f"a web server responds instead of S3 for {address}; correct STEAM_S3_ENDPOINT_URL, or log in to the network"


def warehouse(settings: Settings, root: RootName) -> str:
    """The location of the root's tables, as in Iceberg's metadata: spelled as the root was when it was marked.

    Through a link, a bind mount or ``..`` the settings may name the same folder differently; all commits must agree.

    On a disk it is the bare path, which Hadoop and pyiceberg both use literally, whatever characters it has. In a
    ``file:`` URL Hadoop does not decode percent signs, and pyiceberg drops what follows ``#`` or ``?``.
    """
    address = settings.root(root)
    if on_s3(address):
        return f"{address}/warehouse"
    with suppress(UnsafeRoot, OSError):
        marker = read_marker(settings, root)
        if marker and Path(marker.warehouse).parent.samefile(address):
            return marker.warehouse
    # The folder before a `..` may be removed.
    return f"{os.path.realpath(address) if '..' in Path(address).parts else address}/warehouse"


def marker_address(settings: Settings, root: RootName) -> str:
    return f"{settings.root(root)}/{MARKER}"


def check_roots(settings: Settings) -> None:
    """Raise UnsafeRoot if two of the four roots are equal or nested, or one is ``/``, the home folder or above it."""
    for name in ROOT_NAMES:
        _refuse_dangerous(settings.root(name), root_variable(name))
    for one, other in combinations(ROOT_NAMES, 2):
        first, second = _place(settings.root(one)), _place(settings.root(other))
        if first.startswith(second) or second.startswith(first):
            relation = "are the same place" if first == second else "are nested"
            raise UnsafeRoot(
                f"the {one} root ({settings.root(one)}) and the {other} root ({settings.root(other)}) {relation}; "
                f"set {root_variable(other)} to a separate location"
            )


def refuse_beside(address: str, settings: Settings) -> None:
    """Raise UnsafeRoot if a place that must be separate from the four roots is, contains or is inside one of them."""
    _refuse_dangerous(address, "the address")
    place = _place(address)
    for name in ROOT_NAMES:
        root = _place(settings.root(name))
        if place.startswith(root) or root.startswith(place):
            raise UnsafeRoot(
                f"{address} is, contains or is inside the {name} root ({settings.root(name)}); give a separate location"
            )


def on_s3(address: str) -> bool:
    return address.startswith("s3://")


def root_variable(root: RootName) -> str:
    """The environment variable that sets the root."""
    return f"STEAM_{root.replace('-', '_').upper()}_ROOT"


def _files(settings: Settings) -> Files:
    # Imported late: a command that only reads a local disk does not need its libraries.
    from steam_assets.lake.files import Files

    return Files(settings)


def _is_occupied(settings: Settings, root: RootName) -> bool:
    """Whether the place contains anything but a marker, or another process's draft of one."""
    address = settings.root(root)
    if on_s3(address):
        names = (file.address.removeprefix(f"{address}/") for file in _files(settings).list(address))
    else:
        folder = Path(address)
        names = (entry.name for entry in folder.iterdir()) if folder.exists() else iter(())
    return any(not name.startswith(MARKER) for name in names)


def _place(address: str) -> str:
    """The address with links resolved and a trailing slash, so that a prefix means containment."""
    if on_s3(address):
        return address.rstrip("/") + "/"
    return str(Path(address).resolve()).rstrip("/") + "/"


def _unusable_on_s3(address: str) -> str | None:
    """What makes an address on S3 unusable: two programs, or two roots, would take it for different places."""
    bucket, *folders = address.removeprefix("s3://").rstrip("/").split("/")
    if not _BUCKET.fullmatch(bucket):
        return f"{shown(address).removeprefix('s3://').partition('/')[0]!r} is not a bucket name"
    if wrong := next((name for name in folders if name in (".", "..")), None):
        return f"it has a folder named {wrong!r}, which programs read differently"
    if "" in folders:
        return "it has two slashes in a row"
    if wrong := next((letter for letter in address if letter in "#?" or category(letter) == "Cc"), None):
        return f"it has {wrong!r}, at which addresses are cut off"
    return None


def _refuse_dangerous(address: str, variable: str) -> None:
    if not address.strip():
        raise UnsafeRoot(f"a root is empty; set {variable} to a folder or s3://bucket/prefix")
    if on_s3(address) and address != "s3://":
        if fault := _unusable_on_s3(address):
            raise UnsafeRoot(f"{shown(address)}: {fault}; correct {variable}")
        return
    if ADDRESS.match(f"{address}/"):
        raise UnsafeRoot(f"{address} is neither a folder nor s3://bucket/prefix; correct {variable}")
    if fault := unusable_folder(Path(address)):
        raise UnsafeRoot(fault)
    nearest = existing(Path(address).absolute())
    if not nearest.is_dir():
        kind = "a link that leads nowhere" if nearest.is_symlink() else "not a folder"
        raise UnsafeRoot(f"{nearest} is {kind}; correct {variable}")
    folder, home = Path(address).resolve(), Path(os.path.expanduser("~")).resolve()  # noqa: PTH111 - never fails
    if home.is_relative_to(folder):
        raise UnsafeRoot(f"{folder} is or contains the home folder {home}; give a dedicated folder below it")
