"""The checks of ``doctor`` for the Iceberg catalogs and for Dagster's storage; they change nothing.

Belongs here: whether they can be used, and how to fix them. Does not belong here: what is wrong with an SQLite file
(sqlite_files.py), rebuilding a catalog (lake/catalog_rebuild.py).
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from steam_assets.commands.doctor_checks import Finding, fine, note, problem
from steam_assets.commands.preflight import catalog_fault
from steam_assets.extras import installed
from steam_assets.lake.catalog_rebuild import open_whole_catalog
from steam_assets.lake.catalogs import contact, sqlite_file
from steam_assets.lake.roots import ROOT_NAMES, UnsafeRoot, is_in_use, on_s3
from steam_assets.orchestration.unusable_storage import databases
from steam_assets.settings import RootName, Settings
from steam_assets.sqlite_files import Fault, fault_of
from steam_assets.writable_folders import unwritable


def check_catalog(settings: Settings) -> Iterator[Finding]:
    """The settings that the kind of Iceberg catalog needs, whether its service lets this user in, or its files."""
    kind = settings.iceberg_catalog
    if fault := catalog_fault(settings):
        yield problem("Iceberg catalog", f"STEAM_ICEBERG_CATALOG_URI: {fault}", "unset STEAM_ICEBERG_CATALOG")
    elif kind == "glue" and not settings.root("clean").startswith("s3://"):
        detail = "glue needs S3, but the clean root is a local folder"
        yield problem("Iceberg catalog", detail, "unset STEAM_ICEBERG_CATALOG   # or set the clean roots to s3://…")
    elif refused := _refused_by_service(settings):
        yield problem("Iceberg catalog", refused, "unset STEAM_ICEBERG_CATALOG   # or correct what it needs")
    elif faults := list(filter(None, (_fault_of_catalog(settings, root) for root in ROOT_NAMES))):
        yield from faults
    else:
        yield fine("Iceberg catalog", kind)


def _refused_by_service(settings: Settings) -> str | None:
    kind = settings.iceberg_catalog
    # A missing package is named by check_extras.
    if kind == "sqlite" or (kind == "jdbc" and not installed("postgres")):
        return None
    try:
        contact(settings, "clean")
    except Exception as error:
        return str(error) or type(error).__name__
    return None


def _fault_of_catalog(settings: Settings, root: RootName) -> Finding | None:
    """What is wrong with the SQLite catalog of a root on a disk."""
    if settings.iceberg_catalog != "sqlite" or on_s3(settings.root(root)):
        return None
    try:
        if not is_in_use(settings, root):
            return None
    except (UnsafeRoot, OSError):  # An unusable root has its own check.
        return None
    fault = fault_of(sqlite_file(settings, root))
    if fault and fault.kind == "locked":
        return note("Iceberg catalog", f"{fault.place} {fault.what}, perhaps by a run")
    if fault and fault.kind != "damaged":
        return _unusable("Iceberg catalog", fault)
    try:
        open_whole_catalog(settings, root)
    except UnsafeRoot as error:
        return problem("Iceberg catalog", str(error), f"steam-assets catalog rebuild --root {root}")
    return None


def check_dagster_home(settings: Settings) -> Iterator[Finding]:
    """A writable folder for Dagster's run history, and usable files in it."""
    name, given = "Dagster's home", os.environ.get("DAGSTER_HOME")
    if given and not Path(given).is_absolute():
        absolute = shlex.quote(str(Path(given).absolute()))
        yield problem(name, f"DAGSTER_HOME is {given}, which is not absolute", f"export DAGSTER_HOME={absolute}")
        return
    home = settings.dagster_home
    if refused := unwritable(home):
        yield problem(name, refused, "unset DAGSTER_HOME   # the run history is then kept in STEAM_HOME")
        return
    # A run or the daemon may have locked one for a moment.
    faults = [fault for fault in map(fault_of, databases(home)) if fault and fault.kind != "locked"]
    yield from (_unusable(name, fault) for fault in faults)
    if not faults:
        state = "exists" if (home / "dagster.yaml").is_file() else "will be created on first use"
        yield fine(name, f"{home} {state}")


def _unusable(name: str, fault: Fault) -> Finding:
    place = shlex.quote(str(fault.place))
    if fault.kind in ("damaged", "not a file"):
        return problem(name, f"{fault.place} {fault.what}", f"mv {place} {place}.damaged   # a new one is created")
    return problem(name, f"{fault.place} {fault.what}", f'sudo chown -R "$USER" {place} && chmod -R u+rwX {place}')
