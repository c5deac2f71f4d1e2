"""Steam market data on Dagster: five sources, raw → raw backup → clean → clean backup."""
