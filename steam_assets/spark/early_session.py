"""Starting this process's own Spark before it is needed, while the process does other work.

Belongs here: when that is possible. Does not belong here: the session's configuration (session.py), the kept Spark
(warm_spark.py).
"""

from __future__ import annotations

import threading
from contextlib import suppress

from steam_assets.settings import Settings
from steam_assets.spark.session import open_session
from steam_assets.spark.warm_spark import can_be_kept, warm_spark

_begun = threading.Event()


def begin_session(settings: Settings) -> None:
    """Start the session in the background, unless it would be one of another Spark, which is there already.

    Code that opens a session afterwards waits for it.
    """
    local = settings.spark_master.startswith("local") and not settings.spark_remote
    if not local or settings.spark_runner != "in-process" or (can_be_kept(settings) and warm_spark(settings)):
        return
    _begun.set()
    threading.Thread(target=_open, args=(settings,), name="spark-session", daemon=True).start()


def has_begun() -> bool:
    """Whether this process has started a Spark of its own, after which it can have no other."""
    return _begun.is_set()


def _open(settings: Settings) -> None:
    # Code that needs the session tries again and reports the error. A first query loads the code of later ones.
    with suppress(Exception):
        open_session(settings).sql("SELECT 1").collect()  # pyright: ignore[reportUnknownMemberType]
