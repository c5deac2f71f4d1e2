"""The JVM parts of the product: Kafka's and Spark's jars, named by Maven coordinates and pinned by SHA-256.

Belongs here: which jars, where they rest on this machine, that they are the pinned ones.
Does not belong here: what is done with them (broker.py, lake/spark_session.py).

``jars.lock`` beside this file names every jar with its digest, so that a pinned set needs no resolving: a jar comes
from STEAM_JARS_DIR (a folder with the jars baked in, for machines without a network), else from the user's cache,
else from a Maven repository by jgo, into that cache. After a change of the coordinates below, run ``lock_jars()``.
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
    """Coordinates (``group:artifact:version``) that are wanted together, with or without what they depend on."""

    coordinates: tuple[str, ...]
    transitive: bool = False


KAFKA = JarSet(
    ("org.apache.kafka:kafka_2.13:4.4.0", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.5"), transitive=True
)
SPARK = JarSet(("org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:1.11.0", "org.xerial:sqlite-jdbc:3.50.3.0"))
POSTGRESQL = JarSet(("org.postgresql:postgresql:42.7.8",))
"""For catalogs in a PostgreSQL database."""
AWS_SDK = "2.44.4"
"""The version that Iceberg's own AWS bundle is made of."""
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
    """A jar is neither on this machine nor to be had."""


class ChangedJar(Exception):
    """A jar's bytes are not the pinned ones."""


def kafka_jars() -> list[Path]:
    """The class path of an Apache Kafka broker and its tools."""
    return resolve(KAFKA.coordinates, transitive=True)


def spark_jars(*, s3: bool, postgresql: bool = False) -> list[Path]:
    """What Spark needs besides its own jars: Iceberg; if asked, what reaches S3 and Glue, or PostgreSQL."""
    more = (SPARK_S3.coordinates if s3 else ()) + (POSTGRESQL.coordinates if postgresql else ())
    return resolve(SPARK.coordinates + more, transitive=False)


def resolve(coordinates: Sequence[str], transitive: bool) -> list[Path]:
    """The jars of ``coordinates`` on this machine, fetched if need be, digests verified where pinned.

    ``transitive`` adds all they depend on; of two versions, the one that an earlier coordinate asks for is taken.
    Coordinates that ``jars.lock`` does not know are resolved too, with a warning. Raises UnavailableJar, ChangedJar.
    """
    lock = _read_lock()
    wanted: Sequence[str] = coordinates
    if transitive:
        wanted = lock.closures.get("+".join(coordinates)) or _closure(coordinates)
    unpinned = [coordinate for coordinate in wanted if coordinate not in lock.sha256]
    if unpinned:
        log.warning("not in jars.lock, so their bytes are not verified: %s", ", ".join(unpinned))
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(lambda coordinate: _have(coordinate, lock.sha256.get(coordinate)), wanted))


def lock_jars(sets: Sequence[JarSet] = PINNED, to: Path = LOCK) -> None:
    """Resolve ``sets`` anew by jgo and write the lock: what each set consists of, and each jar's SHA-256."""
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
    """Copy the jars of ``sets`` into ``folder``, which then serves as STEAM_JARS_DIR on a machine without network."""
    folder.mkdir(parents=True, exist_ok=True)
    jars = {jar for wanted in sets for jar in resolve(wanted.coordinates, wanted.transitive)}
    return [Path(shutil.copy2(jar, folder / jar.name)) for jar in sorted(jars)]


def cache_folder() -> Path:
    """Where fetched jars rest: a Maven repository in the user's cache."""
    try:
        home = Path.home()
    except RuntimeError:
        # Neither HOME nor a line of /etc/passwd: where others would write then.
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
                f"{name} is not in {baked} ({JARS_DIR_VARIABLE}); "
                f"fill that folder with export_jars() on a machine that has a network, or unset {JARS_DIR_VARIABLE}"
            )
    else:
        jar = cache_folder().joinpath(*group.split("."), artifact, version, name)
        if not jar.is_file():
            jar = _fetch(group, artifact, version)
    if os.pathsep in str(jar):
        raise UnavailableJar(
            f"Java cannot load {jar}: on a class path, {os.pathsep} separates files; set {JARS_DIR_VARIABLE} or "
            f"XDG_CACHE_HOME to a folder without it"
        )
    if pinned is not None:
        _verify(jar, pinned)
    return jar


def _verify(jar: Path, pinned: str) -> None:
    stat = jar.stat()
    digest = _digest_of_unchanged(jar, stat.st_size, stat.st_mtime_ns)
    if digest != pinned:
        raise ChangedJar(f"{jar} has SHA-256 {digest}, jars.lock says {pinned}; delete that file and try again")


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
            f"{artifact}-{version}.jar cannot be kept in {cache_folder()} ({error.strerror}); set XDG_CACHE_HOME to a "
            f"folder that this user may write, or {JARS_DIR_VARIABLE} to one that has the jars"
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
    # One root at a time: resolved together, one root's managed versions would replace what another was built with.
    for coordinate in coordinates:
        try:
            artifacts = jgo.resolve(coordinate)
        except (OSError, RuntimeError, ValueError) as error:
            raise UnavailableJar(f"what {coordinate} depends on could not be resolved ({error})") from error
        for found in artifacts:
            chosen.setdefault((found.groupId, found.artifactId), found.version)
    return sorted(f"{group}:{artifact}:{version}" for (group, artifact), version in chosen.items())


@cache
def _maven() -> MavenContext:
    # Late, because jgo takes 0.3 s to import, and a jar that is in the cache needs none of it.
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext as Maven

    return Maven(repo_cache=cache_folder(), remote_repos={"central": MAVEN_CENTRAL_URL})
