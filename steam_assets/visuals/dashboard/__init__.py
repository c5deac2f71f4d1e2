"""The dashboard: one self-contained HTML file. ``load`` reads what it shows, ``render`` makes the page."""

from steam_assets.visuals.dashboard.data import DashboardData, Period
from steam_assets.visuals.dashboard.load import load
from steam_assets.visuals.dashboard.page import render

__all__ = ["DashboardData", "Period", "load", "render"]
