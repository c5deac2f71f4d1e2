"""Price split: how much of both charts is free, paid or unknown, week by week.

Belongs here: the split of charts. Does not belong here: single items' prices (top_seller_moves.py).
"""

from __future__ import annotations

from steam_assets.insights.insight import Input, Insight
from steam_assets.sources.cadence import Cadence
from steam_assets.sources.source import Column

INSIGHT = Insight(
    name="price_split",
    title="Free and paid on both charts, week by week",
    cadence=Cadence.WEEKLY,
    inputs=(Input("top_sellers"), Input("most_played")),
    columns=(
        Column("week_start", "date", "Tuesday (UTC) on which the week begins.", nullable=False),
        Column("chart", "string", "top_sellers or most_played.", nullable=False),
        Column("price", "string", "free, paid or unknown (Steam hides the item from the US store).", nullable=False),
        Column("charts", "int", "Charts of the week: 1 of top sellers, one a collected day of most played.", "charts"),
        Column("items", "double", "Items on a chart, mean over the week's charts.", "items", nullable=False),
        Column("items_share", "double", "Their share of the chart, 0 to 1.", nullable=False),
        Column("players", "double", "Sum of their peaks on a day, mean over the days; most played only.", "players"),
        Column("players_share", "double", "Their share of the players, 0 to 1; most played only."),
    ),
    key=("chart", "price"),
    method=(
        "Items of each price class over all charts of the week, divided by the number of charts. All three classes "
        "have a row for every chart that was collected, be it zero."
    ),
    error="Free is what was free on the day of asking; a game that is free for a weekend counts as it stood then.",
)
