"""SQL over all tables of the lake with DuckDB, read-only and without a JVM."""
