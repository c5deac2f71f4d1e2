"""The product's JVM dependencies: Kafka's and Spark's jars, identified by Maven coordinates and pinned by SHA-256.

Belongs here: which jars, where they are stored on this machine, verifying them.
Does not belong here: using them (kafka/embedded_broker.py, spark/session.py).

``jars.lock`` next to this file lists every jar with its digest, so that a pinned set needs no dependency resolution. A
jar comes from STEAM_JARS_DIR (a folder filled beforehand, for machines without a network), else from the user's cache,
else from a Maven repository via jgo, into that cache. After changing the coordinates below, run ``lock_jars()``.
"""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import shutil
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jgo.maven import MavenContext

log = logging.getLogger(__name__)

LOCK = Path(__file__).with_name("jars.lock")
JARS_DIR_VARIABLE = "STEAM_JARS_DIR"


@dataclass(frozen=True)
class JarSet:
    """Coordinates (``group:artifact:version``) that are used together, with or without their dependencies."""

    coordinates: tuple[str, ...]
    transitive: bool = False


KAFKA = JarSet(
    ("org.apache.kafka:kafka_2.13:4.4.0", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.5"), transitive=True
)
SPARK = JarSet(("org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:1.11.0", "org.xerial:sqlite-jdbc:3.50.3.0"))
POSTGRESQL = JarSet(("org.postgresql:postgresql:42.7.8",))
"""For catalogs in a PostgreSQL database."""
AWS_SDK = "2.44.4"
"""The version in Iceberg's own AWS bundle."""
# What s3a:// and Iceberg's S3FileIO and GlueCatalog load, and STS for roles. Spark has the rest (netty, Apache's HTTP
# client, codecs). docs/decisions has the sizes.
AWS_SDK_MODULES = [
    "annotations",
    "apache-client",
    "arns",
    "auth",
    "aws-core",
    "aws-json-protocol",
    "aws-query-protocol",
    "aws-xml-protocol",
    "checksums",
    "checksums-spi",
    "crt-core",
    "endpoints-spi",
    "glue",
    "http-auth",
    "http-auth-aws",
    "http-auth-aws-eventstream",
    "http-auth-spi",
    "http-client-spi",
    "identity-spi",
    "json-utils",
    "kms",
    "metrics-spi",
    "netty-nio-client",
    "profiles",
    "protocol-core",
    "regions",
    "retries",
    "retries-spi",
    "s3",
    "s3-transfer-manager",
    "sdk-core",
    "sts",
    "third-party-jackson-core",
    "utils",
    "utils-lite",
]
SPARK_S3 = JarSet(
    (
        "org.apache.hadoop:hadoop-aws:3.4.2",
        "org.reactivestreams:reactive-streams:1.0.4",
        "software.amazon.eventstream:eventstream:1.0.1",
        *(f"software.amazon.awssdk:{module}:{AWS_SDK}" for module in AWS_SDK_MODULES),
    )
)
PINNED = (KAFKA, SPARK, POSTGRESQL, SPARK_S3)


class UnavailableJar(Exception):
    """A jar is not on this machine and cannot be fetched."""


class ChangedJar(Exception):
    """A jar does not match its pinned digest."""


def kafka_jars() -> list[Path]:
    """The class path of an Apache Kafka broker and its tools."""
    return resolve(KAFKA.coordinates, transitive=True)


def spark_jars(*, s3: bool, postgresql: bool = False) -> list[Path]:
    """The jars Spark needs besides its own: Iceberg, and on request those for S3 and Glue, or PostgreSQL."""
    more = (SPARK_S3.coordinates if s3 else ()) + (POSTGRESQL.coordinates if postgresql else ())
    return resolve(SPARK.coordinates + more, transitive=False)


def resolve(coordinates: Sequence[str], transitive: bool) -> list[Path]:
    """The jars of ``coordinates`` on this machine, fetched if necessary and verified if pinned.

    ``transitive`` adds all their dependencies; if versions conflict, the one required by the earlier coordinate wins.
    Coordinates missing from ``jars.lock`` are resolved too, with a warning. Raises UnavailableJar, ChangedJar.
    """
    lock = _read_lock()
    wanted: Sequence[str] = coordinates
    if transitive:
        wanted = lock.closures.get("+".join(coordinates)) or _closure(coordinates)
    unpinned = [coordinate for coordinate in wanted if coordinate not in lock.sha256]
    if unpinned:
        log.warning("not in jars.lock, so not verified: %s", ", ".join(unpinned))
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(lambda coordinate: _have(coordinate, lock.sha256.get(coordinate)), wanted))


def lock_jars(sets: Sequence[JarSet] = PINNED, to: Path = LOCK) -> None:
    """Resolve ``sets`` with jgo and write the lock: the jars of each set, and each jar's SHA-256."""
    closures = {"+".join(wanted.coordinates): _closure(wanted.coordinates) for wanted in sets if wanted.transitive}
    single = {coordinate for wanted in sets if not wanted.transitive for coordinate in wanted.coordinates}
    every = sorted(single.union(*closures.values()))
    lines = ["# Written by steam_assets.java.jars.lock_jars(). Do not edit.", "[sha256]"]
    lines += [f'"{coordinate}" = "{_sha256(_have(coordinate, None))}"' for coordinate in every]
    lines += ["", "[closures]"]
    for roots, members in closures.items():
        lines += [f'"{roots}" = [', *(f'  "{member}",' for member in members), "]"]
    to.write_text("\n".join(lines) + "\n", encoding="utf-8")


def export_jars(folder: Path, sets: Sequence[JarSet] = PINNED) -> list[Path]:
    """Copy the jars of ``sets`` into ``folder``, for use as STEAM_JARS_DIR on a machine without a network."""
    folder.mkdir(parents=True, exist_ok=True)
    jars = {jar for wanted in sets for jar in resolve(wanted.coordinates, wanted.transitive)}
    return [Path(shutil.copy2(jar, folder / jar.name)) for jar in sorted(jars)]


def cache_folder() -> Path:
    """The folder of fetched jars: a Maven repository in the user's cache."""
    try:
        home = Path.home()
    except RuntimeError:
        # No HOME and no entry in /etc/passwd: use the same default as other programs.
        home = Path("/")
    if platform.system() == "Darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "steam-assets" / "maven"


@dataclass(frozen=True)
class _Lock:
    sha256: dict[str, str]
    closures: dict[str, list[str]]


def _read_lock() -> _Lock:
    if not LOCK.exists():
        return _Lock({}, {})
    content = tomllib.loads(LOCK.read_text(encoding="utf-8"))
    return _Lock(content.get("sha256", {}), content.get("closures", {}))


def _have(coordinate: str, pinned: str | None) -> Path:
    group, artifact, version = coordinate.split(":")
    name = f"{artifact}-{version}.jar"
    baked = os.environ.get(JARS_DIR_VARIABLE)
    if baked:
        jar = Path(baked) / name
        if not jar.is_file():
            raise UnavailableJar(
                f"{name} is not in {baked} ({JARS_DIR_VARIABLE}); fill that folder with `steam-assets jars` on a "
                f"machine with a network, or unset {JARS_DIR_VARIABLE}"
            )
    else:
        jar = cache_folder().joinpath(*group.split("."), artifact, version, name)
        if not jar.is_file():
            jar = _fetch(group, artifact, version)
    if os.pathsep in str(jar):
        raise UnavailableJar(
            f"Java cannot load {jar}: {os.pathsep} separates the entries of a class path; set {JARS_DIR_VARIABLE} or "
            f"XDG_CACHE_HOME to a folder without it"
        )
    if pinned is not None:
        _verify(jar, pinned)
    return jar


def _verify(jar: Path, pinned: str) -> None:
    stat = jar.stat()
    digest = _digest_of_unchanged(jar, stat.st_size, stat.st_mtime_ns)
    if digest != pinned:
        raise ChangedJar(f"{jar} has SHA-256 {digest}, but jars.lock has {pinned}; delete that file and try again")


@cache
def _digest_of_unchanged(jar: Path, _size: int, _modified: int) -> str:
    return _sha256(jar)


def _sha256(jar: Path) -> str:
    with jar.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _fetch(group: str, artifact: str, version: str) -> Path:
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnavailableJar(
            f"{artifact}-{version}.jar cannot be stored in {cache_folder()} ({error.strerror}); set XDG_CACHE_HOME to "
            f"a folder that this user can write to, or {JARS_DIR_VARIABLE} to one that has the jars"
        ) from error
    try:
        return Path(_maven().project(group, artifact).at_version(version).artifact().resolve())
    except (OSError, RuntimeError, ValueError) as error:
        raise UnavailableJar(
            f"{group}:{artifact}:{version} could not be fetched from a Maven repository ({error}); check the network, "
            f"or set {JARS_DIR_VARIABLE} to a folder that has the jars"
        ) from error


def _closure(coordinates: Sequence[str]) -> list[str]:
    import jgo  # late, for the same reason as in _maven

    chosen: dict[tuple[str, str], str] = {}
    # One root at a time: resolved together, one root's managed versions would override those another was built with.
    for coordinate in coordinates:
        try:
            artifacts = jgo.resolve(coordinate)
        except (OSError, RuntimeError, ValueError) as error:
            raise UnavailableJar(f"the dependencies of {coordinate} could not be resolved ({error})") from error
        for found in artifacts:
            chosen.setdefault((found.groupId, found.artifactId), found.version)
    return sorted(f"{group}:{artifact}:{version}" for (group, artifact), version in chosen.items())


@cache
def _maven() -> MavenContext:
    # Late, because jgo takes 0.3 s to import, and jars in the cache do not need it.
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext as Maven

    return Maven(repo_cache=cache_folder(), remote_repos={"central": MAVEN_CENTRAL_URL})
