"""The alert of a failed run: a line in the log and a JSON POST to the webhook of the settings.

Belongs here: what is told, and that no secret is. Does not belong here: which failures are worth another try
(failures.py).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import requests
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from steam_assets.masking import visible, without_secrets
from steam_assets.orchestration.run_status import partitions_named
from steam_assets.settings import Settings

TIMEOUT_SECONDS = (3.0, 5.0)
TRIES = 3
LONGEST_TEXT = 2000
NO_MARKUP = str.maketrans({"<": "‹", ">": "›", "`": "ˋ", "@": "＠"})
"""Look-alikes of what chat services take for links, mentions and code."""


class AlertNotDelivered(Exception):
    """The webhook did not take the alert. The failed run stands in the Dagster UI and in the log."""


class _TryAgain(Exception):
    """The webhook could not be reached, or answered 429 or 5xx."""


def failure_alerts(settings: Settings, *, running: bool) -> dg.SensorDefinition:
    """The sensor that tells of each failed run once, off unless ``running``."""

    @dg.run_failure_sensor(
        name="failure_alerts",
        default_status=dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED,
        minimum_interval_seconds=30,
        description="Tells the log, and the webhook of STEAM_ALERT_WEBHOOK_URL if it is set, of each failed run.",
    )
    def alert(context: dg.RunFailureSensorContext) -> None:
        told = message(settings, context.dagster_run, _errors(context))
        context.log.error(told["text"])
        if settings.alert_webhook_url.get_secret_value():
            deliver(settings, told)

    return alert


def message(settings: Settings, run: dg.DagsterRun, errors: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The alert as plain data. ``errors`` are steps with their messages, as they are.

    ``text`` is a sentence for chat services, in which nothing of an error is a link or calls anybody.
    """
    clean = [
        {"step": step, "error": visible(without_secrets(settings, error))[:LONGEST_TEXT]} for step, error in errors
    ]
    partition = partitions_named(run.tags)
    first = clean[0]["error"].splitlines()[0] if clean and clean[0]["error"] else "see its log in the Dagster UI"
    first = first.translate(NO_MARKUP).replace("](", "] (")
    return {
        "text": f"Run {run.run_id[:8]} of {run.job_name} {partition or ''} failed: {first}",
        "run_id": run.run_id,
        "job": run.job_name,
        "partition": partition,
        "assets": sorted(key.to_user_string() for key in run.asset_selection or ()),
        "errors": clean,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def deliver(settings: Settings, told: dict[str, Any]) -> None:
    """POST the alert, a few times if need be. AlertNotDelivered, without the address in it, if it is not taken."""
    trying = Retrying(
        retry=retry_if_exception_type(_TryAgain),
        stop=stop_after_attempt(TRIES),
        wait=wait_random_exponential(multiplier=0.5, max=4),
        reraise=True,
    )
    try:
        trying(_post, settings.alert_webhook_url.get_secret_value(), told)
    except _TryAgain as error:
        raise AlertNotDelivered(f"STEAM_ALERT_WEBHOOK_URL {error} ({TRIES} tries); check it and the network") from None


def _post(url: str, told: dict[str, Any]) -> None:
    # Errors of requests name the address, which is a secret: only their kind is told.
    try:
        with _unlogged():
            answer = requests.post(url, json=told, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    except (requests.ConnectionError, requests.Timeout) as error:
        raise _TryAgain(f"could not be reached: {type(error).__name__}") from None
    except requests.RequestException as error:
        raise AlertNotDelivered(f"STEAM_ALERT_WEBHOOK_URL cannot be used: {type(error).__name__}") from None
    if answer.status_code == 429 or answer.status_code >= 500:
        raise _TryAgain(f"answered {answer.status_code}")
    if not answer.ok or answer.is_redirect:
        raise AlertNotDelivered(f"STEAM_ALERT_WEBHOOK_URL refused the alert with status {answer.status_code}")


@contextmanager
def _unlogged() -> Iterator[None]:
    """Keep the address out of what urllib3 logs for debugging."""

    def refuse(_record: logging.LogRecord) -> bool:
        return False

    logger = logging.getLogger("urllib3.connectionpool")
    logger.addFilter(refuse)
    try:
        yield
    finally:
        logger.removeFilter(refuse)


def _errors(context: dg.RunFailureSensorContext) -> list[tuple[str, str]]:
    found = []
    for event in context.get_step_failure_events():
        failure = event.step_failure_data
        described = failure.user_failure_data.description if failure.user_failure_data else None
        cause = failure.error.cause or failure.error if failure.error else None
        found.append((event.step_key or "", described or (cause.message if cause else "")))
    return found or [("", context.failure_event.message or "")]
