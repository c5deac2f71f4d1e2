"""Housekeeping, restore and drill over raw and clean: nothing goes that a backup does not hold, and all comes back.

One deployment serves all tests; each begins with everything in place (``kept``).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from steam_assets.embedded.broker import EmbeddedBroker
from steam_assets.embedded.simulator import Simulator
from steam_assets.lake.clean_backup import EMPTY, Content, content
from steam_assets.lake.clean_housekeeping import sweep
from steam_assets.lake.clean_tables import ChangedMeanwhile, IcebergTable, clean_table
from steam_assets.lake.freshness import freshness
from steam_assets.lake.housekeeping import Housekeeping, Line
from steam_assets.lake.lake import Lake
from steam_assets.lake.lease import LeaseHeld, lease
from steam_assets.lake.open_store import UnsafeRoot
from steam_assets.lake.restore import Restorer, WouldOverwrite, backed_up_partitions, drill
from steam_assets.lake.spark_session import CLEAN_BACKUP
from steam_assets.orchestration.launch import RunFailed, Stage
from steam_assets.sources import source_named
from steam_assets.sources.source import Source
from steam_assets_tests.deployment import NOW, Deployment, deployment_in, on_s3

pytestmark = [pytest.mark.spark, pytest.mark.kafka, pytest.mark.slow]

SELLERS, VISITS = source_named("top_sellers"), source_named("monthly_visits")
BOTH = (SELLERS, VISITS)
WEEKS, MONTH = ("2026-10-27", "2026-11-03", "2026-11-10"), "2026-09-01"
OLD, NEW = WEEKS[:2], WEEKS[2]
SINCE = datetime(2026, 11, 4, tzinfo=UTC)
"""Two of the weeks, and the month, began before it."""


@pytest.fixture(scope="module")
def filled(
    tmp_path_factory: pytest.TempPathFactory,
    spark: SparkSession,
    simulator: Simulator,
    broker: EmbeddedBroker,
    s3_server: str,
) -> Iterator[Deployment]:
    made = deployment_in(tmp_path_factory.mktemp("care"), spark, simulator, broker.address, s3_endpoint_url=s3_server)
    for key in WEEKS:
        made.run(SELLERS, key, stages=(Stage.RAW,))
    made.run_range(SELLERS, WEEKS[0], WEEKS[-1])
    made.run(VISITS, MONTH)
    yield made
    simulator.clear_now()


@pytest.fixture(scope="module")
def whole(filled: Deployment) -> dict[str, object]:
    """What the primaries hold when nothing is amiss."""
    return state(filled)


@pytest.fixture
def kept(filled: Deployment, whole: dict[str, object]) -> Deployment:
    """The deployment with all its partitions in the primaries and their true backups."""
    if state(filled) != whole:
        for result in Restorer.in_place(filled.lake, filled.session).restore(SELLERS, WEEKS, overwrite=True):
            assert result.problems == ()
        assert state(filled) == whole
    return filled


@contextmanager
def changed(deployment: Deployment, statement: str) -> Iterator[None]:
    """Somebody changes rows of the clean table or its backup by SQL; the backup is as it was afterwards."""
    primary = clean_table(deployment.session, SELLERS.tables[0])
    backup = clean_table(deployment.session, SELLERS.tables[0], CLEAN_BACKUP)
    good = backup.snapshot_id()
    deployment.session.sql(statement.format(backup=backup.identifier, primary=primary.identifier))
    try:
        yield
    finally:
        name = f"{backup.namespace}.{backup.name}"
        deployment.session.sql(f"CALL {backup.catalog}.system.set_current_snapshot('{name}', {good})")


def of(deployment: Deployment, key: str, table: IcebergTable | None = None) -> Content:
    table = table or clean_table(deployment.session, SELLERS.tables[0])
    return content(table.read([key]), [key])[key]


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock~"
    }


def state(deployment: Deployment, sources: Sequence[Source] = (SELLERS,)) -> dict[str, object]:
    """Raw files byte for byte, clean rows by digest, and the ledger's records but for the commit they name."""
    found: dict[str, object] = {
        name: digest
        for name, digest in digests(deployment.settings.home / "raw").items()
        if "_tombstones" not in name and "_leases" not in name
    }
    for source in sources:
        for table in source.tables:
            for key in deployment.lake.ledger.partitions(table.name):
                record = deployment.lake.ledger.clean(table.name, key)
                assert record is not None
                found[f"{table.name} {key}"] = record.model_dump(exclude={"snapshot_id", "committed_at"})
            rows = content(clean_table(deployment.session, table).read(), [*WEEKS, MONTH])
            found |= {f"{table.name} {key} rows": rows[key] for key in rows}
    return found


def apply(
    deployment: Deployment, since: datetime = SINCE, sources: Sequence[Source] = (SELLERS,)
) -> dict[tuple[str, str], Line]:
    lines = Housekeeping(deployment.lake, sources, since).apply(lambda: deployment.session)
    return {(line.what, line.partition_key): line for line in lines}


def test_a_dry_run_says_what_and_why_and_changes_no_byte(kept: Deployment) -> None:
    before = digests(kept.settings.home)
    lines = Housekeeping(kept.lake, BOTH, SINCE).plan()
    assert digests(kept.settings.home) == before
    told = {(line.what, line.partition_key): line for line in lines}
    tables = [f"monthly_visits/{table.name}" for table in VISITS.tables]
    assert set(told) == {
        *((what, key) for what in ("top_sellers/raw", "top_sellers/top_sellers") for key in WEEKS),
        *((what, MONTH) for what in ("monthly_visits/raw", *tables)),
    }
    assert {key for key, line in told.items() if not line.clear} == {
        ("top_sellers/raw", NEW),
        ("top_sellers/top_sellers", NEW),
    }
    assert "not older than 2026-11-04" in told["top_sellers/top_sellers", NEW].reason
    assert "read before deleting" in told["top_sellers/top_sellers", OLD[0]].reason
    raw, clean = told["top_sellers/raw", OLD[0]], told["top_sellers/top_sellers", OLD[0]]
    manifest = kept.lake.raw.manifest("top_sellers", OLD[0])
    assert manifest is not None
    assert (raw.amount, raw.unit) == (sum(file.size for file in manifest.files), "bytes")
    assert (clean.amount, clean.unit) == (of(kept, OLD[0]).rows, "rows")


def test_what_is_cleared_is_in_the_backup_and_a_catch_up_brings_it_back(kept: Deployment) -> None:
    """Old partitions go, newer stay, no backup changes, a second run has nothing to do; running the source restores."""
    before = state(kept, BOTH)
    backups = [digests(kept.settings.home / name) for name in ("raw-backup", "clean-backup")]
    done = apply(kept, sources=BOTH)
    assert all(line.clear for line in done.values()), done
    for key in OLD:
        assert kept.lake.raw.manifest("top_sellers", key) is None
        assert list((kept.settings.home / "raw" / "top_sellers" / key).glob("*.jsonl.gz")) == []
        assert of(kept, key) == EMPTY
        assert kept.lake.raw_backup.is_whole("top_sellers", key)
        status = kept.status(SELLERS, key)
        assert (status.up_to_date, status.cleared, status.settled) == (False, True, True)
    assert [k for k in WEEKS if kept.lake.ledger.clean("top_sellers", k)] == [NEW]
    assert kept.status(SELLERS, NEW).up_to_date
    assert "unfinished" not in freshness(kept.lake, SELLERS, NOW).summary
    assert [digests(kept.settings.home / name) for name in ("raw-backup", "clean-backup")] == backups
    assert apply(kept, sources=BOTH) == {}

    for key in OLD:
        kept.run(SELLERS, key, stages=(Stage.RAW,))
    kept.run_range(SELLERS, OLD[0], OLD[-1])
    kept.run(VISITS, MONTH)
    for source, keys in ((SELLERS, WEEKS), (VISITS, (MONTH,))):
        assert all(kept.status(source, key).up_to_date for key in keys)
    assert state(kept, BOTH) == before


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE {backup} SET name = 'another' WHERE rank = 1 AND partition_key = '2026-10-27'",
        "DELETE FROM {backup} WHERE rank = 2 AND partition_key = '2026-10-27'",
        "DELETE FROM {backup} WHERE partition_key = '2026-10-27'",
        "INSERT INTO {backup} SELECT * FROM {backup} WHERE rank = 3 AND partition_key = '2026-10-27'",
        "UPDATE {primary} SET name = 'another' WHERE rank = 1 AND partition_key = '2026-10-27'",
    ],
    ids=["row changed", "row gone", "all rows gone", "row twice", "primary changed since"],
)
def test_a_backup_that_is_not_equal_keeps_its_partition(kept: Deployment, damage: str) -> None:
    """One row of the clean backup differs: that partition stays and says why, its neighbour is cleared."""
    with changed(kept, damage):
        there = of(kept, OLD[0])
        done = apply(kept)
    stayed = done["top_sellers/top_sellers", OLD[0]]
    assert not stayed.clear
    assert OLD[0] in stayed.reason
    assert of(kept, OLD[0]) == there != EMPTY
    assert kept.lake.ledger.clean("top_sellers", OLD[0]) is not None
    assert done["top_sellers/top_sellers", OLD[1]].clear
    assert of(kept, OLD[1]) == EMPTY


def test_rows_written_while_they_were_looked_at_are_not_deleted(kept: Deployment) -> None:
    """Between the comparison and the delete somebody cleans the partition anew: the delete gives way."""
    table = clean_table(kept.session, SELLERS.tables[0])
    seen, before = table.snapshot_id(), of(kept, OLD[0])
    table.overwrite(kept.session.createDataFrame(table.read([OLD[0]]).collect(), table.read().schema), [OLD[0]])
    with pytest.raises(ChangedMeanwhile, match="nothing was deleted"):
        table.delete([OLD[0]], seen)
    assert of(kept, OLD[0]) == before
    table.overwrite(kept.session.createDataFrame(table.read([NEW]).collect(), table.read().schema), [NEW])
    table.delete([OLD[0]], table.snapshot_id())
    assert of(kept, OLD[0]) == EMPTY


def test_a_partition_that_lost_its_rows_is_never_backed_up(kept: Deployment) -> None:
    """A housekeeping died after the delete: its empty partition does not overwrite the backup; the next one ends it."""
    table = clean_table(kept.session, SELLERS.tables[0])
    copy = clean_table(kept.session, SELLERS.tables[0], CLEAN_BACKUP)
    saved = of(kept, OLD[0], copy)
    table.delete([OLD[0]], table.snapshot_id())
    with pytest.raises(RunFailed, match="does not hold what was cleaned"):
        kept.run(SELLERS, OLD[0], stages=(Stage.CLEAN_BACKUP,))
    assert of(kept, OLD[0], copy) == saved
    assert apply(kept)["top_sellers/top_sellers", OLD[0]].clear
    assert kept.lake.ledger.clean("top_sellers", OLD[0]) is None


def test_two_housekeepings_do_not_meet(kept: Deployment, whole: dict[str, object]) -> None:
    with lease(kept.lake.raw.store, "raw-housekeeping"), pytest.raises(LeaseHeld):
        apply(kept)
    assert state(kept) == whole
    with lease(kept.lake.raw.store, "clean-housekeeping"), pytest.raises(LeaseHeld):
        apply(kept)
    assert of(kept, OLD[0]).rows > 0


def test_roots_that_meet_or_are_not_ours_are_refused(kept: Deployment, tmp_path: Path) -> None:
    """Equal and nested roots, and a folder with somebody's files, end before anything is looked at or deleted."""
    home = kept.settings.home
    for roots in (
        {"clean_backup_root": str(home / "clean")},
        {"clean_backup_root": str(home / "clean" / "backup")},
        {"raw_root": str(home)},
        {"raw_backup_root": str(home / "raw" / "top_sellers")},
    ):
        with pytest.raises(UnsafeRoot):
            Lake(kept.settings.model_copy(update=roots))
    theirs = tmp_path / "theirs"
    (theirs / "ledger" / "top_sellers").mkdir(parents=True)
    (theirs / "ledger" / "top_sellers" / f"{OLD[0]}.json").write_text("{}")
    lake = Lake(kept.settings.model_copy(update={"clean_root": str(theirs)}))
    with pytest.raises(UnsafeRoot, match="was not made by this product"):
        Housekeeping(lake, (SELLERS,), SINCE).apply(lambda: kept.session)
    assert (theirs / "ledger" / "top_sellers" / f"{OLD[0]}.json").read_text() == "{}"


def test_snapshots_are_expired_and_orphan_files_removed_and_no_row_is(kept: Deployment) -> None:
    """The data of cleared partitions leaves the disk once its snapshots are old; what the table names stays."""
    table = clean_table(kept.session, SELLERS.tables[0])
    folder = kept.settings.home / "clean" / "warehouse" / "steam" / "top_sellers"
    stray, young = folder / "data" / "stray.parquet", folder / "data" / "young.parquet"
    for file in (stray, young):
        file.write_bytes(b"left by a dead writer")
    long_ago = (datetime.now(UTC) - timedelta(days=4)).timestamp()
    os.utime(stray, (long_ago, long_ago))
    apply(kept)
    assert len(list(folder.rglob("partition_key=2026-10-27/*.parquet"))) > 0, "an old snapshot has it still"
    # The table's ledger says nothing of the cleared partitions any more; the sweep comes by all the same.
    sweep(kept.session, SELLERS.tables[0], datetime.now(UTC) + timedelta(hours=1))
    assert list(folder.rglob("partition_key=2026-10-27/*.parquet")) == []
    assert kept.session.table(f"{table.identifier}.snapshots").count() == 1
    assert not stray.exists()
    assert young.exists(), "it may belong to a commit under way"
    assert of(kept, NEW).rows > 0
    young.unlink()


def test_a_table_without_partitions_is_still_swept(kept: Deployment) -> None:
    """When the last partition was cleared its snapshots are young; a later run has to expire them."""
    later = datetime.now(UTC) + timedelta(days=400)
    apply(kept, datetime(2026, 11, 20, tzinfo=UTC))
    assert list(kept.lake.ledger.partitions("top_sellers")) == []
    apply(kept, later)
    folder = kept.settings.home / "clean" / "warehouse" / "steam" / "top_sellers" / "data"
    assert list(folder.rglob("*.parquet")) == []


@pytest.fixture(params=["disk", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path, s3_server: str) -> str:
    """A folder, and an empty part of a bucket."""
    if request.param == "disk":
        return str(tmp_path / "elsewhere")
    return on_s3(s3_server)["raw_root"] + "/elsewhere"


def test_everything_restores_to_another_root(kept: Deployment, place: str) -> None:
    """Raw byte for byte and clean row by row, as a lake that settings can name; the primaries are not touched."""
    before = digests(kept.settings.home)
    restorer = Restorer.elsewhere(kept.lake, kept.session, place)
    for source in BOTH:
        for result in restorer.restore(source, backed_up_partitions(restorer.lake, source)):
            assert result.problems == ()
    assert digests(kept.settings.home) == before
    raw = {name: digest for name, digest in digests(kept.settings.home / "raw").items() if name.count("/") == 2}
    raw = {name: digest for name, digest in raw.items() if "/_" not in name}
    copied = restorer.target.raw.store
    assert copied.uri.endswith(f"{place}/raw")
    assert {name: hashlib.sha256(copied.read(name)).hexdigest() for name in raw} == raw
    assert f"STEAM_CLEAN_ROOT={place}/clean" in restorer.usable_as
    for source, keys in ((SELLERS, WEEKS), (VISITS, (MONTH,))):
        for table in source.tables:
            there = clean_table(kept.session, table, restorer.catalog)
            for key in keys:
                assert of(kept, key, there) == of(kept, key, clean_table(kept.session, table))
                assert restorer.target.ledger.clean(table.name, key) == kept.lake.ledger.clean(table.name, key)
    assert [r.partition_key for r in restorer.restore(SELLERS, [NEW])] == [NEW], "again changes nothing"


@pytest.mark.parametrize("place", ["", "raw", "raw/top_sellers", "clean/warehouse/x", "raw-backup/x", ".."])
def test_elsewhere_is_never_in_a_root(kept: Deployment, place: str) -> None:
    with pytest.raises(UnsafeRoot, match=r"is, holds or lies in|home folder"):
        Restorer.elsewhere(kept.lake, kept.session, str(kept.settings.home / place))


def test_restore_overwrites_other_rows_only_when_told(kept: Deployment, whole: dict[str, object]) -> None:
    table = clean_table(kept.session, SELLERS.tables[0])
    kept.session.sql(f"UPDATE {table.identifier} SET name = 'mine' WHERE rank = 1 AND partition_key = '{NEW}'")
    mine = of(kept, NEW)
    restorer = Restorer.in_place(kept.lake, kept.session)
    with pytest.raises(WouldOverwrite, match=f"top_sellers {NEW} holds .* with overwriting allowed"):
        list(restorer.restore(SELLERS, [NEW]))
    assert of(kept, NEW) == mine
    (result,) = restorer.restore(SELLERS, [NEW], overwrite=True)
    assert result.rows == {"top_sellers": of(kept, NEW).rows}
    assert state(kept) == whole


def test_a_partition_cleaned_to_nothing_is_data_and_not_overwritten(kept: Deployment) -> None:
    """No rows with a record of none were cleaned so; no rows with a record of some is what a dead housekeeping left."""
    table, ledger = clean_table(kept.session, SELLERS.tables[0]), kept.lake.ledger
    record = ledger.clean("top_sellers", NEW)
    assert record is not None
    table.delete([NEW], table.snapshot_id())
    ledger.write(record.model_copy(update={"clean": 0, "quarantined": record.clean}))
    restorer = Restorer.in_place(kept.lake, kept.session)
    with pytest.raises(WouldOverwrite, match="holds 0 rows"):
        list(restorer.restore(SELLERS, [NEW]))
    ledger.write(record)
    (result,) = restorer.restore(SELLERS, [NEW])
    assert result.rows == {"top_sellers": record.clean}


def test_a_drill_restores_all_and_names_what_does_not_come_back(kept: Deployment, tmp_path: Path) -> None:
    """Twice in one session, each in its own empty place; a changed row of the backup is found and named."""
    fine = list(drill(kept.lake, kept.session, BOTH, tmp_path / "one"))
    assert [(r.source, r.partition_key, r.problems) for r in fine] == [
        *(("top_sellers", key, ()) for key in WEEKS),
        ("monthly_visits", MONTH, ()),
    ]
    assert all(r.files and sum(r.rows.values()) for r in fine)
    with pytest.raises(ValueError, match="not empty"):
        list(drill(kept.lake, kept.session, BOTH, tmp_path / "one"))

    with changed(kept, f"UPDATE {{backup}} SET name = 'x' WHERE rank = 1 AND partition_key = '{OLD[1]}'"):
        found = list(drill(kept.lake, kept.session, (SELLERS,), tmp_path / "two"))
    assert [bool(r.problems) for r in found] == [False, True, False]
    assert OLD[1] in found[1].problems[0]
    assert kept.rows(SELLERS).where(F.col("name") == "x").count() == 0
