"""A synthetic year of the market, generated in seconds without Kafka and Spark, for the command ``tour``.

Belongs here: clean rows straight from the simulator's market, and the insights computed from them by DuckDB. Does not
belong here: the market itself (simulator/), what an insight means (insights/), the page (visuals/dashboard/).
"""
