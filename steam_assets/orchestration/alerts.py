"""Alerts for failed runs and damaged topics: one line in the log and one JSON POST to the webhook in the settings.

Belongs here: the content of an alert, without secrets. Does not belong here: which failures are retried (failures.py).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict, cast

import dagster as dg
import requests
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from steam_assets.kafka.consumer import Unfinished
from steam_assets.kafka.damage import DamagedRange
from steam_assets.masking import visible, without_secrets
from steam_assets.orchestration.run_status import partitions_named
from steam_assets.settings import Settings

if TYPE_CHECKING:
    from pydantic import JsonValue

TIMEOUT_SECONDS = (3.0, 5.0)
TRIES = 3
LONGEST_TEXT = 2000
MOST_NAMED = 5
NO_MARKUP = str.maketrans({"<": "‹", ">": "›", "`": "ˋ", "@": "＠"})
"""Look-alikes of what chat services take for links, mentions and code."""


class AlertNotDelivered(Exception):
    """The webhook did not accept the alert. The failed run is still in the Dagster UI and in the log."""


class _TryAgain(Exception):
    """The webhook could not be reached, or answered 429 or 5xx."""


def failure_alerts(settings: Settings, *, running: bool) -> dg.SensorDefinition:
    """The sensor that reports each failed run once; off unless ``running``."""

    @dg.run_failure_sensor(
        name="failure_alerts",
        default_status=dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED,
        minimum_interval_seconds=30,
        description="Reports each failed run to the log, and to the webhook in STEAM_ALERT_WEBHOOK_URL if it is set. "
        "Not declarative automation: it follows runs and materializes nothing.",
    )
    def alert(context: dg.RunFailureSensorContext) -> None:
        payload = message(settings, context.dagster_run, _errors(context))
        context.log.error(payload["text"])
        if settings.alert_webhook_url.get_secret_value():
            deliver(settings, payload)

    return alert


class Alert(TypedDict):
    """What a webhook gets; ``text`` is one sentence for chat services, ``at`` an ISO time (UTC)."""

    text: str
    run_id: str
    job: str
    partition: str | None
    at: str


class FailureAlert(Alert):
    """The assets of a failed run, and its errors: their ``step`` and ``error``."""

    assets: list[str]
    errors: list[dict[str, str]]


def message(settings: Settings, run: dg.DagsterRun, errors: Sequence[tuple[str, str]]) -> FailureAlert:
    """The alert. ``errors`` are (step, message) pairs; nothing of them becomes a link or a mention in ``text``."""
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


def topic_damaged(source: str, damaged: Sequence[DamagedRange]) -> dict[str, object]:
    """The alert of damaged ranges of a source's topic; ``text`` is one sentence for chat services."""
    ranges = ", ".join(map(str, damaged))
    return {
        "text": f"Kafka's log is damaged: {ranges}. What was in it and not yet landed is fetched again, or is lost: "
        f"steam-assets status --source {source}",
        "source": source,
        "damaged": [one._asdict() for one in damaged],
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def batches_given_up(source: str, batches: Sequence[Unfinished]) -> dict[str, object]:
    """The alert of batches of other producers that stayed incomplete; ``text`` is one sentence for chat services."""
    named = ", ".join(f"{visible(batch.batch_id)} of {visible(batch.partition_key)}" for batch in batches[:MOST_NAMED])
    more = f" and {len(batches) - MOST_NAMED} more" if len(batches) > MOST_NAMED else ""
    return {
        "text": f"Batches on the topic of {source} were never finished and are not landed: {named}{more}. Publish them "
        f"again from their producer; what else is missing: steam-assets status --source {source}",
        "source": source,
        "batches": [batch.batch_id for batch in batches],
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def deliver(settings: Settings, payload: Mapping[str, object]) -> None:
    """POST the alert, with retries. Raises AlertNotDelivered, without the address in its message."""
    trying = Retrying(
        retry=retry_if_exception_type(_TryAgain),
        stop=stop_after_attempt(TRIES),
        wait=wait_random_exponential(multiplier=0.5, max=4),
        reraise=True,
    )
    try:
        trying(_post, settings.alert_webhook_url.get_secret_value(), payload)
    except _TryAgain as error:
        raise AlertNotDelivered(f"STEAM_ALERT_WEBHOOK_URL {error} ({TRIES} tries); check it and the network") from None


def _post(url: str, payload: Mapping[str, object]) -> None:
    # Errors of requests contain the address, which is a secret: only their type is reported.
    try:
        with _unlogged():
            answer = requests.post(
                url, json=cast("dict[str, JsonValue]", payload), timeout=TIMEOUT_SECONDS, allow_redirects=False
            )
    except (requests.ConnectionError, requests.Timeout) as error:
        raise _TryAgain(f"could not be reached: {type(error).__name__}") from None
    except requests.RequestException as error:
        raise AlertNotDelivered(f"STEAM_ALERT_WEBHOOK_URL cannot be used: {type(error).__name__}") from None
    if answer.status_code == 429 or answer.status_code >= 500:
        raise _TryAgain(f"returned HTTP {answer.status_code}")
    if not answer.ok or answer.is_redirect:
        raise AlertNotDelivered(f"STEAM_ALERT_WEBHOOK_URL rejected the alert with HTTP {answer.status_code}")


@contextmanager
def _unlogged() -> Iterator[None]:
    """Keep the address out of urllib3's debug log."""

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
