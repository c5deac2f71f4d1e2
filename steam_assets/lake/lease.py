"""A lease: one holder at a time, among processes and machines that share a store.

Belongs here: taking, renewing and giving back a lease. Does not belong here: what is done under it.

A lease is an object with an owner and an expiry, changed by conditional writes alone. It does not stop a holder whose
clock is wrong by more than the margin: whoever deletes under it also checks what it deletes.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from steam_assets.lake.store import Store, StoreConflict, StoredObject

TTL = timedelta(minutes=10)
CLOCK_SKEW = timedelta(minutes=1)


class LeaseHeld(Exception):
    """Another process holds the lease; the message names it and when it ends."""


class LeaseLost(Exception):
    """The lease ended and another process took it; stop at once."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    owner: str
    expires: AwareDatetime


class Lease:
    """A lease that is held. ``owner`` is host, process and a random part, so that it is never anybody else's."""

    def __init__(self, store: Store, key: str, ttl: timedelta, skew: timedelta) -> None:
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(8)}"
        self._store, self._key, self._ttl, self._skew = store, key, ttl, skew
        self._etag = self._take()

    def renew(self) -> None:
        """Hold it for another ``ttl`` from now. LeaseLost if it is another's by now."""
        try:
            self._etag = self._write(if_etag=self._etag).etag
        except StoreConflict as error:
            raise LeaseLost(f"{self._store.uri}/{self._key} was taken by another process; run it again") from error

    def release(self) -> None:
        """Give it back, if it is still held."""
        stored = self._store.stat(self._key)
        if stored is not None and stored.etag == self._etag:
            self._store.delete(self._key)

    def _take(self) -> str:
        stored = self._store.stat(self._key)
        held = self._holder() if stored else None
        if held is not None and datetime.now(UTC) <= held.expires + self._skew:
            raise self._refusal(held)
        try:
            return self._write(if_absent=stored is None, if_etag=stored.etag if stored else None).etag
        except StoreConflict as error:
            raise self._refusal(self._holder()) from error

    def _holder(self) -> _Record | None:
        """None if it was given back meanwhile, or is no lease at all: then it protects nobody."""
        try:
            return _Record.model_validate_json(self._store.read(self._key))
        except (FileNotFoundError, ValidationError):
            return None

    def _refusal(self, held: _Record | None) -> LeaseHeld:
        whom = f"{held.owner} until {held.expires:%Y-%m-%d %H:%M:%S} UTC" if held else "another process"
        return LeaseHeld(
            f"{self._store.uri}/{self._key} is held by {whom}; wait for it. If that process died, the lease passes "
            f"on by itself {self._skew} after its end"
        )

    def _write(self, *, if_absent: bool = False, if_etag: str | None = None) -> StoredObject:
        record = _Record(owner=self.owner, expires=datetime.now(UTC) + self._ttl)
        return self._store.write(self._key, record.model_dump_json().encode(), if_absent=if_absent, if_etag=if_etag)


@contextmanager
def lease(store: Store, name: str, *, ttl: timedelta = TTL, skew: timedelta = CLOCK_SKEW) -> Iterator[Lease]:
    """Hold the lease ``name`` of a store. LeaseHeld if another does.

    ``ttl`` is how long it lasts without ``renew``; ``skew`` is by how much clocks may differ.
    """
    held = Lease(store, f"_leases/{name}.json", ttl, skew)
    try:
        yield held
    finally:
        held.release()
