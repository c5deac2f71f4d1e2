"""The twenty questions of docs/tutorial/questions.md on two years of data, in one session of the query engine.

Run: python -m benchmarks.questions
The lake has 730 days of a hundred games and 104 weeks with as many reviews as the demo's, one file per partition. The
first round opens the tables; the others are what an analyst waits for. Each question checks whether its tables changed.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import median

from benchmarks.measured import seconds_of, working_folder
from steam_assets.lake.lake import Lake
from steam_assets.query.engine import Engine
from steam_assets.settings import Settings
from steam_assets_tests.query.made_up_market import Market
from steam_assets_tests.query.market_lake import fill
from steam_assets_tests.query.questions import questions

LIMIT_MS = 300
ROUNDS = 5


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reviews", type=int, default=9_400, help="Reviews per week.")
    parser.add_argument("--home", type=Path, help="Keep the lake here for the next run.")
    asked = parser.parse_args()
    market = Market(days=730, weeks=104, months=24, games=100, reviews=asked.reviews)
    if asked.home:
        measure(asked.home, market)
        return
    with working_folder("questions") as home:
        measure(home, market)


def measure(home: Path, market: Market) -> None:
    lake = Lake(Settings(home=home))
    if not lake.table_names("clean"):
        fill(lake, market.rows)
    engine = Engine(lake)
    opened = seconds_of(lambda: list(engine.warm()))
    print(f"all tables opened in {opened:.1f} s")
    taken: dict[int, list[float]] = {}
    for _ in range(ROUNDS):
        for question in questions():
            taken.setdefault(question.number, []).append(1000 * engine.ask(question.sql).seconds)
    for question in questions():
        print(f"{question.number:3}  {median(taken[question.number]):6.0f} ms  {question.text}")
    every = sorted(each for of_question in taken.values() for each in of_question)
    p95 = every[int(0.95 * len(every)) - 1]
    print(f"p95 {p95:.0f} ms of {len(every)}: ≤ {LIMIT_MS}: {'met' if p95 <= LIMIT_MS else 'MISSED'}")


if __name__ == "__main__":
    main()
