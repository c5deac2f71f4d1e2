"""QuickSight: starting imports of newly committed tables, and waiting for each to finish.

Belongs here: the API calls, their results, and what to do next. Does not belong here: earlier requests
(quicksight_history.py), when to check (orchestration/).

QuickSight imports the tables in Glue through Athena, so a table is available as soon as it is committed. An import's id
consists of table and snapshot, so requesting one version twice is one import. QuickSight skips rows that it cannot
convert and still reports COMPLETED, so rows are counted.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypedDict

from botocore.client import Config
from botocore.exceptions import BotoCoreError, ClientError

from steam_assets.aws_client import aws_client
from steam_assets.clock import Clock
from steam_assets.lake.clean_reader import CleanReader
from steam_assets.settings import Settings
from steam_assets.visuals.quicksight_history import QUOTA, Asked, History, Version

TRIES = 4
"""Attempts of one call, with backoff, if it is throttled or fails within AWS."""
FOLLOWED_FOR = timedelta(minutes=30)
LOOKED_EVERY = timedelta(seconds=10)

PASSES = {"ThrottlingException": timedelta(minutes=15), "LimitExceededException": timedelta(hours=1)}
"""Transient refusals, and how long to wait after them."""
MENDED_BY_HAND = timedelta(hours=6)
"""How long to wait after any other refusal: an administrator may have fixed the cause."""
NEXT_STEP = {
    "AccessDeniedException": "allow the writer's role quicksight:CreateIngestion and DescribeIngestion on it",
    "ResourceNotFoundException": "correct STEAM_QUICKSIGHT_DATASETS or STEAM_QUICKSIGHT_ACCOUNT_ID; "
    "`aws quicksight list-data-sets` lists the ids",
    "InvalidParameterValueException": "make sure that the data set imports into SPICE",
}


class RowInfo(TypedDict, total=False):
    """The part of QuickSight's RowInfo that is read."""

    RowsDropped: int
    TotalRowsInDataset: int


class Ingestion(TypedDict, total=False):
    """The part of QuickSight's Ingestion that is read once it is completed."""

    RowInfo: RowInfo
    IngestionTimeInSeconds: int


class QuickSightNotSetUp(ValueError):
    """The settings do not allow a refresh; the message states which to correct."""


@dataclass(frozen=True)
class Outcome:
    """The outcome for one data set. ``waiting`` is retried automatically; ``failed`` needs attention."""

    asked: Asked
    state: Literal["completed", "failed", "waiting"]
    message: str
    seconds: int | None = None


def check_setup(settings: Settings) -> None:
    """Raise QuickSightNotSetUp if data sets are named but a setting that they need is missing."""
    if not settings.quicksight_account_id:
        raise QuickSightNotSetUp("STEAM_QUICKSIGHT_DATASETS is set; set STEAM_QUICKSIGHT_ACCOUNT_ID too")
    if settings.iceberg_catalog != "glue":
        raise QuickSightNotSetUp(
            f"QuickSight finds tables through Glue, but the catalog is {settings.iceberg_catalog}; "
            "set STEAM_ICEBERG_CATALOG=glue (docs/how-to/quicksight.md)"
        )
    ids = list(settings.quicksight_datasets.values())
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        raise QuickSightNotSetUp(
            f"STEAM_QUICKSIGHT_DATASETS names {', '.join(twice)} for two tables; create one data set per table"
        )


def committed_versions(settings: Settings, reader: CleanReader) -> tuple[list[Version], list[str]]:
    """The current versions of the tables that have a data set, and the names of those not in Glue or still empty."""
    check_setup(settings)
    found, missing = [], []
    for table, dataset_id in settings.quicksight_datasets.items():
        snapshot_id = _snapshot_id(reader, table)
        if snapshot_id is None:
            missing.append(table)
        else:
            found.append(Version(table, dataset_id, snapshot_id))
    return found, missing


def _snapshot_id(reader: CleanReader, table: str) -> int | None:
    there = reader.table(table)
    snapshot = there.current_snapshot() if there else None
    return snapshot.snapshot_id if snapshot else None


class QuickSightRefresh:
    """Refreshes the data sets of one deployment. One at a time: the asset has its own pool."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        check_setup(settings)
        self.history = History(settings)
        self.quota = QUOTA[settings.quicksight_edition]
        self._account, self._clock = settings.quicksight_account_id, clock
        self._reader = CleanReader(settings)
        self._api = aws_client(
            "quicksight",
            region_name=settings.aws_region,
            endpoint_url=settings.quicksight_endpoint_url or None,
            config=Config(
                retries={"mode": "standard", "total_max_attempts": TRIES}, connect_timeout=10, read_timeout=60
            ),
        )

    def refresh(
        self,
        versions: Sequence[Version],
        *,
        again: Collection[str] = (),
        followed_for: timedelta = FOLLOWED_FOR,
        looked_every: timedelta = LOOKED_EVERY,
    ) -> list[Outcome]:
        """Import the versions that are due, and the tables ``again`` unconditionally; wait for all to finish.

        Raises QuickSightNotSetUp if a table of ``again`` cannot be refreshed.
        """
        unknown = sorted(set(again) - {version.table for version in versions})
        if unknown:
            raise QuickSightNotSetUp(
                f"again: {', '.join(unknown)} has no data set or no data yet; "
                f"there are {', '.join(version.table for version in versions) or 'none'}"
            )
        now = self._clock.now()
        forced = [version for version in versions if version.table in again]
        rest = [version for version in versions if version.table not in again]
        asked = [self._ask(version, again=True) for version in forced]
        asked += [self._ask(version, again=False) for version in self.history.due(rest, now)]
        outcomes = [one for one in asked if isinstance(one, Outcome)]
        return outcomes + self._follow([one for one in asked if isinstance(one, Asked)], followed_for, looked_every)

    def _ask(self, version: Version, *, again: bool) -> Asked | Outcome:
        record = self._record(version, again=again)
        known = self.history.newest(version.dataset_id)
        resumed = known is not None and known.ingestion_id == record.ingestion_id and known.status == "asked"
        now = self._clock.now()
        if not resumed and self.history.left(self.quota, now) <= 0:
            free = self.history.next_free(now)
            message = (
                f"{self.quota} refreshes in 24 hours are used up; the next is possible at {free:%Y-%m-%d %H:%M} UTC"
            )
            return Outcome(record, "waiting", message)
        # Recorded before the request: an unrecorded import would be requested twice and not counted.
        self.history.keep(record, now)
        try:
            self._api.create_ingestion(
                AwsAccountId=self._account,
                DataSetId=version.dataset_id,
                IngestionId=record.ingestion_id,
                IngestionType="FULL_REFRESH",
            )
        except ClientError as error:
            exists = _code(error) == "ResourceExistsException"
            return record if exists else self._refused(record, error, status="refused")
        except BotoCoreError as error:
            message = f"QuickSight did not respond ({type(error).__name__}); it will be retried"
            return self._ended(record, "waiting", message, wait=PASSES["ThrottlingException"])
        return record

    def _record(self, version: Version, *, again: bool) -> Asked:
        known = self.history.newest(version.dataset_id)
        same = known if known and known.snapshot_id == version.snapshot_id else None
        if same and not again and same.status == "asked":
            return same.model_copy(update={"not_before": None})
        attempt = (same.attempt + again) if same else 1
        table = self._reader.table(version.table)
        if table is None:
            raise QuickSightNotSetUp(f"{version.table} is no longer in Glue's database; clean it again")
        return Asked(
            table=version.table,
            dataset_id=version.dataset_id,
            ingestion_id=f"{version.table}-{version.snapshot_id}" + (f"-{attempt}" if attempt > 1 else ""),
            snapshot_id=version.snapshot_id,
            attempt=attempt,
            rows=table.scan(snapshot_id=version.snapshot_id).count(),
            asked_at=self._clock.now(),
        )

    def _refused(self, record: Asked, error: ClientError, *, status: Literal["asked", "refused"]) -> Outcome:
        code = _code(error)
        said = f"{code}: {error.response.get('Error', {}).get('Message') or 'without a reason'}"
        if code in PASSES:
            message = f"QuickSight accepts no more requests now ({said}); it will be retried in {PASSES[code]}"
            return self._ended(record, "waiting", message, status=status, wait=PASSES[code])
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400) >= 500:
            message = f"QuickSight failed ({said}); it will be retried"
            return self._ended(record, "waiting", message, wait=PASSES["ThrottlingException"])
        message = (
            f"QuickSight refused to refresh {record.dataset_id} ({said}); {NEXT_STEP.get(code, 'see the message')}"
        )
        return self._ended(record, "failed", message, status=status, wait=MENDED_BY_HAND)

    def _ended(
        self,
        record: Asked,
        state: Literal["completed", "failed", "waiting"],
        message: str,
        *,
        status: Literal["asked", "refused", "completed", "failed"] = "asked",
        wait: timedelta | None = None,
        seconds: int | None = None,
    ) -> Outcome:
        now = self._clock.now()
        changes = {"status": status, "told": message, "not_before": now + wait if wait else None}
        kept = record.model_copy(update=changes)
        self.history.keep(kept, now)
        return Outcome(kept, state, message, seconds)

    def _follow(self, pending: list[Asked], followed_for: timedelta, looked_every: timedelta) -> list[Outcome]:
        """Poll all of them until each has finished or the time is up."""
        outcomes: list[Outcome] = []
        until = time.monotonic() + followed_for.total_seconds()
        while pending:
            looked = [(record, self._look(record)) for record in pending]
            outcomes += [found for _, found in looked if isinstance(found, Outcome)]
            waiting = [(record, found) for record, found in looked if isinstance(found, str)]
            if time.monotonic() >= until:
                return outcomes + [self._too_long(record, status, followed_for) for record, status in waiting]
            pending = [record for record, _ in waiting]
            if pending:
                time.sleep(looked_every.total_seconds())
        return outcomes

    def _too_long(self, record: Asked, status: str, followed_for: timedelta) -> Outcome:
        message = f"the import {record.ingestion_id} is {status} after {followed_for}; it will be checked again"
        return self._ended(record, "failed", message, wait=PASSES["ThrottlingException"])

    def _look(self, record: Asked) -> Outcome | str:
        """The outcome of an import, or its current status."""
        try:
            answer = self._api.describe_ingestion(
                AwsAccountId=self._account, DataSetId=record.dataset_id, IngestionId=record.ingestion_id
            )
        except BotoCoreError as error:
            return f"unknown ({type(error).__name__})"
        except ClientError as error:
            number = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
            passes = number == 429 or number >= 500
            return f"unknown ({_code(error)})" if passes else self._refused(record, error, status="asked")
        ingestion = answer["Ingestion"]
        match ingestion["IngestionStatus"]:
            case "COMPLETED":
                return self._counted(record, ingestion)
            case "FAILED" | "CANCELLED" as status:
                why = ingestion.get("ErrorInfo") or {}
                said = f"{why.get('Type') or 'no type'}: {why.get('Message') or 'no message'}"
                message = (
                    f"the import {record.ingestion_id} {status.lower()} ({said}); the data set keeps its previous "
                    f"data. Fix the cause and run visuals/quicksight with again: [{record.table}]"
                )
                return self._ended(record, "failed", message, status="failed")
            case status:
                return status

    def _counted(self, record: Asked, ingestion: Ingestion) -> Outcome:
        rows = ingestion.get("RowInfo") or {}
        dropped, total = rows.get("RowsDropped", 0), rows.get("TotalRowsInDataset")
        seconds = ingestion.get("IngestionTimeInSeconds")
        if not dropped and total == record.rows:
            return self._ended(record, "completed", f"{total} rows", status="completed", seconds=seconds)
        if not dropped and _snapshot_id(self._reader, record.table) != record.snapshot_id:
            message = (
                f"{total} rows: {record.table} was committed again meanwhile; its next refresh is counted separately"
            )
            return self._ended(record, "completed", message, status="completed", seconds=seconds)
        message = (
            f"{record.table} has {record.rows} rows; the data set has {total}, and {dropped} were dropped. Check the "
            "data set's types and filters: it must import the whole table unchanged (docs/how-to/quicksight.md)"
        )
        return self._ended(record, "failed", message, status="failed", seconds=seconds)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))
