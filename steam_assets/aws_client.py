"""Clients for AWS services that are cheap to create, as every run and every sensor tick creates one.

Belongs here: creating a client. Does not belong here: calling the service (visuals/quicksight.py).
"""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.loaders import Loader, create_loader
from botocore.session import get_session


def aws_client(service: str, **options: Any) -> Any:
    """Create a client for a service; ``options`` are those of botocore's ``create_client``.

    Each client has its own session, so that it picks up the credentials that are current at the time.
    """
    session = get_session()
    session.register_component("data_loader", _service_descriptions())
    return session.create_client(service, **options)


@cache
def _service_descriptions() -> Loader:
    """AWS's service descriptions, parsed once; parsing them for each session would take longer than a call."""
    return create_loader(get_session().get_config_variable("data_path"))
