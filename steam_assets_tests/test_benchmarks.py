"""Benchmarks are fair: competitors do the work they are credited with, and each benchmark prints its table."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

import pytest
from pyspark.sql import SparkSession

from benchmarks import backup_rate, cleaning_rate, kafka_rate, suite
from benchmarks.cleaning import Ways
from benchmarks.measured import Bound, Comparison, print_comparisons, rounds, seconds_of
from benchmarks.review_pages import Pages, envelopes, put_in_place
from steam_assets.kafka.connection import ensure_topics
from steam_assets.kafka.embedded_broker import EmbeddedBroker
from steam_assets.settings import Settings
from steam_assets_tests.deployment import COMPILED, session_for

KEY = "2026-11-10"
SHORT = Bound(4.0)


def test_a_ratio_is_compared_with_its_bound() -> None:
    assert Bound(1.3).judge(1.2) == "≤ 1.3: met"
    assert Bound(1.3).judge(1.4) == "≤ 1.3: MISSED"
    assert Bound(0.8, at_least=True).judge(0.9) == "≥ 0.8: met"
    assert Bound(0.8, at_least=True).judge(0.7) == "≥ 0.8: MISSED"


def test_the_median_round_counts_and_the_order_alternates() -> None:
    """One slow round of a variant changes nothing, and no variant always goes first."""
    order: list[str] = []
    seconds = {"a": iter([1.0, 9.0, 2.0]), "b": iter([5.0, 5.0, 5.0])}

    def way(name: str) -> float:
        order.append(name)
        return next(seconds[name])

    assert rounds({"a": lambda: way("a"), "b": lambda: way("b")}, 3) == {"a": 2.0, "b": 5.0}
    assert order == ["a", "b", "b", "a", "a", "b"]


@pytest.mark.nightly
def test_peers_clean_as_the_product_does(tmp_path: Path, spark: SparkSession) -> None:
    """All agree on clean, quarantined and duplicate reviews; the pages contain all three kinds."""
    settings = Settings(home=tmp_path)
    record = put_in_place(settings, Pages(KEY, 5_000, 2))
    ways = Ways(settings, session_for(spark, settings, COMPILED), KEY)
    ours = ways.product()
    assert ours == ways.duckdb() == ways.by_hand()
    assert ours.total() == record.items["reviews"] == 5_000
    assert min(ours.values()) > 0
    ways.barest()
    assert spark.read.parquet(str(tmp_path / "barest")).count() == 5_000


def test_cleaning_takes_a_bounded_multiple_of_a_job_by_hand(
    tmp_path: Path, spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    """CI's short benchmark.

    With so few reviews most time goes to the audited commit, which the hand-written job lacks.
    """
    settings = Settings(home=tmp_path)
    put_in_place(settings, Pages(KEY, 20_000, 2))
    ways = Ways(settings, session_for(spark, settings, COMPILED), KEY)
    ours, theirs = rounds(
        {"ours": lambda: seconds_of(ways.product), "theirs": lambda: seconds_of(ways.by_hand)}, 3
    ).values()
    found = Comparison("clean 20,000 reviews", cleaning_rate.BY_HAND, ours, theirs, SHORT)
    with capsys.disabled():
        print_comparisons([found])
    assert found.ratio <= SHORT.limit


def test_backup_is_compared_with_copies_of_the_same_bytes(tmp_path: Path) -> None:
    synced, plain, verified = backup_rate.measure(tmp_path, megabytes=1, count=1)
    assert "1 MB in 4 files" in synced.work == plain.work
    assert "2 MB, original and backup" in verified.work
    assert synced.ours == plain.ours and synced.peer != plain.peer


def test_the_bare_loop_reads_back_what_it_sent(tmp_path: Path, broker: EmbeddedBroker) -> None:
    settings = Settings(
        home=tmp_path, kafka_bootstrap_servers=broker.address, kafka_topic_prefix=f"test-{uuid4().hex[:12]}"
    )
    ensure_topics(settings, kafka_rate.SOURCE)
    counts, keeps = kafka_rate.measure(settings, "pages", list(envelopes(KEY, range(20))), 1)
    assert "20 pages of" in counts.work == keeps.work and counts.peer != keeps.peer


def test_results_have_every_comparison_and_the_plot() -> None:
    """Each ratio has its target and where it was measured; growth is a chart that Markdown viewers draw."""
    steps = [Comparison(f"clean {n:,} reviews", "100", float(n), 100.0, Bound(n / 100)) for n in (100, 200)]
    kept = {name: suite.kept_of(steps) for name in ("cleaning", "steps")}
    shown = suite.report(kept)
    assert shown.count("| clean 200 reviews | 100 | 200.00 s | 100.00 s | 2.00 | ≤ 2: met |") == 2
    assert shown.count("xychart-beta") == 1 and "line [100.0, 200.0]" in shown
    assert f"pyspark {version('pyspark')}" in shown
