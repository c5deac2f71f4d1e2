"""QuickSight refreshes of Glue tables, against a server that follows the API documentation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from steam_assets.clock import Clock
from steam_assets.lake.clean_reader import CleanReader
from steam_assets.lake.files import Files
from steam_assets.settings import Settings
from steam_assets.visuals.quicksight import (
    TRIES,
    Outcome,
    QuickSightNotSetUp,
    QuickSightRefresh,
    check_setup,
    committed_versions,
)
from steam_assets.visuals.quicksight_history import Asked, History
from steam_assets_tests.nightly import rest_nightly
from steam_assets_tests.visuals.glue_tables import GlueTables
from steam_assets_tests.visuals.quicksight_stub import ACCOUNT, QuickSightStub, serving

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 18, 21, tzinfo=UTC)
TABLE, DATA_SET = "most_played", "charts-0001"


class Account:
    """One table with a data set, and an account that imports it."""

    def __init__(self, tables: GlueTables, stub: QuickSightStub) -> None:
        self.tables, self.stub, self.clock = tables, stub, stub.clock
        self.settings = tables.settings(
            quicksight_account_id=ACCOUNT,
            quicksight_datasets={TABLE: DATA_SET},
            quicksight_endpoint_url=stub.url,
            quicksight_edition="standard",
        )

    @property
    def history(self) -> History:
        return History(self.settings)

    def refresh(self, *, again: bool = False, seconds: float = 60) -> list[Outcome]:
        """Refresh as a new process would."""
        versions, _ = committed_versions(self.settings, CleanReader(self.settings))
        return QuickSightRefresh(self.settings, self.clock).refresh(
            versions,
            again=[TABLE] if again else [],
            followed_for=timedelta(seconds=seconds),
            looked_every=timedelta(milliseconds=5),
        )

    def one(self, *, again: bool = False, seconds: float = 60) -> Outcome:
        (outcome,) = self.refresh(again=again, seconds=seconds)
        return outcome


@pytest.fixture
def account(s3_server: str) -> Iterator[Account]:
    tables = GlueTables(s3_server)
    stub = QuickSightStub(Clock(NOW), {DATA_SET: lambda: tables.rows(TABLE)}, quota=8)
    with serving(stub):
        yield Account(tables, stub)


def test_each_committed_version_is_imported_once_and_followed_to_its_end(account: Account) -> None:
    """The import passes through all states; unchanged data is not imported again. Its ID names table and snapshot."""
    first = account.tables.commit(TABLE, 3)
    outcome = account.one()
    assert (outcome.state, outcome.message, outcome.seconds) == ("completed", "3 rows", 7)
    assert account.stub.calls == ["PUT", "GET", "GET", "GET", "GET"]
    assert account.refresh() == []
    second = account.tables.commit(TABLE, 2)
    assert account.one().message == "5 rows"
    assert account.stub.ids == [f"{TABLE}-{first}", f"{TABLE}-{second}"]


def test_dropped_rows_are_a_failure_though_the_import_completed(account: Account) -> None:
    """QuickSight skips rows it cannot convert and reports COMPLETED."""
    account.tables.commit(TABLE, 3)
    account.stub.dropped = 1
    outcome = account.one()
    assert outcome.state == "failed"
    assert "has 3 rows; the data set has 2, and 1 were dropped" in outcome.message
    assert account.refresh() == [], "the same version would drop the same rows"


def test_a_row_count_that_differs_from_the_tables_is_a_failure(account: Account) -> None:
    """The data set has a filter, or holds only a part of the table."""
    account.tables.commit(TABLE, 3)
    account.stub.rows[DATA_SET] = lambda: 2
    outcome = account.one()
    assert outcome.state == "failed"
    assert "has 3 rows; the data set has 2, and 0 were dropped" in outcome.message


def test_a_commit_during_the_import_does_not_fail_it_and_is_imported_next(account: Account) -> None:
    """QuickSight reads the table in its current version; the newer version is counted by its own refresh."""
    account.tables.commit(TABLE, 3)

    def committed_meanwhile() -> int:
        account.stub.rows[DATA_SET] = lambda: account.tables.rows(TABLE)
        account.tables.commit(TABLE, 2)
        return account.tables.rows(TABLE)

    account.stub.rows[DATA_SET] = committed_meanwhile
    outcome = account.one()
    assert outcome.state == "completed"
    assert "5 rows: most_played was committed again meanwhile" in outcome.message
    assert account.one().message == "5 rows"


@pytest.mark.parametrize("status", rest_nightly(["FAILED", "CANCELLED"]))
def test_a_failed_import_is_reported_and_retried_only_by_hand(account: Account, status: str) -> None:
    """The error has QuickSight's reason; a manual retry is another import of the same version."""
    snapshot = account.tables.commit(TABLE, 3)
    account.stub.end = {
        "IngestionStatus": status,
        "ErrorInfo": {"Type": "SQL_NUMERIC_OVERFLOW", "Message": "too large"},
    }
    outcome = account.one()
    assert outcome.state == "failed"
    assert f"{status.lower()} (SQL_NUMERIC_OVERFLOW: too large)" in outcome.message
    assert account.refresh() == []
    account.stub.end = {"IngestionStatus": "COMPLETED"}
    assert account.one(again=True).state == "completed"
    assert account.stub.ids == [f"{TABLE}-{snapshot}", f"{TABLE}-{snapshot}-2"]


def test_an_import_that_takes_too_long_is_reported_and_found_again_later(account: Account) -> None:
    """It is reported at its deadline; a later refresh follows the same import and starts no second one."""
    account.tables.commit(TABLE, 3)
    account.stub.looks_to_end = 10**6
    outcome = account.one(seconds=0.05)
    assert outcome.state == "failed"
    assert " after 0:00:00.05" in outcome.message and "it will be checked again" in outcome.message
    assert account.refresh() == [], "it is not polled again at once"
    account.clock.move_to(NOW + timedelta(minutes=20))
    account.stub.looks_to_end = 0
    assert account.one().state == "completed"
    assert len(account.stub.ids) == 1


def test_an_import_whose_process_died_is_followed_by_the_next(account: Account) -> None:
    """ResourceExists means that the import was already requested, even if its state was lost."""
    account.tables.commit(TABLE, 3)
    account.stub.looks_to_end = 10**6
    account.one(seconds=0.02)
    files = Files(account.settings)
    for stored in list(files.list(f"{account.settings.root('clean')}/quicksight")):
        files.delete(stored.address)
    account.stub.looks_to_end = 0
    assert account.one().state == "completed"
    assert len(account.stub.ids) == 1
    assert account.stub.calls.count("PUT") == 2


def test_the_quota_of_24_hours_is_kept_across_restarts(account: Account) -> None:
    """Standard allows 8 refreshes. The ninth makes no call until the first is a day old."""
    for hour in range(8):
        account.history.keep(asked(f"other-{hour}", NOW - timedelta(hours=8 - hour)), NOW)
    account.tables.commit(TABLE, 3)
    outcome = account.one()
    assert outcome.state == "waiting"
    assert "8 refreshes in 24 hours are used up; the next is possible at 2026-11-19 13:00 UTC" in outcome.message
    assert account.stub.calls == []
    account.clock.move_to(NOW + timedelta(hours=16))
    assert account.one().state == "completed"


def test_a_quota_used_up_by_others_is_waited_out(account: Account) -> None:
    """LimitExceeded is reported, not counted, and retried an hour later."""
    account.tables.commit(TABLE, 3)
    account.stub.quota = 0
    outcome = account.one()
    assert outcome.state == "waiting"
    assert "LimitExceededException" in outcome.message and "retried in 1:00:00" in outcome.message
    assert account.history.left(8, NOW) == 8
    assert account.refresh() == []
    account.stub.quota = 8
    account.clock.move_to(NOW + timedelta(minutes=61))
    assert account.one().state == "completed"


def test_throttling_is_retried_a_few_times(account: Account) -> None:
    account.tables.commit(TABLE, 3)
    account.stub.failing = ["ThrottlingException", "InternalFailureException"]
    assert account.one().state == "completed"


def test_endless_throttling_ends_and_is_retried_later(account: Account) -> None:
    """The number of calls never exceeds the retry limit."""
    account.tables.commit(TABLE, 3)
    account.stub.always = "ThrottlingException"
    outcome = account.one()
    assert outcome.state == "waiting"
    assert len(account.stub.calls) == TRIES
    account.stub.always = ""
    account.clock.move_to(NOW + timedelta(minutes=16))
    assert account.one().state == "completed"


@pytest.mark.parametrize(
    ("code", "step"),
    [
        ("ResourceNotFoundException", "correct STEAM_QUICKSIGHT_DATASETS"),
        ("AccessDeniedException", "allow the writer's role quicksight:CreateIngestion"),
        ("InvalidParameterValueException", "imports into SPICE"),
    ],
)
def test_a_configuration_error_states_the_next_step(account: Account, code: str, step: str) -> None:
    """It is reported as a failure and is not retried at once."""
    account.tables.commit(TABLE, 3)
    account.stub.always = code
    outcome = account.one()
    assert outcome.state == "failed"
    assert code in outcome.message and step in outcome.message
    assert account.refresh() == []


def test_a_table_that_is_not_in_glue_is_named(account: Account) -> None:
    assert committed_versions(account.settings, CleanReader(account.settings)) == ([], [TABLE])
    account.tables.commit(TABLE, 1)
    versions, missing = committed_versions(account.settings, CleanReader(account.settings))
    assert [version.table for version in versions] == [TABLE]
    assert missing == []
    with pytest.raises(QuickSightNotSetUp, match="again: news has no data set or no data yet; there are most_played"):
        QuickSightRefresh(account.settings, account.clock).refresh(versions, again=["news"])
    assert account.stub.calls == []


def test_settings_that_cannot_work_are_refused_with_the_setting_to_correct() -> None:
    named = {TABLE: DATA_SET}
    with pytest.raises(QuickSightNotSetUp, match="set STEAM_QUICKSIGHT_ACCOUNT_ID"):
        check_setup(Settings(quicksight_datasets=named))
    with pytest.raises(QuickSightNotSetUp, match="STEAM_ICEBERG_CATALOG=glue"):
        check_setup(Settings(quicksight_datasets=named, quicksight_account_id=ACCOUNT))
    twice = {TABLE: DATA_SET, "news": DATA_SET}
    with pytest.raises(QuickSightNotSetUp, match="charts-0001 for two tables"):
        check_setup(Settings(quicksight_datasets=twice, quicksight_account_id=ACCOUNT, iceberg_catalog="glue"))


def asked(dataset_id: str, at: datetime) -> Asked:
    return Asked(
        table="news", dataset_id=dataset_id, ingestion_id="news-1", snapshot_id=1, attempt=1, rows=1, asked_at=at,
        status="completed",
    )  # fmt: skip
