"""Aliases for Dagster types that it does not export.

Belongs here: aliases for use in signatures. Does not belong here: types that ``dagster`` exports.
"""

from __future__ import annotations

from typing import Any, TypeAlias

Internal: TypeAlias = Any
"""An internal object of Dagster: a plan, a retry mode, a workspace."""

AssetJob: TypeAlias = Internal
"""What ``define_asset_job`` returns."""
