"""The dashboard: one self-contained HTML file. ``load`` reads its data, ``render`` creates the page."""

from steam_assets.visuals.dashboard.data import DashboardData, Period
from steam_assets.visuals.dashboard.load import load
from steam_assets.visuals.dashboard.page import render

__all__ = ["DashboardData", "Period", "load", "render"]
