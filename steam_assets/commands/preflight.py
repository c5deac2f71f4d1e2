"""What a command checks before it starts anything: the lake, S3, Kafka and the ports that it needs.

Belongs here: checks that take less than a second, and what to type if one fails. Does not belong here: the thorough
checks of everything (doctor_checks.py).

Each raises typer.BadParameter, which cli.py prints as one line, with exit code 2.
"""

from __future__ import annotations

import difflib
import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import typer

from steam_assets.loopback import free_port
from steam_assets.writable_folders import existing, unwritable

if TYPE_CHECKING:
    from steam_assets.settings import Settings

CONTACT_SECONDS = 0.5
"""Timeout of a connection to Kafka or S3; `doctor` waits longer."""

_USUAL_PORTS = {"postgresql": 5432, "http": 80, "https": 443, "sc": 15002, "spark": 7077}

START = "`steam-assets run daily` collects today's chart, `steam-assets demo` creates sample data"


def settings_of(home: Path | None) -> Settings:
    """The settings, with the lake in ``--home`` if given. Raises BadParameter for invalid or unreachable addresses."""
    from steam_assets.settings import Settings

    settings = Settings.at_home(home) if home is not None else Settings()
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if name.endswith("_url") and isinstance(value, str) and value and not _is_web_address(value):
            raise typer.BadParameter("not a URL; write https://host[:port]", param_hint=f"STEAM_{name.upper()}")
        if isinstance(value, Path) and name != "home" and not value.exists():
            variable = f"STEAM_{name.upper()}"
            raise typer.BadParameter(
                f"{value} does not exist; correct it, or type `unset {variable}`", param_hint=variable
            )
    if fault := catalog_fault(settings):
        raise typer.BadParameter(fault, param_hint="STEAM_ICEBERG_CATALOG_URI")
    return settings


def catalog_fault(settings: Settings) -> str | None:
    """Why the catalog's service cannot be used now; None if no problem was found."""
    kind, uri = settings.iceberg_catalog, settings.iceberg_catalog_uri
    expected = {"jdbc": "jdbc:postgresql://host:port/database", "rest": "https://host[:port]/path"}.get(kind)
    if expected is None:
        return None
    if not uri:
        return f"the {kind} catalog needs an address; write {expected}"
    if not (uri.startswith("jdbc:postgresql://") if kind == "jdbc" else _is_web_address(uri)):
        return f"not the address of a {kind} catalog; write {expected}"
    return _unanswered(uri.removeprefix("jdbc:"))


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _unanswered(address: str) -> str | None:
    """Why an address does not respond; None if it does, or if it names several hosts."""
    parts = urlsplit(address)
    if "," in parts.netloc:
        return None
    host, port = parts.hostname or "localhost", parts.port or _USUAL_PORTS.get(parts.scheme, 443)
    try:
        socket.create_connection((host, port), timeout=CONTACT_SECONDS).close()
    except (OSError, UnicodeError) as error:
        return f"nothing responds at {host}:{port} ({_reason(error)}); start the service or correct the address"
    return None


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def opened_settings(home: Path | None = None) -> Settings:
    """The settings of an existing, reachable lake, for commands that only read."""
    settings = settings_of(home)
    require_lake(settings)
    return settings


def writable_settings(home: Path | None = None) -> Settings:
    """The settings of a lake that can be written; it need not exist yet."""
    from steam_assets.lake.roots import check_roots

    settings = settings_of(home)
    require_writable(settings.home, "STEAM_HOME" if home is None else "--home")
    check_roots(settings)
    require_s3(settings)
    return settings


def require_lake(settings: Settings) -> None:
    """Raise BadParameter if nothing was ever collected in this HOME; suggest the closest lake."""
    from steam_assets.lake.roots import check_roots

    if settings.home.exists() and not settings.home.is_dir():
        raise typer.BadParameter(_no_lake(settings))
    check_roots(settings)
    require_s3(settings)
    if not has_lake(settings):
        raise typer.BadParameter(_no_lake(settings))


def has_lake(settings: Settings) -> bool:
    """Whether one of the four roots is in use, wherever it was created. Raises UnsafeRoot for a damaged marker."""
    from steam_assets.lake.roots import ROOT_NAMES, check_roots, read_marker

    check_roots(settings)
    try:
        return any(read_marker(settings, name) is not None for name in ROOT_NAMES)
    except PermissionError as error:
        raise typer.BadParameter(
            f"{error.filename} cannot be read by this user; type chmod -R u+rX {settings.home}"
        ) from None


def _no_lake(settings: Settings) -> str:
    from steam_assets.settings import Settings

    home = settings.home
    near = next((place for place in _nearby(home) if has_lake(Settings.at_home(place))), None)
    instead = f"did you mean --home {near}?" if near else START
    if not home.exists():
        return f"there is no folder {home}; {instead}"
    if not home.is_dir():
        return f"{home} is a file, not a folder of collected data; {instead}"
    return f"nothing has been collected in {home} yet; {instead}"


def _nearby(home: Path) -> Iterator[Path]:
    """Where the intended lake may be: folders with a similar name, the demo's inside it, and the lake around it."""
    if home.exists() and not home.is_dir():
        return
    if not home.exists():
        yield from _similar(home)
    yield from (home / name for name in ("demo", "replay"))
    if home.name in ("raw", "clean", "raw-backup", "clean-backup"):
        yield home.parent


def _similar(home: Path) -> Iterator[Path]:
    """Folders whose path differs from ``home`` in its first missing component."""
    there = existing(home.absolute())
    missing, *rest = home.absolute().relative_to(there).parts
    for name in difflib.get_close_matches(missing, _folders(there), 3, 0.6):
        place = there.joinpath(name, *rest)
        yield place if home.is_absolute() else Path(os.path.relpath(place))


def _folders(parent: Path) -> list[str]:
    try:
        return [found.name for found in parent.iterdir() if found.is_dir()]
    except OSError:
        return []


def require_writable(folder: Path, option: str) -> None:
    """Raise BadParameter for a folder that cannot be written; it need not exist yet."""
    if fault := unwritable(folder.absolute()):
        raise typer.BadParameter(f"{fault}; use another folder", param_hint=option)


def require_file(path: Path, option: str, usual: str) -> None:
    """Raise BadParameter for a file that cannot be written, e.g. a folder; ``usual`` is the file's name by default."""
    if path.is_dir():
        raise typer.BadParameter(f"{path} is a folder; type {option} {path / usual}", param_hint=option)
    from steam_assets.visuals.output_file import is_stream, real_path

    if not is_stream(path):
        require_writable(real_path(path).parent, option)
    elif not os.access(path, os.W_OK):
        raise typer.BadParameter(f"{path} cannot be written by this user; name a file", param_hint=option)


def require_free_port(host: str, port: int, option: str = "--port") -> None:
    """Raise BadParameter for a port that cannot be used; suggest a free one."""
    try:
        family, kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except (socket.gaierror, UnicodeError):
        problem, option, instead = f"{host!r} is not an address", "--host", "127.0.0.1"
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            problem, option, instead = f"this machine does not have the address {host}", "--host", "127.0.0.1"
        elif error.errno == errno.EACCES:
            problem, instead = f"only root may listen on port {port}", str(free_port())
        else:
            problem, instead = f"port {port} is in use", str(free_port())
    else:
        return
    typed = f"set it to {instead}" if option.startswith("STEAM_") else f"type {option} {instead}"
    raise typer.BadParameter(f"{problem}; {typed}", param_hint=option)


def require_kafka(settings: Settings) -> None:
    """Raise BadParameter if the configured Kafka, or a port for the embedded one, is not available."""
    if settings.embedded_kafka:
        # A broker of this HOME has stored its data there; the embedded broker deals with it.
        if not (settings.home / "kafka" / "data").is_dir():
            require_free_port("127.0.0.1", settings.embedded_kafka_port, "STEAM_EMBEDDED_KAFKA_PORT")
        return
    problems = []
    for server in settings.kafka_bootstrap_servers.split(","):
        host, _, port = server.strip().rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
            raise typer.BadParameter(
                f"{server!r} is not host:port; write host:port[,host:port], such as 127.0.0.1:9092",
                param_hint="STEAM_KAFKA_BOOTSTRAP_SERVERS",
            )
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=CONTACT_SECONDS).close()
        except (OSError, UnicodeError) as error:
            problems.append(f"{server.strip()} ({_reason(error)})")
        else:
            return
    raise typer.BadParameter(
        f"Kafka does not respond at {', '.join(problems)}; start it, or type "
        "`unset STEAM_KAFKA_BOOTSTRAP_SERVERS` to use the embedded broker"
    )


def require_spark(settings: Settings) -> None:
    """Raise BadParameter if the configured Spark Connect server or cluster is not available."""
    for name in ("spark_remote", "spark_master"):
        address: str = getattr(settings, name)
        if "://" in address:
            if fault := _unanswered(address):
                raise typer.BadParameter(fault, param_hint=f"STEAM_{name.upper()}")
            return


def require_s3(settings: Settings) -> None:
    """Raise BadParameter for roots on S3 that cannot be listed: no credentials, no such bucket, no response."""
    from steam_assets.lake.roots import ROOT_NAMES, on_s3, root_variable

    buckets: dict[str, tuple[str, str]] = {}
    for name in ROOT_NAMES:
        if on_s3(address := settings.root(name)):
            buckets.setdefault(address.removeprefix("s3://").partition("/")[0], (address, root_variable(name)))
    if buckets:
        from steam_assets.commands.s3_access import require_bucket

        for address, variable in buckets.values():
            require_bucket(settings, address, variable)
