"""Cleaning reviews, compared with a minimal Spark job on the same input and with DuckDB doing the same work.

Run: python -m benchmarks.cleaning_rate --reviews 1000000
Uses a warm session of the product's default size (driver of 1 GB). DuckDB must produce the same counts.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.cleaning import Ways, warm_up
from benchmarks.measured import Bound, print_table, rounds, seconds_of, working_folder
from benchmarks.review_pages import Pages, put_in_place
from steam_assets.settings import Settings
from steam_assets.spark.session import open_session

KEY, SMALL = "2026-11-10", "2026-11-03"
WARM_REVIEWS = 20_000


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
        measure(asked.home, pages, asked.rounds)
        return
    with working_folder("cleaning") as home:
        measure(home, pages, asked.rounds)


def measure(home: Path, pages: Pages, count: int) -> None:
    settings = Settings(home=home)
    put_in_place(settings, pages)
    put_in_place(settings, Pages(SMALL, WARM_REVIEWS, pages.files))
    spark = open_session(settings)
    ours: dict[str, int] = {}
    theirs: dict[str, int] = {}
    try:
        warm_up(settings, spark, SMALL)
        ways = Ways(settings, spark, KEY)
        taken = rounds(
            {
                "classify + commit": lambda: seconds_of(lambda: ours.update(ways.product())),
                "minimal Spark job": lambda: seconds_of(ways.barest),
                "DuckDB": lambda: seconds_of(lambda: theirs.update(ways.duckdb())),
            },
            count,
        )
    finally:
        spark.stop()
    if ours != theirs:
        raise SystemExit(f"the counts differ: {ours}, DuckDB {theirs}")
    mine = taken["classify + commit"]
    bounds = {"minimal Spark job": Bound(1.3), "DuckDB": Bound(2.0)}
    rows = [
        [
            name,
            f"{s:.1f}",
            f"{pages.reviews / s:,.0f}",
            f"{mine / s:.2f}",
            bounds[name].judge(mine / s) if name in bounds else "",
        ]
        for name, s in taken.items()
    ]
    counts = ", ".join(f"{number} {state}" for state, number in sorted(ours.items()))
    print_table(
        f"{pages.reviews} reviews ({counts}), median of {count} rounds",
        ["variant", "seconds", "reviews/s", "our time relative to it", "target"],
        rows,
    )


if __name__ == "__main__":
    main()
