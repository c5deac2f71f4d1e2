"""A client for the GraphQL API of a Dagster UI.

Belongs here: sending a query, launching a backfill. Does not belong here: starting a UI (dagster_ui.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import requests

LAUNCH_BACKFILL = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
LOCATIONS = """
{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError { __typename } } } } }
"""


class QueryFailed(Exception):
    """The Dagster UI rejected a query; the message has its errors."""


def ask(url: str, query: str, **variables: Any) -> dict[str, Any]:
    """The data of a query to the Dagster UI at ``url``. Raises QueryFailed, or what requests raises."""
    response = requests.post(f"{url}/graphql", json={"query": query, "variables": variables}, timeout=60)
    if not response.ok:
        raise QueryFailed(f"HTTP {response.status_code}: {response.text[:500]}")
    body = response.json()
    if "errors" in body:
        raise QueryFailed(str(body["errors"]))
    return body["data"]


def has_definitions(url: str) -> bool:
    """Whether the UI has loaded the code location; it responds before that. Raises what ``ask`` raises."""
    entries = ask(url, LOCATIONS)["workspaceOrError"]["locationEntries"]
    return [one["locationOrLoadError"] for one in entries] == [{"__typename": "RepositoryLocation"}]


def launch_backfill(url: str, assets: Sequence[Sequence[str]], keys: Sequence[str]) -> str:
    """Launch a backfill of asset partitions, as the button in the UI does. Returns its ID; raises QueryFailed."""
    params = {"assetSelection": [{"path": path} for path in assets], "partitionNames": keys, "tags": []}
    launched = ask(url, LAUNCH_BACKFILL, params=params)["launchPartitionBackfill"]
    if launched["__typename"] != "LaunchBackfillSuccess":
        raise QueryFailed(str(launched))
    return launched["backfillId"]
