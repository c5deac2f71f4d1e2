"""The only room that knows Dagster: what is made, when, and how it is shown."""
