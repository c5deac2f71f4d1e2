"""What can go wrong when a source is asked.

Belongs here: the typed errors and the evidence they carry. Does not belong here: deciding which one it is
(http_client.py), or keeping the evidence (the caller puts it in quarantine).
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

    ``url`` carries no secret; ``fetched_at`` is UTC; ``body`` is UTF-8, and only its start where the answer broke off.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    fetched_at: datetime


class SourceError(Exception):
    """A source gave nothing usable.

    ``transient`` says whether the same question may succeed later; ``evidence`` is what was received, if anything was.
    """

    may_pass: ClassVar[bool] = False

    def __init__(self, message: str, *, evidence: Evidence | None = None, transient: bool | None = None) -> None:
        # A host says much of it, and it goes into logs, which terminals show.
        super().__init__(visible(message))
        self.evidence = evidence
        self.transient = self.may_pass if transient is None else transient


class Unreachable(SourceError):
    """The host could not be reached, broke off, was too slow or answered 5xx, for as long as was reasonable."""

    may_pass = True


class Blocked(SourceError):
    """The host refuses us, or asks for a longer wait than a run has. Nobody asks it before ``wait_until``."""

    may_pass = True

    def __init__(self, message: str, *, wait_until: datetime, evidence: Evidence | None = None) -> None:
        super().__init__(message, evidence=evidence)
        self.wait_until = wait_until


class EndpointGone(SourceError):
    """The host sends us elsewhere (3xx) or has nothing there. A moved endpoint is a changed contract."""


class Refused(SourceError):
    """The host wants a key, or a better one."""


class AnswerStaysInvalid(SourceError):
    """The host answers, and the answer is still not what the contract says after several tries."""


class NothingForApp(AnswerStaysInvalid):
    """The service has nothing for the app asked about: unknown, delisted, withdrawn. Its other apps are answered."""


class StillOld(AnswerStaysInvalid):
    """The service still answers for the period before, after some minutes of waiting."""

    may_pass = True


class NotAskable(SourceError):
    """The source has no answer for that window now, and asking later will not change it."""
