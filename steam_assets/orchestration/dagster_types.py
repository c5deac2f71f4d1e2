"""Types of Dagster's objects that it does not export.

Belongs here: aliases that name them in signatures. Does not belong here: types that ``dagster`` exports.
"""

from __future__ import annotations

from typing import Any, TypeAlias

Internal: TypeAlias = Any
"""An object of Dagster's own machinery: a plan, a retry mode, a workspace."""

AssetJob: TypeAlias = Internal
"""What ``define_asset_job`` returns."""
