"""Tableau: the extract, a data source and a starter workbook over it, and publishing to a server.

Belongs here: the modules below. ``extract`` writes the ``.hyper`` file, ``model`` says what Tableau shows of it,
``datasource`` and ``workbook`` write that as XML, ``packages`` pack both with the extract, ``server`` publishes.
"""
