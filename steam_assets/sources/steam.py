"""Steam's Web API: the host that most sources ask.

Belongs here: its declaration. Does not belong here: what is asked of it (the source files).
"""

from steam_assets.sources.host import Host

STEAM_API = Host(name="steam_api", service="Steam", url="https://api.steampowered.com", requests_per_second=1.0)
