"""The only package that imports Dagster: assets, jobs, schedules, sensors, and what the Dagster UI shows of them."""
