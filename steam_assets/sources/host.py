"""The declaration of a host: a service that sources send requests to.

Belongs here: the dataclass and the settings derived from it. Does not belong here: any particular host (a source's file
declares its own; steam.py has the one that several sources share), sending requests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field, SecretStr

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@dataclass(frozen=True)
class Host:
    """A service that sources send requests to. Raises ValueError if ``name`` is not in lower snake case.

    ``name`` is the prefix of its settings, whose defaults are ``url`` and ``requests_per_second``: ``similarweb`` has
    STEAM_SIMILARWEB_URL and STEAM_SIMILARWEB_REQUESTS_PER_SECOND. All settings begin with STEAM_, so a leading
    ``steam_`` is not repeated: ``steam_api`` has STEAM_API_URL. ``service`` is its display name. ``headers`` override
    or extend those of every request. A ``key_parameter`` adds a setting for a key (STEAM_NAME_KEY), which is sent as
    that query parameter and never shown. ``drop_folder`` adds a setting for a folder of manually saved responses
    (STEAM_NAME_DROP_FOLDER, by default HOME/NAME), which are tried before the network. ``alternative`` is another thing
    to do if the host refuses; it follows "or" in the message. ``probe`` is the path of a request that always succeeds:
    a host that refuses several apps in a row refuses the caller only if it refuses this as well. ``terms`` is the URL
    of the service's terms of use, which contracts and releases name.
    """

    name: str
    service: str
    url: str
    requests_per_second: float = 1.0
    headers: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)
    key_parameter: str = ""
    drop_folder: bool = False
    alternative: str = ""
    probe: str = ""
    terms: str = ""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} cannot name settings; write lower snake case, as in 'steam_api'")

    def setting(self, kind: str) -> str:
        """The name of a setting of this host in ``Settings``; ``kind`` is ``url``, ``key`` and so on."""
        return f"{self.name.removeprefix('steam_')}_{kind}"

    def variable(self, kind: str) -> str:
        """The environment variable of that setting."""
        return f"STEAM_{self.setting(kind).upper()}"

    def settings(self) -> dict[str, tuple[object, object]]:
        """The host's settings, by name: type and pydantic field."""
        made: dict[str, tuple[object, object]] = {
            self.setting("url"): (
                str,
                Field(default=self.url, description=f"Base URL of {self.service}, instead of {self.url}."),
            ),
            self.setting("requests_per_second"): (
                float,
                Field(
                    default=self.requests_per_second, gt=0, description=f"Maximum requests per second to {self.url}."
                ),
            ),
        }
        if self.key_parameter:
            described = f"Key for {self.url}. Empty: requests are sent without one."
            made[self.setting("key")] = (SecretStr, Field(default=SecretStr(""), description=described))
        if self.drop_folder:
            described = f"Folder of manually saved JSON, tried before {self.url}. Default: HOME/{self.name}."
            made[self.setting("drop_folder")] = (Path | None, Field(default=None, description=described))
        return made
