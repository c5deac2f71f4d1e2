"""Steam market data on Dagster: every source from raw to raw backup to clean to clean backup."""

from steam_assets.loopback import keep_off_proxies

# Here because every process needs it: a command, Dagster's code server, a Spark job, a notebook.
keep_off_proxies()
