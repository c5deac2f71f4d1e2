"""Cleaning reviews, compared on the same input with two Spark jobs and with DuckDB.

Run: python -m benchmarks.cleaning_rate --reviews 1000000
Uses a warm session of the product's default size (driver of 1 GB).
Those that do the same work must produce the same counts.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.cleaning import Ways, warm_up
from benchmarks.measured import Bound, Comparison, print_comparisons, rounds, seconds_of, working_folder
from benchmarks.review_pages import Pages, put_in_place
from steam_assets.settings import Settings
from steam_assets.spark.session import open_session

KEY, SMALL = "2026-11-10", "2026-11-03"
WARM_REVIEWS = 20_000
OURS = "the product"
BAREST = "a Spark job that only parses and writes"
BY_HAND = "a Spark job by hand with the same result"
DUCKDB = "DuckDB with the same result"
BOUNDS = {BAREST: Bound(1.7), BY_HAND: Bound(1.2), DUCKDB: Bound(2.0)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reviews", type=int, default=1_000_000)
    parser.add_argument("--files", type=int, default=8, help="Raw files, one per Kafka partition.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--home", type=Path, help="Keep the raw partition here for the next run.")
    asked = parser.parse_args()
    pages = Pages(KEY, asked.reviews, asked.files)
    if asked.home:
        print_comparisons(measure(asked.home, pages, asked.rounds))
        return
    with working_folder("cleaning") as home:
        print_comparisons(measure(home, pages, asked.rounds))


def measure(home: Path, pages: Pages, count: int) -> list[Comparison]:
    """Clean the same pages in each way, in alternating rounds."""
    settings = Settings(home=home)
    put_in_place(settings, pages)
    put_in_place(settings, Pages(SMALL, WARM_REVIEWS, pages.files))
    spark = open_session(settings)
    ours: dict[str, int] = {}
    theirs: dict[str, int] = {}
    by_hand: dict[str, int] = {}
    try:
        warm_up(settings, spark, SMALL)
        ways = Ways(settings, spark, KEY)
        taken = rounds(
            {
                OURS: lambda: seconds_of(lambda: ours.update(ways.product())),
                BAREST: lambda: seconds_of(ways.barest),
                BY_HAND: lambda: seconds_of(lambda: by_hand.update(ways.by_hand())),
                DUCKDB: lambda: seconds_of(lambda: theirs.update(ways.duckdb())),
            },
            count,
        )
    finally:
        spark.stop()
    if not ours == theirs == by_hand:
        raise SystemExit(f"the counts differ: {ours}, DuckDB {theirs}, by hand {by_hand}")
    size = f"{pages.reviews:,}"
    mine = taken[OURS]
    return [Comparison(f"clean {size} reviews, warm", name, mine, taken[name], bound) for name, bound in BOUNDS.items()]


if __name__ == "__main__":
    main()
