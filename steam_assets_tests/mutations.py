"""Break the code for a case and check that its test fails: ``python -m steam_assets_tests.mutations [CASE ...]``.

Belongs here: which code change breaks which case. Does not belong here: the cases (docs/reference).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parent.parent


class Mutation(NamedTuple):
    """A case, the file to change, the code to replace with what, and the test that must fail."""

    case: str
    file: str
    code: str
    instead: str
    test: str


MUTATIONS: Sequence[Mutation] = (
    Mutation(
        "A4",
        "steam_assets/extraction/transport.py",
        "        self._timer.start()\n",
        "",
        "extraction/test_http_client.py::test_a_trickling_response_ends_at_the_deadline",
    ),
    Mutation(
        "A16",
        "steam_assets/extraction/transport.py",
        "MAX_RATIO = 100\n",
        "MAX_RATIO = 10**9\n",
        "extraction/test_http_client.py::test_a_decompression_bomb_is_cut_off",
    ),
    Mutation(
        "B6",
        "steam_assets/ingestion/landing.py",
        "        if +Counter(found) == +Counter(envelope.items):\n",
        "        if found is not None:\n",
        "ingestion/test_untrusted_envelopes.py::test_records_whose_counts_differ_from_their_body_are_set_aside_and_the_rest_lands",
    ),
    Mutation(
        "B12",
        "steam_assets/orchestration/sensors.py",
        "if abs(self.now - seen) < GIVEN_UP_AFTER",
        "if self.now - seen < GIVEN_UP_AFTER",
        "orchestration/test_topic_sensor_bad_records.py::test_a_record_with_a_future_timestamp_delays_nothing",
    ),
    Mutation(
        "C3",
        "steam_assets/lake/files.py",
        "            Path(target).replace(address)\n",
        "            Path(address).write_bytes(Path(target).read_bytes())\n",
        "lake/test_roots.py::test_a_file_is_written_completely_or_not_at_all",
    ),
    Mutation(
        "C3",
        "steam_assets/lake/synced_files.py",
        "        sync(self._path)\n",
        "",
        "lake/test_power_loss.py::test_all_files_are_synced_before_a_commit_names_them",
    ),
    Mutation(
        "C3",
        "steam_assets/spark/clean_tables.py",
        "            table.sync(snapshot)\n",
        "",
        "lake/test_power_loss.py::test_files_written_by_spark_are_synced_before_readers_see_them",
    ),
    Mutation(
        "D2",
        "steam_assets/lake/backup.py",
        "        if copy and digests == copy.files:\n",
        "        if copy:\n",
        "lake/test_backup.py::test_any_flipped_bit_of_a_backup_is_named_and_of_a_primary_any_that_changes_what_is_read",
    ),
    Mutation(
        "N4",
        "steam_assets/kafka/topic_reader.py",
        "                if not is_damage(error):\n",
        "                if error is not None:\n",
        "kafka/test_damaged_records.py::test_damage_anywhere_in_a_batch_loses_only_that_batch",
    ),
    Mutation(
        "N5",
        "steam_assets/ingestion/drift.py",
        "    if isinstance(error, StaleResponse | NoDataForApp):\n",
        "    if error is not None:\n",
        "faults/test_drift.py::test_an_endpoint_that_changed_is_named_in_one_run",
    ),
    Mutation(
        "N5",
        "steam_assets/sources/top_sellers.py",
        "    require_prices_of(country, body)\n",
        "",
        "faults/test_drift.py::test_an_endpoint_that_changed_is_named_in_one_run",
    ),
    Mutation(
        "N5",
        "steam_assets/ingestion/languages.py",
        "    if len(others) < max(FEWEST_NAMES, RENAMED_SHARE * len(shared)):\n",
        "    if True:\n",
        "faults/test_drift.py::test_an_endpoint_that_changed_is_named_in_one_run",
    ),
)


def survives(mutation: Mutation) -> bool:
    """Whether the test passes with the broken code in a copy of the checkout and so does not cover the case."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "checkout"
        unwanted = shutil.ignore_patterns(".git", ".venv", "build", "data", "__pycache__")
        shutil.copytree(REPOSITORY, copy, ignore=unwanted)
        broken = copy / mutation.file
        broken.write_text(broken.read_text().replace(mutation.code, mutation.instead, 1))
        command = [sys.executable, "-m", "pytest", "-x", "-q", f"steam_assets_tests/{mutation.test}"]
        return subprocess.run(command, cwd=copy, capture_output=True).returncode == 0


def main(cases: Sequence[str]) -> int:
    """Try the mutations of the given cases, or all; return 1 if a test passed with broken code."""
    survived = 0
    for mutation in MUTATIONS:
        if not cases or mutation.case in cases:
            passed = survives(mutation)
            survived += passed
            print(
                f"{mutation.case}: {'PASSES with broken code' if passed else 'fails, as it must'}: {mutation.test}",
                flush=True,
            )
    return min(survived, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
