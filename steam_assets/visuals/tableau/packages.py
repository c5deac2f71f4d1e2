"""Packaged data source (``.tdsx``) and workbook (``.twbx``): a zip of the XML and the extract.

Belongs here: packing, and where the files are. Does not belong here: the XML (datasource.py, workbook.py), the extract
(extract.py).
"""

from __future__ import annotations

from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pyarrow as pa
from lxml import etree

from steam_assets.processes.temporary_folders import temporary_folder
from steam_assets.visuals.tableau.datasource import CAPTION, datasource_file
from steam_assets.visuals.tableau.extract import put_in_place
from steam_assets.visuals.tableau.model import model_of
from steam_assets.visuals.tableau.workbook import DASHBOARD, workbook_file

FOLDER = "Data/Extracts"
"""The extract's folder within a package."""
FAST = 1


def write_packages(extract: Path, schemas: dict[str, pa.Schema], *, synthetic: bool = False) -> list[Path]:
    """Write the packaged data source and workbook beside ``extract``, each atomically; returns those written.

    ``schemas`` are those of the extract's tables, by name. A package that would be empty, because there are no tables
    yet or none that a sheet needs, is removed. ``synthetic``: the rows are made up, which both names state.
    """
    model, inside = model_of(schemas), f"{FOLDER}/{extract.name}"
    roots = {
        ".tdsx": datasource_file(model, inside) if model.tables else None,
        ".twbx": workbook_file(model, inside),
    }
    written: list[Path] = []
    for suffix, root in roots.items():
        where = extract.with_suffix(suffix)
        if root is None:
            where.unlink(missing_ok=True)
        else:
            if synthetic:
                _mark(root)
            _pack(where, root, extract)
            written.append(where)
    return written


def _mark(root: etree._Element) -> None:
    """Name the data source and the dashboard as made up, wherever they are named."""
    for element in root.iter(etree.Element):
        for attribute in ("caption", "name"):
            if element.get(attribute) in (CAPTION, DASHBOARD):
                element.set(attribute, f"{element.get(attribute)} (synthetic data)")


def _pack(where: Path, root: etree._Element, extract: Path) -> None:
    document = etree.tostring(root, encoding="utf-8", xml_declaration=True, pretty_print=True)
    with temporary_folder(f".{where.stem}-", where.parent) as folder:
        draft = folder / where.name
        with ZipFile(draft, "w", ZIP_DEFLATED, compresslevel=FAST) as package:
            # Without the time of writing.
            entry = ZipInfo(where.with_suffix(where.suffix.removesuffix("x")).name)
            entry.compress_type = ZIP_DEFLATED
            package.writestr(entry, document)
            package.write(extract, f"{FOLDER}/{extract.name}")
        put_in_place(draft, where)
