"""Alerts for failed asset checks of successful runs: a check that does not block does not fail its run.

Belongs here: which checks of a run failed, and the content of the alert. Does not belong here: delivering it, failed
runs (alerts.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg

from steam_assets.orchestration.alerts import Alert, deliver
from steam_assets.orchestration.run_status import partitions_named
from steam_assets.settings import Settings


def check_alerts(settings: Settings, *, running: bool) -> dg.SensorDefinition:
    """The sensor that reports each successful run with failed checks once; off unless ``running``."""

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="check_alerts",
        default_status=dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED,
        minimum_interval_seconds=30,
        description="Reports failed asset checks of successful runs to the log, and to the webhook in "
        "STEAM_ALERT_WEBHOOK_URL if it is set. Not declarative automation: it follows runs and materializes nothing.",
    )
    def alert(context: dg.RunStatusSensorContext) -> None:
        failed = failed_checks(context.instance, context.dagster_run.run_id)
        if failed:
            payload = message(context.dagster_run, failed)
            context.log.error(payload["text"])
            if settings.alert_webhook_url.get_secret_value():
                deliver(settings, payload)

    return alert


def failed_checks(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    """``ASSET CHECK`` of each failed check of the run, sorted; a check of severity WARN is only shown in the UI."""
    found: set[str] = set()
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        if entry.dagster_event is not None:
            check = entry.dagster_event.asset_check_evaluation_data
            if not check.passed and check.severity is dg.AssetCheckSeverity.ERROR:
                found.add(f"{check.asset_key.to_user_string()} {check.check_name}")
    return sorted(found)


class CheckAlert(Alert):
    """The failed checks of a run that succeeded."""

    checks: list[str]


def message(run: dg.DagsterRun, failed: Sequence[str]) -> CheckAlert:
    """The alert. ``failed`` is from ``failed_checks``."""
    partition = partitions_named(run.tags)
    return {
        "text": f"Run {run.run_id[:8]} of {run.job_name} {partition or ''} succeeded, but checks failed: "
        f"{', '.join(failed)}; see the assets in the Dagster UI",
        "run_id": run.run_id,
        "job": run.job_name,
        "partition": partition,
        "checks": list(failed),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
