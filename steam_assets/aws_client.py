"""Clients for AWS services that are cheap to create, because every run and sensor tick creates one.

Belongs here: creating sessions and clients. Does not belong here: calling a service (visuals/quicksight.py).
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeAlias

from botocore.config import Config
from botocore.loaders import Loader, create_loader
from botocore.session import Session, get_session

AwsClient: TypeAlias = Any
"""A client of a service. boto3 creates its class when it runs, from the service's description."""


class _Descriptions(Loader):
    """AWS's service descriptions, shared by all sessions of this process."""

    @property
    def search_paths(self) -> list[str]:
        # A copy, because each boto3 session would add the same folder again.
        return [*super().search_paths]


@cache
def _descriptions() -> Loader:
    """The parsed descriptions, cached: parsing them for each session would take longer than a call."""
    given = create_loader(get_session().get_config_variable("data_path"))
    return _Descriptions(extra_search_paths=given.search_paths, include_default_search_paths=False)


def aws_session() -> Session:
    """A new session with the current credentials."""
    session = get_session()
    session.register_component("data_loader", _descriptions())
    return session


def aws_client(
    service: str, *, region_name: str, endpoint_url: str | None = None, config: Config | None = None
) -> AwsClient:
    """Create a client for a service in its own session; ``endpoint_url`` None is AWS's own."""
    return aws_session().create_client(service, region_name=region_name, endpoint_url=endpoint_url, config=config)
