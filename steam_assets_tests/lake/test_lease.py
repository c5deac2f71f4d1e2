"""A lease has one holder, ends by itself, and is lost with a word when it was too old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from steam_assets.lake.disk_store import DiskStore
from steam_assets.lake.lease import LeaseHeld, LeaseLost, lease
from steam_assets.lake.store import Store

TTL, SKEW = timedelta(minutes=10), timedelta(minutes=1)
START = datetime(2026, 1, 6, 12, tzinfo=UTC)


def test_one_holds_it_and_gives_it_back(store: Store) -> None:
    with lease(store, "work") as held:
        with pytest.raises(LeaseHeld, match=held.owner), lease(store, "work"):
            pass
        with lease(store, "other"):
            held.renew()
    with lease(store, "work"):
        pass
    assert list(store.list()) == []


def test_it_is_given_back_when_the_work_fails(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), lease(store, "work"):
        raise ZeroDivisionError
    assert list(store.list()) == []


def test_a_dead_holder_is_followed_after_expiry_and_margin(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    with time_machine.travel(START, tick=False) as clock:
        dead = lease(store, "work", ttl=TTL, skew=SKEW)
        old = dead.__enter__()
        clock.move_to(START + TTL + SKEW)
        with pytest.raises(LeaseHeld, match="until 2026-01-06 12:10:00 UTC"), lease(store, "work", ttl=TTL, skew=SKEW):
            pass
        clock.move_to(START + TTL + SKEW + timedelta(seconds=1))
        with lease(store, "work", ttl=TTL, skew=SKEW) as new:
            with pytest.raises(LeaseLost, match="taken by another"):
                old.renew()
            dead.__exit__(None, None, None)
            new.renew()


def test_renewing_keeps_it(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    with time_machine.travel(START, tick=False) as clock, lease(store, "work", ttl=TTL, skew=SKEW) as held:
        for minutes in (9, 18, 27):
            clock.move_to(START + timedelta(minutes=minutes))
            held.renew()
        with pytest.raises(LeaseHeld), lease(store, "work", ttl=TTL, skew=SKEW):
            pass


def test_a_damaged_lease_protects_nobody(store: Store) -> None:
    store.write("_leases/work.json", b"not a lease")
    with lease(store, "work"):
        pass
