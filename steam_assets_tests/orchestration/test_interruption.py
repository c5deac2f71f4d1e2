"""Ctrl-C and retries, in interactive runs and in runs of the daemon."""

import logging
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import dagster as dg
import pytest

from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.orchestration import failures
from steam_assets.orchestration.failures import ATTENDED, permanent, tried_again
from steam_assets.orchestration.interruption import interruptible
from steam_assets.orchestration.stages import Stage
from steam_assets.simulator import Simulator
from steam_assets.simulator.faults import SlowBody
from steam_assets.sources import source_named
from steam_assets_tests.deployment import Deployment, deployment_in
from steam_assets_tests.waiting import START_SECONDS, in_time, wait_until

DAY = "2026-11-18"
SOURCE = source_named("most_played")


def send_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def deployment(tmp_path: Path, simulator: Simulator, broker: EmbeddedBroker) -> Iterator[Deployment]:
    yield deployment_in(tmp_path, None, simulator, broker.address)
    simulator.faults.clear()
    simulator.clear_now()


@pytest.mark.kafka
def test_ctrl_c_ends_a_run_that_is_fetching(deployment: Deployment) -> None:
    """The run stops without retrying, and the next run fetches what is missing."""
    faults = deployment.simulator.faults
    faults.add(SlowBody(seconds=60))

    def interrupt() -> None:
        wait_until(lambda: True if faults.hits() else None, START_SECONDS, "a request")
        send_ctrl_c()

    at_once = Thread(target=interrupt)
    at_once.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        deployment.run(SOURCE, DAY, stages=(Stage.RAW,))
    assert in_time(time.monotonic() - began, 30)
    at_once.join()
    assert not deployment.status(SOURCE, DAY).raw_present

    faults.clear()
    deployment.run(SOURCE, DAY, stages=(Stage.RAW,))
    assert deployment.status(SOURCE, DAY).raw_present


class _InterruptsAtTheEnd(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if "RUN_SUCCESS" in record.getMessage():
            send_ctrl_c()


def test_ctrl_c_after_the_last_step_of_a_run_is_not_lost() -> None:
    """Dagster holds the interrupt until the next step, and there is none."""

    @dg.logger
    def interrupting(_: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.Logger("interrupting")
        logger.addHandler(_InterruptsAtTheEnd())
        return logger

    @dg.op
    def work() -> None: ...

    @dg.job(logger_defs={"interrupting": interrupting})
    def ends_late() -> None:
        work()

    ended = False
    with pytest.raises(KeyboardInterrupt), interruptible():
        ended = ends_late.execute_in_process(run_config={"loggers": {"interrupting": {}}}).success
    assert ended


def test_ctrl_c_while_resources_are_closed_interrupts_too() -> None:
    @dg.resource
    def closing() -> Iterator[None]:
        yield None
        send_ctrl_c()

    @dg.op(required_resource_keys={"closing"})
    def work() -> None: ...

    @dg.job(resource_defs={"closing": closing})
    def ends_late() -> None:
        work()

    with pytest.raises(KeyboardInterrupt), interruptible():
        ends_late.execute_in_process()


def test_a_run_without_ctrl_c_ends_normally() -> None:
    with interruptible():
        pass


@pytest.mark.parametrize(("tags", "retries"), [({}, 2), ({ATTENDED: "true"}, 0)])
def test_a_transient_failure_is_retried_unless_a_user_waits(
    tags: dict[str, str], retries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "RETRIES", dg.RetryPolicy(max_retries=2, delay=0))

    @dg.op
    def unlucky(context: dg.OpExecutionContext) -> None:
        with tried_again(context):
            raise ConnectionError("no route to the source")

    assert _outcome(unlucky, tags) == (retries, "no route to the source")


def test_a_permanent_failure_is_not_retried() -> None:
    @dg.op
    def hopeless(context: dg.OpExecutionContext) -> None:
        with tried_again(context):
            raise permanent("the key is unknown")

    assert _outcome(hopeless, {}) == (0, "the key is unknown")


def _outcome(op: dg.OpDefinition, tags: dict[str, str]) -> tuple[int, str]:
    """How often a failing op was retried, and its final error message."""

    @dg.job
    def alone() -> None:
        op()

    result = alone.execute_in_process(raise_on_error=False, tags=tags)
    assert not result.success
    (failed,) = result.filter_events(lambda event: event.is_step_failure)
    said, error = failed.step_failure_data.user_failure_data, failed.step_failure_data.error
    assert error is not None
    cause = error.cause or error
    assert "Exceeded max_retries" not in error.to_string()
    retried = result.filter_events(lambda event: event.event_type_value == "STEP_UP_FOR_RETRY")
    return len(retried), (said.description if said else None) or cause.message.strip().removeprefix("ConnectionError: ")
