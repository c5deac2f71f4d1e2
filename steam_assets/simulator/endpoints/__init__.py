"""The endpoints of all simulated hosts, one file per service: each module here declares its ``ENDPOINTS``.

Belongs here: paths, status codes and headers. Does not belong here: bodies that can also be replayed (synthetic.py,
replay.py), faults.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from steam_assets.simulator.endpoint import Endpoint


def all_endpoints() -> list[Endpoint]:
    """The endpoints declared by the modules of this package."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    return [endpoint for module in modules for endpoint in module.ENDPOINTS]
