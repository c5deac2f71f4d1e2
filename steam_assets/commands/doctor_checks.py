"""The checks of ``doctor``: each part of a deployment, whether it works, and how to fix it.

Belongs here: checks that change nothing, except that they download missing jars. Does not belong here: printing
(doctor.py), the four roots (doctor_roots.py), catalogs and Dagster's storage (doctor_databases.py).
"""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import requests

from steam_assets.clock import Clock
from steam_assets.extraction.hosts import drop_folder
from steam_assets.extras import extras_in_use, how_to_install, installed
from steam_assets.java.jars import ChangedJar, UnavailableJar, kafka_jars, spark_jars
from steam_assets.java.jvm import (
    JAVA_TEMPORARY,
    NEWEST_JAVA,
    OLDEST_JAVA,
    MissingJava,
    find_java,
    install_command,
    is_noexec,
    java_at,
)
from steam_assets.kafka.connection import KafkaUnavailable, cluster_id
from steam_assets.lake.ledger_files import open_ledger
from steam_assets.lake.roots import ROOT_NAMES, UnsafeRoot, on_s3, read_marker
from steam_assets.ledger.records import CleanRecord, records
from steam_assets.loopback import LOOPBACK, RESTORE_COMMAND, NoLoopback, free_port, require_loopback
from steam_assets.settings import Settings
from steam_assets.sources import HOSTS, SOURCES
from steam_assets.spark.reviewer_key import SHORTEST_KEY
from steam_assets.writable_folders import existing, unwritable

CONTACT_SECONDS = 5.0
WORKER_SECONDS = 60
LARGEST_DRIFT_SECONDS = 120
LEAST_TEMPORARY = 200 << 20
BUILT = datetime(2026, 11, 1, tzinfo=UTC)
"""When this check was written; a clock that shows an earlier time is wrong."""


@dataclass(frozen=True)
class Finding:
    """The result of one check. A ``problem`` has a fix; a ``note`` is worth knowing but not a fault."""

    name: str
    state: Literal["ok", "problem", "note"]
    detail: str
    fix: str = ""


def fine(name: str, detail: str) -> Finding:
    return Finding(name, "ok", detail)


def note(name: str, detail: str) -> Finding:
    return Finding(name, "note", detail)


def problem(name: str, detail: str, fix: str) -> Finding:
    return Finding(name, "problem", detail, fix)


def check_java(_settings: Settings) -> Iterator[Finding]:
    """A Java that Kafka and Spark support, and whether it is the one in JAVA_HOME."""
    try:
        command = find_java(fetch=False)
    except MissingJava as error:
        yield problem("Java", str(error), install_command())
        return
    java = java_at(command)
    yield fine("Java", f"Java {java.version if java else 'unknown'} at {command}")
    home = os.environ.get("JAVA_HOME")
    named = java_at(Path(home).absolute() / "bin" / "java") if home else None
    if home and (named is None or not named.is_served):
        held = f"is Java {named.version}" if named else "contains no working Java"
        yield note("JAVA_HOME", f"{home} {held} and is ignored: Spark needs {OLDEST_JAVA} to {NEWEST_JAVA}")


def check_temporary(settings: Settings) -> Iterator[Finding]:
    """Temporary folders with enough space, one of which Java can load native libraries from."""
    name, home = "Temporary folder", existing(settings.home.absolute())
    for folder in dict.fromkeys((Path(tempfile.gettempdir()), JAVA_TEMPORARY)):
        if refused := unwritable(folder):
            yield problem(name, refused, f"sudo chmod 1777 {shlex.quote(str(folder))}")
        elif (free := shutil.disk_usage(folder).free) < LEAST_TEMPORARY:
            spill = """export STEAM_SPARK_CONFIG='{"spark.local.dir": "/a/large/folder"}'"""
            fix = spill if folder == JAVA_TEMPORARY else "unset TMPDIR"
            detail = f"{folder}: {free >> 20} MiB free; Kafka and Spark need {LEAST_TEMPORARY >> 20} MiB to start"
            yield problem(name, detail, f"{fix}   # or free space in {folder}")
    if is_noexec(JAVA_TEMPORARY) and is_noexec(home):
        detail = f"{JAVA_TEMPORARY} and {home} are mounted noexec: Java cannot load zstd from either"
        yield problem(name, detail, "export STEAM_HOME=/a/folder/on/another/disk")


def check_jars(settings: Settings) -> Iterator[Finding]:
    """Kafka's and Spark's jars, with the pinned digests; missing ones are downloaded."""
    on_s3 = any(settings.root(name).startswith("s3://") for name in ROOT_NAMES)
    by_jdbc = settings.iceberg_catalog == "jdbc"
    of_spark = partial(spark_jars, s3=on_s3, postgresql=by_jdbc)
    wanted: list[tuple[str, Callable[[], list[Path]]]] = [("Spark's jars", of_spark)]
    if settings.embedded_kafka:
        wanted.append(("Kafka's jars", kafka_jars))
    for name, resolve in wanted:
        try:
            yield fine(name, f"{len(resolve())} jars, SHA-256 as pinned")
        except ChangedJar as error:
            damaged = str(error).split(" has SHA-256", 1)[0]
            yield problem(name, str(error), f"rm {shlex.quote(damaged)}")
        except UnavailableJar as error:
            yield problem(name, str(error), "unset STEAM_JARS_DIR && steam-assets doctor   # with a network")


def check_loopback(_settings: Settings) -> Iterator[Finding]:
    """The loopback address that Kafka and Spark use."""
    try:
        require_loopback()
    except NoLoopback as error:
        yield problem("Network", str(error), RESTORE_COMMAND)
    else:
        yield fine("Network", f"{LOOPBACK} accepts listeners")


def check_kafka(settings: Settings) -> Iterator[Finding]:
    """A Kafka that responds, or a free port for the embedded one."""
    if settings.embedded_kafka and not _listens("127.0.0.1", settings.embedded_kafka_port):
        yield fine("Kafka", f"port {settings.embedded_kafka_port} is free; the embedded broker starts when needed")
        return
    try:
        cluster = cluster_id(settings, CONTACT_SECONDS)
    except KafkaUnavailable as error:
        yield _no_kafka(settings, str(error))
        return
    ours = _embedded_cluster(settings)
    if settings.embedded_kafka and cluster != ours:
        yield problem("Kafka", f"the Kafka at {settings.kafka_address} belongs to another folder", _other_port())
        return
    yield fine("Kafka", f"cluster {cluster} responds at {settings.kafka_address}")


def _no_kafka(settings: Settings, said: str) -> Finding:
    if settings.embedded_kafka:
        return problem("Kafka", f"port {settings.embedded_kafka_port} is in use by another program", _other_port())
    return problem("Kafka", said, "unset STEAM_KAFKA_BOOTSTRAP_SERVERS   # the embedded broker; or start that Kafka")


def _other_port() -> str:
    return f"export STEAM_EMBEDDED_KAFKA_PORT={free_port()}"


def _embedded_cluster(settings: Settings) -> str | None:
    meta = settings.home / "kafka" / "data" / "meta.properties"
    lines = meta.read_text().splitlines() if meta.is_file() else []
    return next((line.partition("=")[2] for line in lines if line.startswith("cluster.id=")), None)


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=CONTACT_SECONDS):
            return True
    except OSError:
        return False


def check_spark(settings: Settings) -> Iterator[Finding]:
    """The Python of Spark's workers, and the cluster if one is set."""
    python = os.environ.get("PYSPARK_PYTHON", sys.executable)
    code = "import sys, pyarrow, pyspark, lxml; print('%d.%d' % sys.version_info[:2])"
    try:
        said = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=WORKER_SECONDS, check=False)
        version, fault = said.stdout.strip(), said.stderr.strip().rpartition("\n")[2]
    except (OSError, subprocess.TimeoutExpired) as error:
        version, fault = "", type(error).__name__
    if version != "{}.{}".format(*sys.version_info[:2]):
        detail = f"PYSPARK_PYTHON is {python}: {fault or f'Python {version}, but the driver uses another version'}"
        yield problem("Spark worker", detail, "unset PYSPARK_PYTHON")
    else:
        yield fine("Spark worker", f"Python {version} at {python} has the packages that workers need")
    address = settings.spark_remote or settings.spark_master
    if "://" in address:
        place = urlsplit(address)
        listening = place.hostname is not None and _listens(place.hostname, place.port or 7077)
        fix = (
            f"unset {'STEAM_SPARK_REMOTE' if settings.spark_remote else 'STEAM_SPARK_MASTER'}   # or start the cluster"
        )
        name = f"{place.scheme}://{place.hostname}:{place.port}"
        yield fine("Spark", f"{name} listens") if listening else problem("Spark", f"{name} is not listening", fix)


def check_extras(settings: Settings) -> Iterator[Finding]:
    """The extras that some settings need are installed if those are set."""
    for extra, setting in extras_in_use(settings):
        if not installed(extra):
            detail = f"{setting} needs the extra {extra}, which is not installed"
            yield problem("Packages", detail, how_to_install(extra))


def check_reviewer_key(settings: Settings) -> Iterator[Finding]:
    """A key that is long enough, in a file that other users cannot read, and the one that made the pseudonyms."""
    name, kept = "Reviewers' key", settings.home / "reviewer_hash_key"
    given = settings.reviewer_hash_key.get_secret_value()
    make = "python -c 'import secrets; print(secrets.token_hex(32))'"
    if given:
        short = len(given) < SHORTEST_KEY
        fix = f"export STEAM_REVIEWER_HASH_KEY=$({make})   # changes all pseudonyms"
        yield problem(name, "it is too short to keep ids secret", fix) if short else fine(name, "set")
    elif not kept.exists() and (made_with := _keys_in_use(settings)):
        detail = f"{kept} is gone, the key of the pseudonyms in the clean tables (fingerprint {', '.join(made_with)})"
        yield problem(name, detail, f"cp COPY_OF_THE_KEY {shlex.quote(str(kept))}   # or clean all reviews again")
    elif not kept.exists():
        yield note(name, f"none yet; it will be created on first use, in {kept}")
    elif len(kept.read_text().strip()) < SHORTEST_KEY:
        yield problem(name, f"{kept} is damaged", f"rm {shlex.quote(str(kept))}   # changes all pseudonyms")
    elif stat.S_IMODE(kept.stat().st_mode) & 0o077:
        yield problem(name, f"other users can read {kept}", f"chmod 600 {shlex.quote(str(kept))}")
    else:
        yield fine(name, f"stored in {kept}")


def _keys_in_use(settings: Settings) -> list[str]:
    """Fingerprints of the keys that made the pseudonyms in the clean tables."""
    # Unusable roots and those on S3 have their own check; on S3 the key is in Secrets Manager.
    try:
        if on_s3(settings.root("clean")) or read_marker(settings, "clean") is None:
            return []
        ledger = open_ledger(settings)
    except (UnsafeRoot, OSError):
        return []
    pseudonymous = [table.name for source in SOURCES for table in source.tables if table.pseudonymous]
    found = (records(ledger.properties("clean", table), CleanRecord).values() for table in pseudonymous)
    return sorted({record.reviewer_key for of_table in found for record in of_table if record.reviewer_key})


def check_privacy_of_home(settings: Settings) -> Iterator[Finding]:
    """HOME, which holds reviewers' ids in raw, is closed to other users."""
    name, home = "Privacy of HOME", settings.home
    if not home.is_dir():
        return
    mode = stat.S_IMODE(home.stat().st_mode)
    if mode & 0o007 and any(home.iterdir()):
        detail = f"all users of this machine can enter {home} (mode {mode:04o}), which holds ids of reviewers"
        yield problem(name, detail, f"chmod 700 {shlex.quote(str(home))}")
    elif mode & 0o070:
        yield note(name, f"{home} is shared with its group (mode {mode:04o})")
    else:
        yield fine(name, f"mode {mode:04o}")


def check_clock(settings: Settings) -> Iterator[Finding]:
    """A correct clock, and no simulated time together with the real sources."""
    if settings.simulated_now:
        yield _simulated(settings)
        return
    now = datetime.now(UTC)
    if now < BUILT:
        yield problem("Clock", f"it shows {now:%Y-%m-%d %H:%M} UTC", "sudo timedatectl set-ntp true")
        return
    try:
        asked = settings.of_host(HOSTS[0]).url
        date = requests.head(asked, timeout=CONTACT_SECONDS, allow_redirects=False).headers.get("Date")
        drift = abs((datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()) if date else None
    except (requests.RequestException, ValueError) as error:
        yield note(
            "Clock", f"{now:%Y-%m-%d %H:%M} UTC; could not be compared with the source's ({type(error).__name__})"
        )
        return
    if drift is not None and drift > LARGEST_DRIFT_SECONDS:
        yield problem("Clock", f"it differs from the source's by {drift:.0f} s", "sudo timedatectl set-ntp true")
    else:
        yield fine("Clock", f"{now:%Y-%m-%d %H:%M} UTC, same as the source's")


def _simulated(settings: Settings) -> Finding:
    try:
        moment = Clock.from_settings(settings).now()
    except ValueError as error:
        return problem("Clock", str(error), "unset STEAM_SIMULATED_NOW")
    if real := [host.url for host in HOSTS if settings.of_host(host).url == host.url]:
        detail = f"STEAM_SIMULATED_NOW is set, but the real {', '.join(real)} would be fetched"
        return problem("Clock", detail, "unset STEAM_SIMULATED_NOW")
    return note("Clock", f"set to {moment:%Y-%m-%d %H:%M} UTC by STEAM_SIMULATED_NOW")


def check_drop_folders(settings: Settings) -> Iterator[Finding]:
    """The drop folders for manually saved responses, of hosts that have one."""
    for host in HOSTS:
        if folder := drop_folder(settings, host):
            yield from _drop_folder(f"{host.service} folder", folder, given=bool(settings.of_host(host).drop_folder))


def _drop_folder(name: str, folder: Path, *, given: bool) -> Iterator[Finding]:
    if folder.is_dir() and os.access(folder, os.R_OK | os.X_OK):
        named = list(folder.glob("*.json"))
        yield fine(name, f"{sum(path.is_file() for path in named)} responses in {folder}")
        for path in named:
            if not path.is_file():
                yield note(name, f"{path} is not a regular file; it is ignored")
    elif given or folder.exists():
        quoted = shlex.quote(str(folder))
        yield problem(name, f"{folder} is not a readable folder", f"mkdir -p {quoted} && chmod u+rx {quoted}")
    else:
        yield note(name, f"none; save responses manually into {folder}")


def check_webhook(settings: Settings) -> Iterator[Finding]:
    """The alert webhook is a valid URL."""
    address = settings.alert_webhook_url.get_secret_value()
    if not address:
        yield note(
            "Alerts", "STEAM_ALERT_WEBHOOK_URL is not set: failures appear only in the log and in the Dagster UI"
        )
    elif urlsplit(address).scheme in ("http", "https") and urlsplit(address).hostname:
        yield fine("Alerts", "a webhook is set")
    else:
        fix = "export STEAM_ALERT_WEBHOOK_URL=https://…"
        yield problem("Alerts", "STEAM_ALERT_WEBHOOK_URL is not an http(s) URL", fix)


CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    check_java,
    check_temporary,
    check_jars,
    check_loopback,
    check_kafka,
    check_spark,
    check_extras,
    check_reviewer_key,
    check_privacy_of_home,
    check_clock,
    check_drop_folders,
    check_webhook,
)
