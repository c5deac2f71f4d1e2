"""How time and the driver's memory grow when ten times as many reviews are cleaned.

Run: python -m benchmarks.growth --reviews 1000000
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from benchmarks.cleaning import Ways
from benchmarks.measured import Bound, Comparison, print_comparisons, rounds, seconds_of, working_folder
from benchmarks.process_memory import java_of_this_process, peak_of, reset_peak
from benchmarks.review_pages import Pages, put_in_place
from steam_assets.settings import Settings
from steam_assets.spark.session import open_session

ONE, TEN = "2026-11-03", "2026-11-10"
BEFORE, AFTER = "the smaller, before", "the smaller, after"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reviews", type=int, default=1_000_000, help="Reviews of the smaller partition.")
    parser.add_argument("--files", type=int, default=8, help="Raw files, one per Kafka partition.")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--home", type=Path, help="Keep the raw partitions here for the next run.")
    asked = parser.parse_args()
    if asked.home:
        print_comparisons(measure(asked.home, asked.reviews, asked.files, asked.rounds))
        return
    with working_folder("growth") as home:
        print_comparisons(measure(home, asked.reviews, asked.files, asked.rounds))


def measure(home: Path, reviews: int, files: int, count: int) -> list[Comparison]:
    """Clean ``reviews`` and ten times as many in one session, in alternating rounds.

    The smaller partition is cleaned before and after the larger, which takes minutes, as the machine may change speed.
    """
    settings = Settings(home=home)
    sizes = {ONE: reviews, TEN: 10 * reviews}
    for key, size in sizes.items():
        put_in_place(settings, Pages(key, size, files))
    spark = open_session(settings)
    peaks: dict[str, tuple[float, float]] = {}

    def cleaned(key: str) -> float:
        with_peak = _Peaks(spark)
        seconds = seconds_of(Ways(settings, spark, key).product)
        peaks[key] = max(peaks.get(key, (0.0, 0.0)), with_peak.read())
        return seconds

    try:
        # An untimed first run, which loads the code and grows the heap as for the smaller partition.
        cleaned(ONE)
        taken = rounds({BEFORE: lambda: cleaned(ONE), TEN: lambda: cleaned(TEN), AFTER: lambda: cleaned(ONE)}, count)
    finally:
        spark.stop()
    smaller = (taken[BEFORE] + taken[AFTER]) / 2
    one, ten = f"{reviews:,} reviews", f"clean {10 * reviews:,} reviews"
    return [
        Comparison(ten, one, taken[TEN], smaller, Bound(10.5)),
        Comparison(f"{ten}: live heap at the end", one, peaks[TEN][0], peaks[ONE][0], Bound(1.2), "MB"),
        Comparison(f"{ten}: peak of the JVM's RSS", one, peaks[TEN][1], peaks[ONE][1], Bound(1.2), "MB"),
    ]


def steps(home: Path, sizes: Sequence[int], count: int) -> list[Comparison]:
    """Clean partitions of several sizes in alternating rounds, each compared with the smallest by number of reviews."""
    settings = Settings(home=home)
    keys = dict(zip(sizes, ("2026-10-13", "2026-10-20", "2026-10-27", ONE, TEN), strict=False))
    for size, key in keys.items():
        put_in_place(settings, Pages(key, size, 8))
    spark = open_session(settings)

    def cleaned(key: str) -> float:
        return seconds_of(Ways(settings, spark, key).product)

    try:
        cleaned(keys[sizes[-1]])
        taken = rounds({key: partial(cleaned, key) for key in keys.values()}, count)
    finally:
        spark.stop()
    first = keys[sizes[0]]
    return [
        Comparison(f"clean {size:,} reviews", f"{sizes[0]:,}", taken[key], taken[first], Bound(1.05 * size / sizes[0]))
        for size, key in keys.items()
    ]


class _Peaks:
    """The driver's memory since this was created: what remained after its last collections, and the process's peak."""

    def __init__(self, spark: SparkSession) -> None:
        self._jvm: Any = spark.sparkContext._jvm
        self._pid = java_of_this_process()
        self._jvm.java.lang.System.gc()
        reset_peak(self._pid)

    def read(self) -> tuple[float, float]:
        beans = self._jvm.java.lang.management.ManagementFactory.getMemoryPoolMXBeans()
        live = sum(bean.getCollectionUsage().getUsed() for bean in beans if bean.getCollectionUsage() is not None)
        return live / 1e6, peak_of(self._pid) / 1e6


if __name__ == "__main__":
    main()
