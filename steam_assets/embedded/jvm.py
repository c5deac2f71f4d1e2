"""Finding the Java that Kafka and Spark run on.

Belongs here: where a Java may be, how its version is read, what to say when there is none.
Does not belong here: class paths (jars.py), starting anything (broker.py).
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import cjdk

MINIMUM_JAVA = 17
VERSION_DEADLINE_SECONDS = 20
"""A Java that has not said its version by then does not work; a cold disk takes about one second."""

_VERSION = re.compile(r'version "(?:1\.)?(\d+)')


class MissingJava(Exception):
    """No Java that is new enough; the message says what was found and the command that installs one."""


def find_java(minimum: int = MINIMUM_JAVA, *, fetch: bool = True) -> Path:
    """The ``java`` command of a Java of at least ``minimum``.

    Looked for in JAVA_HOME, on PATH and in the system's usual places, in this order; the first that is new enough is
    taken. If there is none and ``fetch``, one is fetched into the user's cache where the network allows.
    Raises MissingJava.
    """
    found: list[str] = []
    for place, java in _candidates():
        version = java_version(java)
        if version is not None and version >= minimum:
            return java
        found.append(f"{java} ({place}) " + ("says no version" if version is None else f"is Java {version}"))
    refused = ""
    if fetch:
        try:
            return cjdk.java_home(vendor="temurin", version=str(minimum)) / "bin" / "java"
        except (cjdk.CjdkError, OSError) as error:
            refused = f" It could not be fetched either ({type(error).__name__})."
    raise MissingJava(
        f"Kafka and Spark need Java {minimum} or newer; found: {'; '.join(found) or 'no Java at all'}.{refused} "
        f"Install it: {install_command(minimum)}; or set JAVA_HOME to one."
    )


def java_version(java: Path) -> int | None:
    """The major version a ``java`` command says it is (8 for 1.8); None if it says none."""
    try:
        said = subprocess.run(
            [str(java), "-version"], capture_output=True, text=True, timeout=VERSION_DEADLINE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(said.stderr + said.stdout)
    return int(match[1]) if match and said.returncode == 0 else None


def install_command(minimum: int = MINIMUM_JAVA) -> str:
    """The command that installs a Java on this system."""
    if platform.system() == "Darwin":
        return f"brew install openjdk@{minimum}"
    commands = {
        "apt-get": f"sudo apt-get install -y openjdk-{minimum}-jre-headless",
        "dnf": f"sudo dnf install -y java-{minimum}-openjdk-headless",
        "apk": f"sudo apk add openjdk{minimum}-jre-headless",
        "pacman": f"sudo pacman -S jre{minimum}-openjdk-headless",
        "zypper": f"sudo zypper install -y java-{minimum}-openjdk-headless",
    }
    fitting = [command for tool, command in commands.items() if shutil.which(tool)]
    return fitting[0] if fitting else f"a Java {minimum} runtime (Temurin, OpenJDK) from your system's packages"


def _candidates() -> Iterator[tuple[str, Path]]:
    home = os.environ.get("JAVA_HOME")
    if home and (java := Path(home) / "bin" / "java").exists():
        yield "JAVA_HOME", java
    on_path = shutil.which("java")
    if on_path:
        yield "PATH", Path(on_path)
    for java in _usual_places():
        yield "installed", java


def _usual_places() -> list[Path]:
    if platform.system() == "Darwin":
        roots = [(Path("/Library/Java/JavaVirtualMachines"), "*/Contents/Home/bin/java")]
        roots += [(Path(prefix), "openjdk*/bin/java") for prefix in ("/opt/homebrew/opt", "/usr/local/opt")]
    else:
        roots = [(Path("/usr/lib/jvm"), "*/bin/java"), (Path("/opt/java"), "*/bin/java")]
    return [java for root, pattern in roots for java in sorted(root.glob(pattern))]
