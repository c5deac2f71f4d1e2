"""Clients of AWS services that cost little to make, as one is made for every run and every sensor's tick.

Belongs here: making a client. Does not belong here: what is asked of it (visuals/quicksight.py).
"""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.loaders import Loader, create_loader
from botocore.session import get_session


def aws_client(service: str, **options: Any) -> Any:
    """A client of a service; ``options`` are botocore's ``create_client``'s.

    Each has a session of its own, so that it finds the credentials of its moment.
    """
    session = get_session()
    session.register_component("data_loader", _service_descriptions())
    return session.create_client(service, **options)


@cache
def _service_descriptions() -> Loader:
    """AWS's descriptions of its services; each session would parse them anew, which takes longer than a call."""
    return create_loader(get_session().get_config_variable("data_path"))
