"""Hosts as this deployment uses them: a host's declaration combined with the settings.

Belongs here: a host's address, rate, headers, key and drop folder in use. Does not belong here: any particular host
(the source files), how a request is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from steam_assets.settings import Settings
from steam_assets.sources import HOSTS
from steam_assets.sources.host import Host
from steam_assets.sources.source import Source

IDENTIFIED = {"User-Agent": f"steam-assets/{version('steam-assets')} (Steam market-data pipeline)"}
"""Headers of every request, unless the host declares others."""


@dataclass(frozen=True)
class HostProfile:
    """One host as this deployment uses it.

    ``secret_params`` are added to each query and never shown. ``drop_folder`` holds manually saved responses, which are
    tried before the network. ``when_blocked`` is what to do if the host refuses requests.
    """

    host: Host
    base_url: str
    requests_per_second: float
    headers: Mapping[str, str]
    when_blocked: str
    secret_params: Mapping[str, str] = field(default_factory=dict, repr=False)
    drop_folder: Path | None = None

    @property
    def netloc(self) -> str:
        return urlsplit(self.base_url).netloc

    def url(self, path: str) -> str:
        """The URL of a path. It always stays on the configured host."""
        return f"{self.base_url.rstrip('/')}/{path.lstrip('/')}"


def profile(settings: Settings, host: Host) -> HostProfile:
    """The profile of a host. Raises ValueError if its configured URL is not a plain http(s) one."""
    own, key, folder = settings.of_host(host), _key(settings, host), drop_folder(settings, host)
    return HostProfile(
        host,
        _checked(own.url, host.variable("url")),
        own.requests_per_second,
        {**IDENTIFIED, **host.headers},
        _when_blocked(host, folder),
        secret_params={host.key_parameter: key} if key else {},
        drop_folder=folder,
    )


def keyed(settings: Settings, source: Source) -> frozenset[Host]:
    """The hosts of a source for which a key is set."""
    return frozenset(host for host in source.hosts if _key(settings, host))


def drop_folder(settings: Settings, host: Host) -> Path | None:
    """The folder of the host's manually saved responses, which need not exist; None if the host has none."""
    return (settings.of_host(host).drop_folder or settings.home / host.name) if host.drop_folder else None


def served_by(settings: Settings, url: str, requests_per_second: float) -> Settings:
    """The settings with one server, such as the simulator, in the place of all hosts."""
    urls: dict[str, object] = {host.setting("url"): url for host in HOSTS}
    rates = {host.setting("requests_per_second"): requests_per_second for host in HOSTS}
    return settings.model_copy(update=urls | rates)


def _key(settings: Settings, host: Host) -> str:
    return settings.of_host(host).key.get_secret_value()


def _when_blocked(host: Host, folder: Path | None) -> str:
    if folder:
        step = (
            f"open the URL in a browser, save its JSON as a .json file in {folder.absolute()} "
            "and materialize the partition again"
        )
    elif host.key_parameter:
        step = f"check {host.variable('key')} and the account's quota, then materialize the partition again"
    else:
        step = f"lower {host.variable('requests_per_second')} and materialize the partition again after that"
    return f"{step}, or {host.alternative}" if host.alternative else step


def _checked(url: str, setting: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError(f"{setting} must be a URL of the form https://host[:port] without a user; change it")
    return url
