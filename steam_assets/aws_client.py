"""Clients for AWS services that are cheap to create, as every run and every sensor tick creates one.

Belongs here: creating a client. Does not belong here: calling the service (visuals/quicksight.py).
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeAlias

from botocore.config import Config
from botocore.loaders import Loader, create_loader
from botocore.session import get_session

AwsClient: TypeAlias = Any
"""A client of a service. boto3 creates its class when it runs, from the service's description."""


def aws_client(
    service: str, *, region_name: str, endpoint_url: str | None = None, config: Config | None = None
) -> AwsClient:
    """Create a client for a service; ``endpoint_url`` None is AWS's own.

    Each client has its own session, so that it picks up the credentials that are current at the time.
    """
    session = get_session()
    session.register_component("data_loader", _service_descriptions())
    return session.create_client(service, region_name=region_name, endpoint_url=endpoint_url, config=config)


@cache
def _service_descriptions() -> Loader:
    """AWS's service descriptions, parsed once; parsing them for each session would take longer than a call."""
    return create_loader(get_session().get_config_variable("data_path"))
