"""Import of the old pipeline's files from a folder into raw partitions: dates, counts, marks and repeated imports."""

from __future__ import annotations

import csv
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from steam_assets.ingestion.history.importing import ImportLine, NoFolder, import_folder
from steam_assets.kafka.envelope import Envelope
from steam_assets.lake.backup import back_up, verify
from steam_assets.lake.housekeeping import Housekeeping
from steam_assets.lake.lake import Lake
from steam_assets.ledger.records import Cleared, RawRecord
from steam_assets.settings import Settings
from steam_assets.sources import SOURCES, monthly_visits, source_named
from steam_assets.sources.json_body import LAST_SECOND

NOW = datetime(2026, 11, 18, 21, tzinfo=UTC)
SELLERS = "Rank,Game Name,Free to Play\n1,Steam Deck,0\n2,Remnant II,0\n"
IDS = "App ID\n1675200\n1282100\n"
ENVELOPE_FIELDS = [name for name in Envelope.model_fields if name != "schema_version"]
PLAYERS = "Rank,Game Name,Free to Play,Current Players,Peek Today,Collection Date\n"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(Settings(home=tmp_path / "home"))


def folder_of(tmp_path: Path, files: dict[str, str | bytes]) -> Path:
    folder = tmp_path / "old"
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def old_news(*dates: object, app: object = 730) -> str:
    items = [{"gid": str(n), "title": "t", "date": date} for n, date in enumerate(dates)]
    return json.dumps({"appnews": {"appid": app, "newsitems": items, "count": 1481}}, indent=4)


def envelopes(lake: Lake, source: str, key: str) -> list[Envelope]:
    """The envelopes of a raw partition as stored in its table."""
    raw = lake.raw(source_named(source))
    record, rows = raw.record(RawRecord, key), raw.arrow([key], tuple(ENVELOPE_FIELDS))
    assert record is not None and rows is not None, (source, key)
    assert rows.num_rows == record.content.rows
    maps = ("headers", "items")
    return [
        Envelope.model_validate({name: dict(value) if name in maps else value for name, value in row.items()})
        for row in rows.to_pylist()
    ]


def partitions(lines: Sequence[ImportLine]) -> set[tuple[str | None, str | None]]:
    return {(line.source, line.partition_key) for line in lines if line.partition_key}


@pytest.mark.parametrize(
    ("day", "week"),
    [
        ("2023-10-27", "2023-10-17"),  # a Friday
        ("2023-09-24", "2023-09-12"),  # a Sunday
        ("2023-10-24", "2023-10-17"),  # a Tuesday: the week just ended
        ("2023-10-23", "2023-10-10"),  # the day before: that week has not ended yet
        ("2024-01-01", "2023-12-19"),  # across the end of a year
    ],
)
def test_a_chart_named_by_its_day_of_collection_belongs_to_the_week_before(
    lake: Lake, tmp_path: Path, day: str, week: str
) -> None:
    """The old collector requested the last complete week, not the week of the day it ran."""
    folder = folder_of(tmp_path, {f"{day}_weekly_top_sellers.csv": SELLERS})
    assert partitions(import_folder(lake, folder, NOW)) == {("top_sellers", week)}


def test_a_chart_named_by_its_week_belongs_to_that_week(lake: Lake, tmp_path: Path) -> None:
    """The oldest layout names a chart by its week's Tuesday; any other day is rejected."""
    header = "Rank,Game Name,Free to Play,App ID,Collection Date\n"
    folder = folder_of(
        tmp_path,
        {
            "2023-07-25_weekly_top_sellers.csv": f"{header}1,Remnant II,0,1282100,2023-07-25\n",
            "2023-07-26_weekly_top_sellers.csv": f"{header}1,Remnant II,0,1282100,2023-07-26\n",
        },
    )
    taken, refused = import_folder(lake, folder, NOW)
    assert (taken.partition_key, taken.rows, taken.usable) == ("2023-07-25", 1, 1)
    assert refused.partition_key is None
    assert "Tuesday" in next(iter(refused.left_out))


def test_app_ids_are_taken_by_place_only_if_every_rank_has_one(lake: Lake, tmp_path: Path) -> None:
    """A missing line in a file of IDs would shift all later ones, so then no ID is used."""
    folder = folder_of(
        tmp_path,
        {
            "a/2023-10-27_weekly_top_sellers.csv": SELLERS,
            "a/2023-10-27_weekly_top_sellers_appIds.csv": IDS,
            "b/2023-09-24_weekly_top_sellers.csv": SELLERS,
            "b/2023-09-24_weekly_top_sellers_appIds.csv": "App ID\n1675200\n",
            "c/2023-09-24_weekly_top_sellers_appIds.csv": IDS,
        },
    )
    whole, short, alone = import_folder(lake, folder, NOW)
    assert (whole.usable, short.usable, short.rows) == (2, 0, 2)
    assert "app id" in next(iter(short.left_out))
    assert "chart" in next(iter(alone.left_out))
    (envelope,) = envelopes(lake, "top_sellers", "2023-10-17")
    ranks = json.loads(envelope.body)["response"]["ranks"]
    assert [(rank["rank"], rank["appid"]) for rank in ranks] == [(1, 1675200), (2, 1282100)]
    (envelope,) = envelopes(lake, "top_sellers", "2023-09-12")
    assert all("appid" not in rank for rank in json.loads(envelope.body)["response"]["ranks"])


def test_an_article_belongs_to_the_week_in_which_it_was_published(lake: Lake, tmp_path: Path) -> None:
    """An old news file covers several weeks; each article counts in one of them, or in none without a week."""
    friday = int(datetime(2023, 9, 22, tzinfo=UTC).timestamp())
    dates = [friday, friday - 7 * 86400, friday - 7 * 86400, int(datetime(2022, 12, 30, tzinfo=UTC).timestamp())]
    folder = folder_of(tmp_path, {"2023-09-24_news_0.json": old_news(*dates)})
    lines = import_folder(lake, folder, NOW)
    assert {line.partition_key: line.rows for line in lines} == {None: 1, "2023-09-12": 2, "2023-09-19": 1}
    (envelope,) = envelopes(lake, "news", "2023-09-12")
    assert envelope.items == {"news": 2}
    assert envelope.body.encode() == (folder / "2023-09-24_news_0.json").read_bytes()
    assert envelope.fetched_at == datetime(2023, 9, 24, tzinfo=UTC)


def test_a_file_named_too_early_was_not_fetched_before_its_newest_article(lake: Lake, tmp_path: Path) -> None:
    """The oldest layout names news by the chart's week, although it was collected days later."""
    published = datetime(2023, 8, 5, 9, tzinfo=UTC)
    folder = folder_of(tmp_path, {"2023-07-25_news_730.json": old_news(int(published.timestamp()))})
    import_folder(lake, folder, NOW)
    (envelope,) = envelopes(lake, "news", "2023-08-01")
    assert envelope.fetched_at == published


def test_a_wrong_date_does_not_make_the_rest_of_a_file_newer_than_live_responses(lake: Lake, tmp_path: Path) -> None:
    """A date in the future, in the file or in its name, is reported and not imported."""
    published = datetime(2023, 10, 24, tzinfo=UTC)
    today = NOW + timedelta(hours=1)
    visits = {"2023-08-01": 5, "2033-08-01": 6}
    folder = folder_of(
        tmp_path,
        {
            "2023-10-27_news_730.json": old_news(int(published.timestamp()), 2000000000),
            "2023-10-27_news_570.json": old_news(int(today.timestamp()), app=570),
            "2023-09-24_monthly_visitor_data.json": json.dumps(
                {"SiteName": "store.steampowered.com", "EstimatedMonthlyVisits": visits}
            ),
            "2033-10-27_news_440.json": old_news(int(published.timestamp()), app=440),
            "9999-12-31_MostPlayed.csv": PLAYERS + "1,A,1,5,6,9999-12-31\n",
        },
    )
    lines = import_folder(lake, folder, NOW)
    assert all(line.left_out for line in lines if not line.partition_key)
    assert partitions(lines) == {
        ("news", "2023-10-24"),
        ("news", "2026-11-17"),
        ("monthly_visits", "2023-08-01"),
    }
    (page,) = envelopes(lake, "news", "2023-10-24")
    assert page.fetched_at == datetime(2023, 10, 27, tzinfo=UTC)
    (page,) = envelopes(lake, "news", "2026-11-17")
    assert page.fetched_at == NOW
    (page,) = envelopes(lake, "monthly_visits", "2023-08-01")
    assert page.fetched_at == datetime(2023, 9, 24, tzinfo=UTC)


UNPRIVILEGED = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from steam_assets.ingestion.history.importing import import_folder
from steam_assets.lake.lake import Lake
from steam_assets.settings import Settings
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
lake = Lake(Settings(home=Path("/nonexistent")))
for line in import_folder(lake, Path(sys.argv[1]), datetime(2026, 11, 18, tzinfo=UTC), dry_run=True):
    print(line.file, *line.left_out)
"""


@pytest.mark.parametrize("mode", [0o000, 0o444], ids=["not to be listed", "not to be entered"])
def test_what_this_user_may_not_read_is_reported(mode: int) -> None:
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        closed = folder_of(Path(made), {"closed/2023-10-27_weekly_top_sellers.csv": SELLERS}) / "closed"
        (closed.parent / "2023-10-27_news_730.json").write_text(old_news(1695302016))
        (closed.parent / "2023-10-27_news_730.json").chmod(0o000)
        closed.chmod(mode)
        try:
            asked = [sys.executable, "-c", UNPRIVILEGED, str(closed.parent)]
            told = subprocess.run(asked, capture_output=True, text=True, check=True, cwd="/").stdout.splitlines()
        finally:
            closed.chmod(0o755)
    why = "this user has no permission to read it"
    inside = "closed" if mode == 0 else "closed/2023-10-27_weekly_top_sellers.csv"
    assert told == [f"2023-10-27_news_730.json {why}", f"{inside} {why}"]


def test_importing_again_changes_no_byte(lake: Lake, tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path,
        {
            "2023-10-27_weekly_top_sellers.csv": SELLERS,
            "2023-10-27_weekly_top_sellers_appIds.csv": IDS,
            "2023-08-05_MostPlayed.csv": PLAYERS + '1,Dota 2,1,"1,072,116","1,174,119",2023-08-05\n',
            "2023-09-24_weekly_reviews.csv": "App ID,Review,Voted Up\n730,q,pos\n730,odd\n",
            "2023-09-24_news_0.json": old_news(1695302016),
        },
    )
    first = import_folder(lake, folder, NOW)
    root = lake.settings.home / "raw"
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in root.rglob("*") if path.is_file()}
    second = import_folder(lake, folder, NOW)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in root.rglob("*") if path.is_file()} == before
    assert [line.there for line in first if line.partition_key] == [False] * 4
    assert [line.there for line in second if line.partition_key] == [True] * 4


def test_partitions_deleted_by_housekeeping_are_not_imported_again(lake: Lake, tmp_path: Path) -> None:
    """Housekeeping clears old partitions first; they are in the backup, and a restore brings them back."""
    folder = folder_of(tmp_path, {"2023-10-27_weekly_top_sellers.csv": SELLERS})
    import_folder(lake, folder, NOW)
    sellers, key = source_named("top_sellers"), "2023-10-17"
    twins = lake.raw_twins(sellers)
    back_up(twins, [key], NOW)
    Housekeeping(lake, [sellers], NOW).apply()
    assert twins.primary.record(Cleared, key) is not None
    (line,) = import_folder(lake, folder, NOW)
    assert line.there
    assert lake.raw(sellers).record(RawRecord, key) is None
    assert not lake.raw(sellers).partition_rows()


def test_a_dry_run_reports_the_same_and_writes_nothing(lake: Lake, tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path, {"2023-10-27_weekly_top_sellers.csv": SELLERS, "2023-09-24_news_0.json": "{}", "x.log": "?"}
    )
    told = import_folder(lake, folder, NOW, dry_run=True)
    assert not lake.settings.home.exists()
    assert import_folder(lake, folder, NOW) == told


def test_missing_fields_of_a_file_are_reported_and_its_bytes_are_kept(lake: Lake, tmp_path: Path) -> None:
    """No file or row disappears: each is raw, or reported with a reason and quarantined."""
    files: dict[str, str | bytes] = {
        "2023-09-24_MostPlayed_Consumed.csv": PLAYERS + "1,A,1,5,6,2023-09-24\n2,B,1,5\n",
        "2023-09-25_MostPlayed_Consumed.csv": PLAYERS + "1,A,1,5,6,2023-09-24\n",
        "2023-09-26_MostPlayed_Consumed.csv": b"Rank,\xff\xfe\n",
        "2023-09-27_MostPlayed_Consumed.csv": "",
        "2023-13-01_MostPlayed_Consumed.csv": PLAYERS,
        "2023-09-24_weekly_reviews.csv": "id,text\n1,x\n",
        "2023-07-25_730.txt": "   App ID Review\n0 730 nice",
        "2023-09-24_news_0.json": old_news(1695302016, app="?"),
        "2023-09-24_news_1.json": old_news(None, 1695302016),
        "2023-09-24_news_2.json": "<html>",
        "2023-09-24_news_3.json": old_news(1695302016, LAST_SECOND),
        "9999-12-31_MostPlayed.csv": SELLERS,
        "0001-01-01_weekly_top_sellers.csv": SELLERS,
        "2023-09-24_monthly_visitor_data.json": json.dumps({"SiteName": "example.org"}),
        "2031-09-24_weekly_reviews.csv": "App ID,Review,Voted Up\n730,q,pos\n",
        "spark_modified_news.csv": "contents_0\n",
    }
    folder = folder_of(tmp_path, files)
    lines = import_folder(lake, folder, NOW)
    assert {line.file for line in lines} == set(files)
    assert partitions(lines) == {("most_played", "2023-09-24")}
    assert all(line.left_out for line in lines)
    assert all(line.rows == line.usable + sum(line.left_out.values()) for line in lines)
    kept = [lake.set_aside(source).arrow(columns=("sha256",)) for source in SOURCES]
    quarantined = {digest for rows in kept if rows is not None for digest in rows["sha256"].to_pylist()}
    left = ("13-01", "-09-27_", "09-24_MostPlayed")
    ours = [name for name in files if name[:4] == "2023" and not any(part in name for part in left)]
    assert len(quarantined) == len(ours)
    (chart,) = envelopes(lake, "most_played", "2023-09-24")
    assert json.loads(chart.body)["response"]["ranks"][1:] == ["2,B,1,5"], "cleaning quarantines it"


@pytest.mark.parametrize(
    ("rows", "usable", "left_out"),
    [
        (["1,A,0,10", "2,B,_,0,20", "3,C,0,30"], 2, "rows with another number of columns"),
        (["1,A,0,10", "x,B,0,20", "3,C,0,30"], 3, None),
        (["1,A,0,10", "2,B,0,", "3,C,0,30"], 2, "no app id in the file"),
        (["1,A,0,10", "3,C,0,30"], 0, "rank 2 is missing"),
        (["1,A,0,10", "2,B,0,10", "3,C,0,30"], 0, "app 10 has two ranks in it"),
        (["1,A,0,10", "999999999999999999,C,0,30"], 0, "rank 2, 3, 4, 5, 6 is missing"),
    ],
    ids=["a broken row", "an odd rank", "no app id", "a gap", "an app twice", "a huge rank"],
)
def test_a_chart_that_cleaning_would_refuse_is_not_imported(
    lake: Lake, tmp_path: Path, rows: list[str], usable: int, left_out: str | None
) -> None:
    """Each broken row is an item that cleaning quarantines, so that the rank it leaves out is explained."""
    text = "Rank,Game Name,Free to Play,App ID,Collection Date\n" + "".join(f"{row},2023-07-25\n" for row in rows)
    (line,) = import_folder(lake, folder_of(tmp_path, {"2023-07-25_weekly_top_sellers.csv": text}), NOW)
    assert line.usable == usable
    assert bool(line.partition_key) == bool(usable)
    assert not line.partition_key or line.rows == len(rows)
    assert (left_out or "") in "".join(line.left_out) and bool(left_out) == bool(line.left_out)


def test_a_link_out_of_the_folder_is_not_followed(lake: Lake, tmp_path: Path) -> None:
    outside = tmp_path / "2023-10-27_weekly_top_sellers.csv"
    outside.write_text(SELLERS)
    folder = folder_of(tmp_path, {"x.txt": "x"})
    (folder / outside.name).symlink_to(outside)
    linked, _ = import_folder(lake, folder, NOW)
    assert linked.file == outside.name
    assert linked.partition_key is None and linked.left_out == {"a symbolic link, and links are not followed": 0}


def test_entries_other_than_regular_files_are_named_and_left_out(lake: Lake, tmp_path: Path) -> None:
    """Reading a pipe without a writer would block for ever."""
    folder = folder_of(tmp_path, {"2023-10-27_weekly_top_sellers.csv/inside.txt": "x"})
    os.mkfifo(folder / "2023-10-28_weekly_top_sellers.csv")
    os.mkfifo(os.fsencode(folder) + b"/caf\xe9.json")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "s.csv"))
        lines = import_folder(lake, folder, NOW)
    assert {line.file for line in lines if line.left_out == {"not a regular file": 0}} == {
        "2023-10-28_weekly_top_sellers.csv",
        "caf\N{REPLACEMENT CHARACTER}.json",
        "s.csv",
    }
    assert {line.partition_key for line in lines} == {None}


def test_a_missing_folder_is_reported(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(NoFolder, match="is not a folder"):
        import_folder(lake, tmp_path / "none", NOW)


@pytest.mark.nightly
def test_recorded_files_reconcile_to_the_row_and_to_the_byte(lake: Lake, tmp_path: Path, recorded: Path) -> None:
    """Rows of all recorded old files are counted in full, each under its own period, and every byte is kept."""
    old = [path for path in recorded.glob("*/seed*/*") if path.is_file()]
    folder = folder_of(tmp_path, {str(path.relative_to(recorded)): path.read_bytes() for path in old})
    lines = import_folder(lake, folder, NOW)
    rows: Counter[str] = Counter()
    for line in lines:
        rows[line.file] += line.rows
    for path in old:
        if not path.name.endswith("_appIds.csv"):
            assert rows[str(path.relative_to(recorded))] == _rows_in(path), path.name

    kept: set[str] = set()
    for source in SOURCES:
        records = lake.raw(source).records(RawRecord)
        assert verify(lake.raw(source), records.values()) == []
        for key in records:
            found = envelopes(lake, source.name, key)
            kept |= {envelope.sha256 for envelope in found}
            for envelope in found:
                assert envelope.provenance.startswith("import:")
                assert envelope.fetched_at < NOW
                kept |= {
                    file["sha256"] for file in json.loads(envelope.body).get("imported_files", []) if "text" in file
                }
    for path in old:
        assert _sha256(path) in kept, path.name


def _rows_in(path: Path) -> int:
    if path.suffix == ".csv":
        return len(list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))) - 1
    content = json.loads(path.read_bytes())
    if "appnews" in content:
        return len(content["appnews"]["newsitems"])
    months = [datetime.fromisoformat(month).replace(tzinfo=UTC) for month in content["EstimatedMonthlyVisits"]]
    windows = [monthly_visits.SOURCE.cadence.containing(month + timedelta(days=1)) for month in months]
    return sum(sum(monthly_visits.parse(window, path.read_bytes()).values()) for window in windows)


def _sha256(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()
