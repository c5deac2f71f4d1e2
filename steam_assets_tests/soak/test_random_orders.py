"""Work on the lake in any order keeps all landed data that is undamaged on at least one side."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from steam_assets_tests.lake.raw_model import RawWork
from steam_assets_tests.soak.conftest import Soak

WHOLE, SHORT, STEPS = 500, 8, 15


@pytest.mark.slow
def test_random_sequences_of_operations_agree_with_the_model(soak: Soak) -> None:
    orders = soak.number(WHOLE, SHORT)
    progress = iter(soak.rounds("orders of work", WHOLE, SHORT))

    @seed(soak.random.randrange(10**9))
    class Counted(RawWork):
        def teardown(self) -> None:
            super().teardown()
            next(progress, None)

    run_state_machine_as_test(
        Counted,
        settings=settings(
            max_examples=orders,
            stateful_step_count=STEPS,
            suppress_health_check=[HealthCheck.too_slow],
            # Each step uses real files, so shrinking a failure would take many minutes.
            phases=[Phase.generate],
        ),
    )
    soak.found(
        "Random orders of landing, backup, damage, housekeeping and restore against a model",
        f"{orders} orders of up to {STEPS} steps: every batch that was not damaged on both sides was there whole, "
        "only damage was named, no backup shrank",
    )
