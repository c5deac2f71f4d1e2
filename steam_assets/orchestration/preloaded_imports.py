"""What runs and commands import and build first, loaded before their processes are forked.

Belongs here: importing it. Does not belong here: forking (code_location.py).

Nothing here may leave a Python thread, an open file or a connection behind, as these do not survive a fork. (NumPy and
Arrow have threads of their own, and prepare them for a fork.)
"""

from __future__ import annotations

import gc

import dagster as dg
import pyiceberg.catalog.sql  # noqa: F401 - lazily imported by a run

import steam_assets.orchestration.launch  # noqa: F401 - a command's
from steam_assets.extras import installed
from steam_assets.orchestration.build import prepare

if installed("connect"):
    import pyspark.sql.connect.session  # noqa: F401 - lazily imported by a run

prepare()
with dg.DagsterInstance.local_temp():
    pass  # Dagster imports its storage when an instance is opened.
# The collector would write to each object, and so copy the pages that the forked processes share.
gc.collect()
gc.freeze()
