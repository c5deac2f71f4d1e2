"""Files whose columns have ids, as those of Spark.

Belongs here: replacing files by such files. Does not belong here: assertions.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow.parquet as pq
from pydantic import BaseModel
from pyiceberg.io.pyarrow import schema_to_pyarrow

from steam_assets.lake.iceberg_table import IcebergTable, of_partitions
from steam_assets.ledger.records import CleanRecord


def with_column_ids(table: IcebergTable, key: str, model: type[BaseModel]) -> list[Path]:
    """Replace the files of a partition by ones that have the ids of the table's columns; returns their paths.

    A clean partition's record has their digests, as if Spark had written them.
    """
    schema, files = schema_to_pyarrow(table.create().schema()), list[Path]()
    for file in (Path(file.file_path) for file in table.files_of(key)):
        files.append(file.with_stem(f"{file.stem}-with-ids"))
        pq.write_table(pq.read_table(file, partitioning=None).cast(schema), files[-1])
    record = table.record(model, key)
    if isinstance(record, CleanRecord):
        digests = tuple(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)
        record = record.model_copy(update={"sha256s": digests})
    table.commit({key: record}, remove=of_partitions([key]), add=[str(file) for file in files])
    return files
