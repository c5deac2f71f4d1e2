"""Exports: the clean and insight tables as files for other programs.

Belongs here: the modules below. ``table_files`` writes a table's partitions, ``csv_files`` is the form of CSV,
``catalog_files`` writes the dictionary of columns and the DuckDB database over all tables.
"""
