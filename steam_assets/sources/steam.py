"""Steam's Web API: the host that most sources use.

Belongs here: its declaration. Does not belong here: the requests to it (the source files).
"""

from steam_assets.sources.host import Host

STEAM_API = Host(
    name="steam_api",
    service="Steam",
    url="https://api.steampowered.com",
    requests_per_second=1.0,
    terms="https://steamcommunity.com/dev/apiterms",
)
