"""A separate deployment for each test, and a client that gives up within moments instead of minutes."""

from __future__ import annotations

from steam_assets.extraction.limits import RetryPolicy
from steam_assets_tests.end_to_end.conftest import deployment
from steam_assets_tests.faults.command_home import home

__all__ = ["HASTY", "deployment", "home"]

HASTY = RetryPolicy(
    connect_seconds=1,
    read_seconds=2,
    answer_seconds=5,
    total_seconds=10,
    attempts=2,
    invalid_attempts=2,
    backoff_base_seconds=0.01,
    cool_down_seconds=0.1,
    cool_down_cap_seconds=0.2,
    cool_downs=1,
)
