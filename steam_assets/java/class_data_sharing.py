"""Archives of the classes that Kafka's and Spark's JVMs load: with one, a JVM starts in half the time.

Belongs here: where an archive rests, for which jars and which Java it is, how a JVM writes and uses it. Does not belong
here: starting those JVMs (broker.py, lake/spark_session.py), when one is made (commands/warm.py).

Java calls it application class-data sharing (JEP 310, JEP 350). An archive serves the very Java and jars it was made
by; for others the JVM would refuse it with a warning, so each combination has a file of its own.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from steam_assets.java.jars import cache_folder
from steam_assets.java.jvm import find_java


class NoArchive(Exception):
    """A JVM ended without having written its archive."""


def archive_options(program: str, jars: Iterable[Path]) -> list[str]:
    """The JVM options by which ``program``, whose class path are ``jars``, uses its archive; none if there is none."""
    if not any(_folder().glob(f"{program}-*.jsa")):
        return []
    archive = archive_of(program, jars)
    return [f"-XX:SharedArchiveFile={archive}"] if archive.exists() else []


def archive_of(program: str, jars: Iterable[Path]) -> Path:
    """Where the archive of ``program`` with these jars and this machine's Java rests."""
    java = find_java().resolve()
    parts = [java.parents[1] / "lib" / "modules", *jars]
    identity = hashlib.sha256()
    for part in parts:
        stat = part.stat()
        identity.update(f"{part}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return _folder() / f"{program}-{identity.hexdigest()[:24]}.jsa"


@contextmanager
def recorded(archive: Path) -> Iterator[str]:
    """The option by which a JVM writes ``archive`` when it ends, which it must have on leaving. Raises NoArchive.

    A JVM that meets half a file crashes: the archive gets its name when it is whole.
    """
    archive.parent.mkdir(parents=True, exist_ok=True)
    unfinished = archive.with_name(f".{archive.name}.{os.getpid()}")
    try:
        yield f"-XX:ArchiveClassesAtExit={unfinished}"
        if not unfinished.exists():
            raise NoArchive(f"Java wrote no archive to {archive}; is the disk full?")
        unfinished.replace(archive)
    finally:
        unfinished.unlink(missing_ok=True)


def _folder() -> Path:
    return cache_folder().parent / "class-archives"
