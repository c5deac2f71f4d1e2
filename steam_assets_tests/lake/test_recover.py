"""The lake recovers from the loss of any one part, as docs/how-to/recover.md describes."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable

import pytest
from clean_partitions import SOURCE, THINGS, clean, raw_and_clean
from raw_landing import KEY, LATER, NEWS, NOW, land

from steam_assets.commands.lost_services import Services
from steam_assets.lake.backup import back_up, verify_twins
from steam_assets.lake.catalog_rebuild import rebuild_catalog
from steam_assets.lake.catalogs import sqlite_file
from steam_assets.lake.lake import Lake
from steam_assets.lake.loss_drill import NotRecovered, all_in, lose_by_turns
from steam_assets.lake.restore import Restorer, drill
from steam_assets.lake.roots import ROOT_NAMES
from steam_assets.ledger.records import RawRecord
from steam_assets.settings import RootName
from steam_assets.spark.reviewer_key import kept_key, reviewer_key
from steam_assets_tests.conftest import REPOSITORY
from steam_assets_tests.nightly import rest_nightly
from steam_assets_tests.prepared_lakes import Prepared

KEYS = (KEY, LATER)
PAGE = REPOSITORY / "docs" / "how-to" / "recover.md"


@pytest.fixture
def filled(prepared: Prepared) -> Lake:
    return prepared(two_weeks)


def two_weeks(lake: Lake) -> None:
    """Two partitions, raw and clean, with backups."""
    for number, key in enumerate(KEYS, start=1):
        land(lake, number=number, key=key)
        clean(lake, {1: "one", 2: None}, key=key)
    for twins in raw_and_clean(lake):
        assert back_up(twins, KEYS, NOW)[1] == []
    reviewer_key(lake.settings)


def of_root(name: RootName) -> Callable[[Lake], None]:
    return lambda lake: shutil.rmtree(lake.settings.root(name))


def of_catalogs(lake: Lake) -> None:
    for name in ROOT_NAMES:
        sqlite_file(lake.settings, name).unlink()


def of_folder(name: str) -> Callable[[Lake], None]:
    def lose(lake: Lake) -> None:
        folder = lake.settings.home / name
        folder.mkdir(exist_ok=True)
        shutil.rmtree(folder)

    return lose


def of_key(lake: Lake) -> None:
    """Lose the key; its owner keeps a copy."""
    kept = kept_key(lake.settings)
    kept.replace(kept.with_name("copy"))


def rebuild(lake: Lake) -> None:
    for name in ROOT_NAMES:
        assert rebuild_catalog(lake.settings, name)


def restore_all(lake: Lake) -> None:
    restored = [*Restorer.in_place(lake).restore(SOURCE, KEYS)]
    assert [one.problems for one in restored] == [()] * len(KEYS)


def back_up_again(lake: Lake) -> None:
    for twins in raw_and_clean(lake):
        assert back_up(twins, KEYS, NOW)[1] == []


def copy_key_back(lake: Lake) -> None:
    kept = kept_key(lake.settings)
    kept.with_name("copy").replace(kept)


def nothing(_lake: Lake) -> None:
    """Do nothing: the part is recreated or is not needed."""


LOSSES: dict[str, tuple[Callable[[Lake], None], Callable[[Lake], None]]] = {
    "the catalog of a root": (of_catalogs, rebuild),
    "the raw root": (of_root("raw"), restore_all),
    "the clean root": (of_root("clean"), restore_all),
    "the backup of raw": (of_root("raw-backup"), back_up_again),
    "the backup of clean data": (of_root("clean-backup"), back_up_again),
    "Kafka's log": (of_folder("kafka"), nothing),
    "the folder of Dagster's storage (DAGSTER_HOME)": (of_folder("dagster"), nothing),
    "the reviewers' key": (of_key, copy_key_back),
}


def held(lake: Lake) -> list[object]:
    """What readers and the ledger have: rows by content, and records."""
    raw, things = lake.raw(NEWS), lake.clean(THINGS)
    records = [raw.record(RawRecord, key) for key in KEYS]
    contents = [{key: one.content for key, one in table.stored(KEYS).items()} for table in (raw, things)]
    return [*contents, records, kept_key(lake.settings).read_text()]


@pytest.mark.parametrize("lost", rest_nightly(LOSSES, kept=4))
def test_losses_are_recovered_as_the_page_says(filled: Lake, lost: str) -> None:
    before = held(filled)
    lose, recover = LOSSES[lost]
    lose(filled)
    recover(Lake(filled.settings))
    after = Lake(filled.settings)
    assert held(after) == before
    assert [problem for twins in raw_and_clean(after) for key in KEYS for problem in verify_twins(twins, key)] == []


def test_the_page_has_each_loss() -> None:
    table = re.search(r"(^\|.*\n)+", PAGE.read_text(), re.MULTILINE)
    assert table is not None
    head, *losses = re.findall(r"^\| ([^|]+?) \|", table[0], re.MULTILINE)
    assert (head, losses) == ("lost", [*LOSSES])


def test_a_drill_restores_without_the_primaries(filled: Lake) -> None:
    """The monthly drill succeeds without either primary."""
    for name in ("raw", "clean"):
        shutil.rmtree(filled.settings.root(name))
    results = [*drill(Lake(filled.settings), [SOURCE], filled.settings.home / "drill")]
    assert [(one.partition_key, one.problems) for one in results] == [(key, ()) for key in KEYS]


@pytest.mark.process
@pytest.mark.nightly
def test_a_drill_of_losses_recovers_a_service_of_the_copy_by_the_next_command(filled: Lake) -> None:
    folder = filled.settings.home / "drill"
    assert [one.problems for one in drill(filled, [SOURCE], folder)] == [()] * len(KEYS)
    turns = Services(all_in(filled.settings, folder), folder, SOURCE, KEY).turns()
    assert [*turns] == [lost for lost in OF_THE_MACHINE if lost != "the reviewers' key"]
    named = OF_THE_MACHINE[1]
    *_, turn = lose_by_turns(filled, [SOURCE], folder, NOW, {named: turns[named]})
    assert (turn.lost, turn.problems) == (named, ())
    assert (folder / "home" / "dagster" / "history" / "runs.db").exists()


OF_THE_MACHINE = ("Kafka's log", "the folder of Dagster's storage (DAGSTER_HOME)", "the reviewers' key")
"""What a copy of the lake alone does not have."""


def test_a_drill_of_losses_recovers_each_part_of_the_copy_and_leaves_the_lake_alone(filled: Lake) -> None:
    before, folder = held(filled), filled.settings.home / "drill"
    assert [one.problems for one in drill(filled, [SOURCE], folder)] == [()] * len(KEYS)
    turns = [*lose_by_turns(filled, [SOURCE], folder, NOW)]
    assert [turn.lost for turn in turns] == [lost for lost in LOSSES if lost not in OF_THE_MACHINE]
    assert [turn.problems for turn in turns] == [()] * len(turns)
    assert held(filled) == before


def test_a_drill_of_losses_names_what_is_not_recovered(filled: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here restoring brings nothing back."""
    folder = filled.settings.home / "drill"
    assert [*drill(filled, [SOURCE], folder)]
    monkeypatch.setattr(Restorer, "restore", lambda *_: iter(()))

    def fail() -> None:
        raise NotRecovered("nobody is there")

    more = {"a service": (lambda: None, fail)}
    named = {turn.lost: turn.problems for turn in lose_by_turns(filled, [SOURCE], folder, NOW, more)}
    assert named["the catalog of a root"] == ()
    assert "a service: nobody is there" in named["a service"]
    assert any(KEY in problem for problem in named["the raw root"])
