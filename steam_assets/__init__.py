"""Steam market data on Dagster: every source, raw → raw backup → clean → clean backup."""

from steam_assets.loopback import keep_off_proxies

# Here, as it must hold in every process: a command, Dagster's code server, a Spark job, a notebook.
keep_off_proxies()
