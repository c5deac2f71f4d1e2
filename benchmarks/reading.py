"""What reading takes, as whole processes without a JVM: help, the status of 1,000 partitions, a year's dashboard.

Run: python -m benchmarks.reading
There is no peer for these, so each is compared with its target on two quiet cores, and the status also with that of ten
partitions, because it must hardly grow with their number.
"""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta
from functools import partial
from importlib import import_module
from pathlib import Path

from benchmarks.measured import REPOSITORY, Bound, Comparison, command, print_comparisons, rounds, working_folder
from benchmarks.whole_commands import NOW, run_process
from steam_assets_tests.commands.partition_ledger import build_ledger

PARTITIONS, FEW = 1000, 10
TARGETS = {"help": 0.6, "status": 1.0, "dashboard": 4.0}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    print_comparisons(compared(parser.parse_args().rounds))


def compared(count: int) -> list[Comparison]:
    """The comparisons of help, status and dashboard."""
    with working_folder("reading") as home:
        days = [str(NOW.date() - timedelta(days=day)) for day in range(PARTITIONS)]
        build_ledger(home / "many", NOW, days[::-1])
        build_ledger(home / "few", NOW, days[:FEW][::-1])
        lay_year(home / "year")
        words = {
            "help": (home, ["--help"]),
            "status": (home / "many", ["status"]),
            "few": (home / "few", ["status"]),
            "dashboard": (home / "year", ["dashboard"]),
        }
        # Status ends with 3 if a source was never collected, as here.
        now = {"STEAM_SIMULATED_NOW": NOW.isoformat()}
        ways = {
            name: partial(run_process, command(*line), now | {"STEAM_HOME": str(where)}, (0, 3))
            for name, (where, line) in words.items()
        }
        rounds(ways, 1)
        taken = rounds(ways, count)
    works = {
        "help": "`--help`",
        "status": f"`status` of {PARTITIONS:,} partitions",
        "dashboard": "`dashboard` of a year",
    }
    return [
        *(
            Comparison(works[name], "its target on two quiet cores", taken[name], limit, Bound(1))
            for name, limit in TARGETS.items()
        ),
        Comparison(works["status"], f"that of {FEW}", taken["status"], taken["few"], Bound(2)),
    ]


def lay_year(home: Path) -> None:
    """Create a lake with the year of clean tables and insights from the dashboard's tests."""
    sys.path.insert(0, str(REPOSITORY / "steam_assets_tests" / "visuals"))
    tables = import_module("market_year").MarketYear().data().tables
    for name, rows in tables.items():
        import_module("tables_on_disk").lay_table(home, name, rows)


if __name__ == "__main__":
    main()
