"""Find a Java for Kafka and Spark, and the environment that makes them behave the same on every machine.

Belongs here: where to look for a Java, reading its version, the error if there is none, its environment. Does not
belong here: class paths (jars.py), starting anything (kafka/embedded_broker.py).
"""

from __future__ import annotations

import os
import platform
import pwd
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cjdk

OLDEST_JAVA = 17
NEWEST_JAVA = 23
"""Hadoop 3.4.2, which Spark 4.1 is built on, calls ``Subject.getSubject``; from Java 24 on that always throws."""
VERSION_DEADLINE_SECONDS = 20
"""A Java that has not reported its version by then does not work; with a cold disk it takes about one second."""

JVM_OPTIONS = ("-Duser.language=en", "-Duser.country=US", "-Dfile.encoding=UTF-8")
"""Letter case, number formats and text encoding as in English and UTF-8, whatever the machine's locale."""

JAVA_TEMPORARY = Path("/tmp")  # noqa: S108 - Java's own on Linux, whatever TMPDIR says

# Environment variables with options for every JVM. Of two values for one option the last wins.
_OPTION_VARIABLES = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")
_SELECTS_A_COLLECTOR = re.compile(r"-XX:[+]Use\w+GC\b")
_PROPERTY = re.compile(r"^\s+(java\.home|java\.specification\.version) = (.*)$", re.MULTILINE)


class MissingJava(Exception):
    """No supported Java was found; the message lists what was found and the command that installs one."""


@dataclass(frozen=True)
class Java:
    """A Java runtime: its home folder, whichever command led to it, and its major version (8 for 1.8)."""

    home: Path
    version: int

    @property
    def command(self) -> Path:
        return self.home / "bin" / "java"

    @property
    def is_served(self) -> bool:
        return OLDEST_JAVA <= self.version <= NEWEST_JAVA


def find_java(*, fetch: bool = True) -> Path:
    """The ``java`` command, in its Java's home folder, of a version from ``OLDEST_JAVA`` to ``NEWEST_JAVA``.

    Searches JAVA_HOME, PATH and the system's usual places, in this order, and returns the first that is supported. If
    there is none and ``fetch`` is set, tries to download one into the user's cache. Raises MissingJava.
    """
    found: list[str] = []
    for place, candidate in _candidates():
        java = java_at(candidate)
        if java is not None and java.is_served:
            return java.command
        found.append(f"{candidate} ({place}) " + ("reports no version" if java is None else f"is Java {java.version}"))
    refused = ""
    if fetch:
        try:
            return cjdk.java_home(vendor="temurin", version=str(OLDEST_JAVA)) / "bin" / "java"
        except (cjdk.CjdkError, OSError, RuntimeError) as error:
            refused = f" It could not be fetched either ({type(error).__name__})."
    raise MissingJava(
        f"Kafka and Spark need Java {OLDEST_JAVA} to {NEWEST_JAVA}; found: {'; '.join(found) or 'no Java at all'}."
        f"{refused} Install it: {install_command()}; or set JAVA_HOME to one."
    )


@cache
def java_at(command: Path) -> Java | None:
    """The Java that a ``java`` command starts, cached per process; None if it does not start one.

    The command may be a version manager's wrapper script, so only the JVM itself knows its folder.
    """
    try:
        reported = subprocess.run(
            [str(command), "-XshowSettings:properties", "-version"],
            capture_output=True,
            timeout=VERSION_DEADLINE_SECONDS,
            check=False,
            env={**os.environ, **java_environment()},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    properties = dict(_PROPERTY.findall(os.fsdecode(reported.stderr + reported.stdout)))
    version = re.fullmatch(r"(?:1\.)?(\d+)", properties.get("java.specification.version", "").strip())
    if reported.returncode or version is None or "java.home" not in properties:
        return None
    return Java(Path(properties["java.home"]), int(version[1]))


def java_environment() -> dict[str, str]:
    """Environment variables for our JVMs, in addition to those of this process.

    In the C locale a JVM cannot open a file with non-ASCII characters in its name. For a user id without a name in the
    system, Java has no home folder either and would write below ``./?``.
    """
    needed = {"LC_ALL": "C.UTF-8"} if platform.system() == "Linux" else {}
    variables = [variable for variable in _OPTION_VARIABLES if os.environ.get(variable)]
    options = [*JVM_OPTIONS]
    if name := name_of_nameless_user():
        options += [f"-Duser.name={name}", f"-Duser.home={os.environ.get('HOME') or tempfile.gettempdir()}"]
        variables = variables or ["JAVA_TOOL_OPTIONS"]
    ours = shlex.join(options)
    for variable in variables:
        given = os.environ.get(variable, "")
        if not given.endswith(ours):
            needed[variable] = f"{given} {ours}".strip()
    return needed


def light(*options: str) -> list[str]:
    """Options for a JVM that runs most code only a few times: full optimization would take a quarter more CPU time.

    With compilation limited to level 1 the code cache defaults to 48 MB, which Spark fills in two minutes; after that
    Java no longer compiles, so the cache is set to the usual size. ``options`` as in ``collector``.
    """
    return ["-XX:TieredStopAtLevel=1", "-XX:ReservedCodeCacheSize=240m", *collector("Serial", *options)]


def collector(name: str, *options: str) -> list[str]:
    """The option for a garbage collector; none if the user's ``options`` or environment select one.

    A JVM refuses to start with two of them.
    """
    given = [*options, *(os.environ.get(variable, "") for variable in _OPTION_VARIABLES)]
    return [] if any(map(_SELECTS_A_COLLECTOR.search, given)) else [f"-XX:+Use{name}GC"]


def native_options(folder: Path) -> list[str]:
    """Options that make a JVM unpack its native libraries (zstd, snappy, SQLite) into ``folder``, which is created.

    Empty if they can be loaded from Java's temporary folder, which on some machines is mounted noexec.
    """
    if not is_noexec(JAVA_TEMPORARY):
        return []
    folder.mkdir(parents=True, exist_ok=True)
    return [f"-D{name}={folder}" for name in ("ZstdTempFolder", "org.xerial.snappy.tempdir", "org.sqlite.tmpdir")]


def is_noexec(folder: Path) -> bool:
    """Whether a folder is mounted noexec, so that no library in it can be loaded; False if it does not exist."""
    return folder.is_dir() and bool(os.statvfs(folder).f_flag & getattr(os, "ST_NOEXEC", 0))


def name_of_nameless_user() -> str:
    """A name for a user id without one in the system, as with a container's ``--user``; empty if it has one."""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        return os.environ.get("LOGNAME") or os.environ.get("USER") or f"uid-{os.geteuid()}"
    return ""


def install_command() -> str:
    """The command that installs Java on this system."""
    if platform.system() == "Darwin":
        return f"brew install openjdk@{OLDEST_JAVA}"
    commands = {
        "apt-get": f"sudo apt-get install -y openjdk-{OLDEST_JAVA}-jre-headless",
        "dnf": f"sudo dnf install -y java-{OLDEST_JAVA}-openjdk-headless",
        "apk": f"sudo apk add openjdk{OLDEST_JAVA}-jre-headless",
        "pacman": f"sudo pacman -S jre{OLDEST_JAVA}-openjdk-headless",
        "zypper": f"sudo zypper install -y java-{OLDEST_JAVA}-openjdk-headless",
    }
    fitting = [command for tool, command in commands.items() if shutil.which(tool)]
    return fitting[0] if fitting else f"a Java {OLDEST_JAVA} runtime (Temurin, OpenJDK) from your system's packages"


def _candidates() -> Iterator[tuple[str, Path]]:
    """Places and their ``java`` commands, without duplicates."""
    seen: set[Path] = set()
    for place, java in _everywhere():
        if os.access(java, os.X_OK) and java.is_file() and (target := java.resolve()) not in seen:
            seen.add(target)
            yield place, java


def _everywhere() -> Iterator[tuple[str, Path]]:
    home = os.environ.get("JAVA_HOME")
    if home:
        yield "JAVA_HOME", Path(home).absolute() / "bin" / "java"
    for folder in os.get_exec_path():
        yield "PATH", Path(folder).absolute() / "java"
    for java in _usual_places():
        yield "installed", java


def _usual_places() -> list[Path]:
    if platform.system() == "Darwin":
        roots = [("/Library/Java/JavaVirtualMachines", "*/Contents/Home/bin/java")]
        roots += [(prefix, "openjdk*/bin/java") for prefix in ("/opt/homebrew/opt", "/usr/local/opt")]
    else:
        roots = [("/usr/lib/jvm", "*/bin/java"), ("/opt", "*/bin/java"), ("/opt/java", "*/bin/java")]
    managers = (".sdkman/candidates/java", ".asdf/installs/java", ".local/share/mise/installs/java", ".jdks")
    if home := os.environ.get("HOME"):
        roots += [(f"{home}/{folder}", "*/bin/java") for folder in managers]
    return [java for root, pattern in roots for java in sorted(Path(root).glob(pattern))]
