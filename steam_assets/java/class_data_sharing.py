"""Class data sharing (CDS) archives for Kafka's and Spark's JVMs, which halve their start-up time.

Belongs here: where an archive is stored, its jars and Java version, how a JVM writes and uses it. Does not belong here:
starting those JVMs (kafka/embedded_broker.py, spark/session.py), when an archive is created (commands/).

See application class-data sharing, JEP 310 and JEP 350. An archive works only with the Java and the jars it was created
with; the JVM rejects others with a warning, so each combination has its own file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from steam_assets.java.jars import cache_folder
from steam_assets.java.jvm import find_java
from steam_assets.processes.temporary_folders import marked, sweep_dead

_OPTION = "-XX:SharedArchiveFile="


class NoArchive(Exception):
    """A JVM exited without writing its archive."""


def archive_options(program: str, jars: Iterable[Path]) -> list[str]:
    """The JVM options for ``program``, with the class path ``jars``, to use its archive; none if it does not exist."""
    if not any(_folder().glob(f"{program}-*.jsa")):
        return []
    archive = archive_of(program, jars)
    return [f"{_OPTION}{archive}"] if archive.exists() else []


def without_archive(options: Iterable[str]) -> list[str]:
    """The JVM options that determine what a JVM does, which an archive does not."""
    return [option for option in options if not option.startswith(_OPTION)]


def archive_of(program: str, jars: Iterable[Path]) -> Path:
    """The path of the archive of ``program`` with these jars and this machine's Java."""
    java = find_java().resolve()
    parts = [java.parents[1] / "lib" / "modules", *jars]
    identity = hashlib.sha256()
    for part in parts:
        stat = part.stat()
        identity.update(f"{part}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return _folder() / f"{program}-{identity.hexdigest()[:24]}.jsa"


@contextmanager
def recorded(archive: Path) -> Iterator[str]:
    """The option for a JVM to write ``archive`` when it exits, which it must do inside this context.

    Raises NoArchive. A JVM crashes on a partial file, so the archive is renamed into place when complete.
    """
    archive.parent.mkdir(parents=True, exist_ok=True)
    sweep_dead(archive.parent)
    unfinished = archive.with_name(marked(f".{archive.name}."))
    try:
        yield f"-XX:ArchiveClassesAtExit={unfinished}"
        if not unfinished.exists():
            raise NoArchive(f"Java wrote no archive to {archive}; is the disk full?")
        unfinished.replace(archive)
    finally:
        unfinished.unlink(missing_ok=True)


def _folder() -> Path:
    return cache_folder().parent / "class-archives"
