"""Create a QuickSight data set for each named Glue table: the whole table, unchanged, imported into SPICE.

Belongs here: the one-time set-up of docs/how-to/quicksight.md. Does not belong here: refreshing (steam_assets/visuals).
Run it as an administrator. Existing data sets are not changed. The last line of output is the setting to copy.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import boto3

DATABASE = "steam"
TYPES = {
    "string": "STRING", "boolean": "BOOLEAN", "date": "DATETIME", "timestamp": "DATETIME",
    "tinyint": "INTEGER", "smallint": "INTEGER", "int": "INTEGER", "bigint": "INTEGER",
    "float": "DECIMAL", "double": "DECIMAL",
}  # fmt: skip
OWNER_MAY = [
    f"quicksight:{action}"
    for action in (
        *("DescribeDataSet", "DescribeDataSetPermissions", "PassDataSet", "UpdateDataSet", "DeleteDataSet"),
        *("UpdateDataSetPermissions", "CreateIngestion", "CancelIngestion", "DescribeIngestion", "ListIngestions"),
    )
]


def columns(glue: Any, table: str) -> list[dict[str, str]]:
    """The table's columns with QuickSight types; columns without one, such as lists, are omitted."""
    found = glue.get_table(DatabaseName=DATABASE, Name=table)["Table"]["StorageDescriptor"]["Columns"]
    known = [(one["Name"], TYPES.get(one["Type"].split("(")[0])) for one in found]
    return [{"Name": name, "Type": kind} for name, kind in known if kind]


def make(account: str, data_source: str, owner: str, tables: list[str], endpoint: str | None = None) -> dict[str, str]:
    """Create the missing data sets; returns all ids by table. Raises AWS's ClientError."""
    glue = boto3.client("glue", endpoint_url=endpoint)
    quicksight: Any = boto3.client("quicksight", endpoint_url=endpoint)
    made = {}
    for table in tables:
        made[table] = f"steam-{table.replace('_', '-')}"
        physical = {
            "DataSourceArn": data_source,
            "Catalog": "AwsDataCatalog",
            "Schema": DATABASE,
            "Name": table,
            "InputColumns": columns(glue, table),
        }
        try:
            quicksight.create_data_set(
                AwsAccountId=account,
                DataSetId=made[table],
                Name=f"Steam: {table}",
                ImportMode="SPICE",
                PhysicalTableMap={"table": {"RelationalTable": physical}},
                Permissions=[{"Principal": owner, "Actions": OWNER_MAY}],
            )
        except quicksight.exceptions.ResourceExistsException:
            continue
    return made


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--account", required=True, help="AWS account, 12 digits")
    asked.add_argument("--data-source", required=True, help="ARN of the Athena data source")
    asked.add_argument("--owner", required=True, help="ARN of the QuickSight user that owns the data sets")
    asked.add_argument("tables", nargs="+")
    given = asked.parse_args()
    ids = make(given.account, given.data_source, given.owner, given.tables)
    sys.stdout.write(f"STEAM_QUICKSIGHT_DATASETS={json.dumps(ids)}\n")
