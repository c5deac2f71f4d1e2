"""Whom requests go to: address, rate, headers and key of each host, out of the settings.

Belongs here: what differs from host to host. Does not belong here: how a request is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from steam_assets.settings import Settings
from steam_assets.sources.source import Host

IDENTIFIED = {"User-Agent": f"steam-assets/{version('steam-assets')} (Steam market-data pipeline)"}

# The extension's endpoint turns away clients that do not look like a browser with the extension. No Origin header:
# accounts of it conflict, and it is known to cause refusals.
AS_THE_EXTENSION = {
    "User-Agent": (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
    ),
    "X-Extension-Version": "6.12.21",
}


@dataclass(frozen=True)
class HostProfile:
    """One host as this deployment uses it.

    ``secret_params`` are added to each query and shown nowhere. ``drop_folder`` holds hand-saved answers that are tried
    before the network. ``when_blocked`` is the next step to take when the host refuses.
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
        """The address of a path. It never leaves the configured host, whatever the path."""
        return f"{self.base_url.rstrip('/')}/{path.lstrip('/')}"


def profile(settings: Settings, host: Host) -> HostProfile:
    """The profile of a host. ValueError if its configured address is not a plain http(s) one."""
    match host:
        case Host.STEAM_API:
            return HostProfile(
                host,
                _checked(settings.steam_api_url, "STEAM_STEAM_API_URL"),
                settings.steam_requests_per_second,
                IDENTIFIED,
                "lower STEAM_STEAM_REQUESTS_PER_SECOND and materialize the partition again after that",
            )
        case Host.SIMILARWEB:
            folder = settings.similarweb_drop_folder or settings.home / "similarweb"
            return HostProfile(
                host,
                _checked(settings.similarweb_url, "STEAM_SIMILARWEB_URL"),
                settings.similarweb_requests_per_second,
                AS_THE_EXTENSION,
                f"open the address in a browser, save its JSON as a .json file in {folder.absolute()} "
                "and materialize the partition again, or set STEAM_SIMILARWEB_API_KEY",
                drop_folder=folder,
            )
        case Host.SIMILARWEB_API:
            key = settings.similarweb_api_key.get_secret_value()
            return HostProfile(
                host,
                _checked(settings.similarweb_api_url, "STEAM_SIMILARWEB_API_URL"),
                settings.similarweb_requests_per_second,
                IDENTIFIED,
                "check STEAM_SIMILARWEB_API_KEY and the account's quota, then materialize the partition again",
                secret_params={"api_key": key} if key else {},
            )


def _checked(url: str, setting: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError(f"{setting} is no address of the form https://host[:port] without a user; set it to one")
    return url
