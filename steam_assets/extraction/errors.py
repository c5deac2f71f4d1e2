"""Errors of fetching from a source.

Belongs here: the typed errors and the evidence they carry. Does not belong here: deciding which one to raise
(http_client.py), storing the evidence (the caller puts it in quarantine).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from steam_assets.masking import visible


@dataclass(frozen=True)
class Evidence:
    """What a host sent.

    ``url`` contains no secret; ``fetched_at`` is UTC; ``body`` is UTF-8, and only its start if the response broke off.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    fetched_at: datetime


class SourceError(Exception):
    """A source returned nothing usable.

    ``transient`` is true if the same request may succeed later; ``evidence`` is what was received, if anything.
    """

    may_pass: ClassVar[bool] = False

    def __init__(self, message: str, *, evidence: Evidence | None = None, transient: bool | None = None) -> None:
        # A host says much of it, and it goes into logs, which terminals show.
        super().__init__(visible(message))
        self.evidence = evidence
        self.transient = self.may_pass if transient is None else transient


class Unreachable(SourceError):
    """The host could not be reached, broke off, timed out or returned 5xx until the retries were used up."""

    may_pass = True


class Blocked(SourceError):
    """The host refuses us, or demands a longer wait than a run allows. No request is sent before ``wait_until``."""

    may_pass = True

    def __init__(self, message: str, *, wait_until: datetime, evidence: Evidence | None = None) -> None:
        super().__init__(message, evidence=evidence)
        self.wait_until = wait_until


class EndpointGone(SourceError):
    """The host redirects (3xx) or has nothing at the address. A moved endpoint is a changed contract."""


class KeyRequired(SourceError):
    """The host requires a key, or rejects the one we send."""


class UnusableResponse(SourceError):
    """The host responds, but after several attempts the response still does not match the contract."""


class NoDataForApp(UnusableResponse):
    """The service has nothing for this app (unknown, delisted, withdrawn), while requests for other apps succeed."""


class StaleResponse(UnusableResponse):
    """The service still returns the previous period's data after several minutes of waiting."""

    may_pass = True


class NotAvailable(SourceError):
    """The source does not have data for that window, and a retry will not change that."""
