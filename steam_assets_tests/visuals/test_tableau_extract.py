"""The Tableau extract, opened and queried with Hyper."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from market_year import HOSTILE, row
from tableau_tables import ask, made, year_tables

from steam_assets.visuals.tableau.extract import Rows, rows_of, tables_of, write_extract


@pytest.fixture(scope="module")
def extract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("tableau") / "steam_market.hyper"
    write_extract({name: rows_of(table) for name, table in year_tables().items()}, where)
    return where


@pytest.mark.slow
def test_all_tables_have_all_their_rows(extract: Path) -> None:
    tables = year_tables()
    counts = " union all ".join(f"""select '{name}' as name, count(*) as n from "{name}" """ for name in tables)
    assert {one["name"]: one["n"] for one in ask(extract, counts)} == {
        name: rows.num_rows for name, rows in tables.items()
    }


@pytest.mark.slow
def test_tables_are_related_by_app(extract: Path) -> None:
    """Every app ID in a table exists in ``apps``, and the key joins two tables."""
    sql = (
        'select a."name", max(p."players_peak") as peak, count(distinct m."week_start") as weeks from "apps" a '
        'join "most_played" p using ("app_id") join "insight_top_seller_moves" m using ("app_id") '
        'where a."app_id" = 400 group by 1'
    )
    (found,) = ask(extract, sql)
    assert found["name"] == HOSTILE[0] and found["peak"] > 0 and found["weeks"] == 4
    for name in ("most_played", "insight_news_markers", "reviews"):
        sql = f'select count(*) as n from "{name}" where "app_id" not in (select "app_id" from "apps")'
        assert ask(extract, sql) == [{"n": 0}]


def test_hostile_texts_and_types_are_read_back_unchanged(tmp_path: Path) -> None:
    """Hostile texts, nulls, UTC timestamps, lists (as text) and integers above 32 bits round-trip."""
    where = tmp_path / "types.hyper"
    at = datetime(2026, 11, 10, 9, 30, tzinfo=UTC)
    rows = [
        row(
            week_start=date(2026, 11, 10), app_id=2**33 + n, gid=str(n), title=text, published_at=at,
            tags=["patchnotes", "a, b"], is_primary=True, partition_key="2026-11-10", changes=[],
        )
        for n, text in enumerate(HOSTILE)
    ]  # fmt: skip
    write_extract({"news": made("news", *rows)}, where)
    found = ask(where, 'select * from "news" order by "app_id"')
    assert [one["title"] for one in found] == list(HOSTILE)
    assert {one["published_at"] for one in found} == {at}
    assert found[0]["tags"] == "patchnotes, a, b" and found[0]["changes"] == "" and found[0]["url"] is None
    assert found[-1]["app_id"] == 2**33 + len(HOSTILE) - 1


def test_unsigned_numbers_are_written_as_signed_ones(tmp_path: Path) -> None:
    """Hyper has no unsigned type; a value that does not fit fails rather than overflows."""
    table = pa.table({"n": pa.array([0, 2**63 - 1], pa.uint64())})
    write_extract({"counts": rows_of(table)}, tmp_path / "n.hyper")
    assert ask(tmp_path / "n.hyper", 'select sum("n") as n from "counts"')[0]["n"] == 2**63 - 1
    with pytest.raises(pa.ArrowInvalid, match="not in range"):
        write_extract({"counts": rows_of(pa.table({"n": pa.array([2**64 - 1], pa.uint64())}))}, tmp_path / "n.hyper")


def test_lists_of_large_texts_and_of_numbers_become_texts(tmp_path: Path) -> None:
    """Iceberg's reader returns large lists and strings; numbers in a list become text, too."""
    tags = pa.array([["a", "b"], [], None], pa.large_list(pa.large_string()))
    ids = pa.array([[22, -1], None, []], pa.large_list(pa.int32()))
    write_extract({"tagged": rows_of(pa.table({"n": [1, 2, 3], "tags": tags, "ids": ids}))}, tmp_path / "l.hyper")
    found = ask(tmp_path / "l.hyper", 'select "tags", "ids" from "tagged" order by "n"')
    assert [(one["tags"], one["ids"]) for one in found] == [("a, b", "22, -1"), ("", None), (None, "")]


def test_an_invalid_name_does_not_reach_sql(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a valid table name"):
        write_extract({'x"; drop table "apps': rows_of(pa.table({"n": [1]}))}, tmp_path / "a.hyper")


def test_a_column_without_a_type_is_named(tmp_path: Path) -> None:
    table = pa.table({"pair": pa.array([{"a": 1}])})
    with pytest.raises(TypeError, match=r"odd\.pair is a struct"):
        write_extract({"odd": rows_of(table)}, tmp_path / "odd.hyper")


@pytest.mark.slow
def test_the_calendar_has_every_day_with_its_week_and_month(extract: Path) -> None:
    """It runs without gaps from the first period of any table to the last; weeks start on a Tuesday."""
    rows = ask(extract, 'select * from "calendar" order by "day"')
    days = [one["day"] for one in rows]
    assert days == [days[0] + timedelta(days=number) for number in range(len(days))]
    for one in rows:
        assert one["week_start"].weekday() == 1 and 0 <= (one["day"] - one["week_start"]).days < 7
        assert one["month"] == one["day"].replace(day=1)
    periods = [
        period
        for name, period in {"most_played": "day", "reviews": "week_start", "visits": "month"}.items()
        for period in year_tables()[name][period].to_pylist()
        if period is not None
    ]
    assert (days[0], days[-1]) == (min(periods), max(periods))


@pytest.mark.slow
def test_the_extract_contains_the_meanings(extract: Path) -> None:
    (told,) = ask(extract, 'select * from "about_tables" where "table_name" = \'insight_update_effect\'')
    assert "Net effect" in told["method"] and told["error"]
    sql = 'select "unit" from "about_columns" where "table_name" = \'most_played\' and "column_name" = \'players_peak\''
    assert ask(extract, sql) == [{"unit": "players"}]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    """The file is replaced atomically: a write that fails half-way leaves no temporary file."""
    where = tmp_path / "market.hyper"
    write_extract({"visits": made("visits", row(month=date(2026, 10, 1), visits=7, kind="estimate"))}, where)

    schema = pa.schema([("n", pa.int64())])

    def broken(columns: Any) -> pa.RecordBatchReader:
        def batches() -> Iterator[pa.RecordBatch]:
            yield pa.record_batch([pa.array([1])], schema=schema)
            raise OSError("the lake went away")

        return pa.RecordBatchReader.from_batches(schema, batches())

    with pytest.raises(OSError, match="lake went away"):
        write_extract({"visits": Rows(schema, broken)}, where)
    assert ask(where, 'select "visits" from "visits"') == [{"visits": 7}]
    assert sorted(path.name for path in tmp_path.iterdir() if "hyperd" not in path.name) == ["market.hyper"]


def test_the_log_does_not_land_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "out"
    write_extract({"visits": made("visits", row(month=date(2026, 10, 1), visits=7, kind="estimate"))}, out / "a.hyper")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [path.name for path in out.iterdir()] == ["a.hyper"]


def test_reserved_table_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="apps"):
        write_extract({"apps": rows_of(pa.table({"n": [1]}))}, tmp_path / "a.hyper")


def test_an_empty_lake_has_no_tables(tmp_path: Path) -> None:
    from steam_assets.lake.clean_reader import CleanReader
    from steam_assets.settings import Settings

    assert tables_of(CleanReader(Settings(home=tmp_path))) == {}
