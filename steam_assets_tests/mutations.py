"""Break the code for a case and check that its test fails: ``python -m steam_assets_tests.mutations [CASE ...]``.

Belongs here: which code change breaks which case. Does not belong here: the cases (docs/reference).
"""

from __future__ import annotations

import os
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
        "if abs(self.now - one.seen) < GIVEN_UP_AFTER",
        "if self.now - one.seen < GIVEN_UP_AFTER",
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
        "        unchanged = digests == copy.files if copy else as_written(digests, recorded.sha256s)\n",
        "        unchanged = True if copy else as_written(digests, recorded.sha256s)\n",
        "lake/test_backup.py::test_any_flipped_bit_of_a_backup_is_named_and_of_a_primary_any_that_changes_what_is_read",
    ),
    Mutation(
        "N1",
        "steam_assets/orchestration/same_origin.py",
        "    if origin is not None and not _is_own(origin, host):\n",
        "    if False:\n",
        "orchestration/test_same_origin.py::test_requests_that_another_site_may_have_sent_are_refused_in_one_line",
    ),
    Mutation(
        "N1",
        "steam_assets/orchestration/same_origin.py",
        "        if not _names(host, self._hosts, scope):\n",
        "        if False:\n",
        "orchestration/test_same_origin.py::test_requests_that_another_site_may_have_sent_are_refused_in_one_line",
    ),
    Mutation(
        "N1",
        "steam_assets/orchestration/same_origin.py",
        '    if sent.get("content-type", "").partition(";")[0].strip().lower() != "application/json":\n',
        "    if False:\n",
        "orchestration/test_same_origin.py::test_requests_that_another_site_may_have_sent_are_refused_in_one_line",
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
    Mutation(
        "A1",
        "steam_assets/extraction/limits.py",
        "            self._open_until = max(self._open_until, monotonic() + pause)\n",
        "",
        "extraction/test_http_client_limits.py::test_after_a_refusal_every_request_to_the_host_waits",
    ),
    Mutation(
        "A1",
        "steam_assets/extraction/limits.py",
        "    return min(max((moment - sent).total_seconds(), 0.0), LONGEST_SECONDS)\n",
        "    return None\n",
        "extraction/test_http_client_limits.py::test_retry_after_is_honoured_in_both_forms",
    ),
    Mutation(
        "A3",
        "steam_assets/extraction/http_client.py",
        "        return state.attempt_number >= tries or",
        "        return state.attempt_number > tries or",
        "extraction/test_http_client.py::test_a_permanent_server_error_ends_after_the_stated_attempts_with_its_evidence",
    ),
    Mutation(
        "A8",
        "steam_assets/sources/json_body.py",
        "    if not response:\n",
        "    if False:\n",
        "sources/test_json_body.py::test_a_refused_service_call_is_not_an_empty_response",
    ),
    Mutation(
        "A14",
        "steam_assets/sources/json_body.py",
        "            parse_constant=_refuse_constant,\n",
        "",
        "sources/test_json_body.py::test_an_invalid_response_is_refused_with_what_was_received",
    ),
    Mutation(
        "A14",
        "steam_assets/sources/json_body.py",
        "    if len(value) != len(pairs):\n",
        "    if False:\n",
        "sources/test_json_body.py::test_an_invalid_response_is_refused_with_what_was_received",
    ),
    Mutation(
        "A17",
        "steam_assets/extraction/transport.py",
        "    def get_redirect_target(self, resp: requests.Response) -> None:\n",
        "    def followed_nowhere(self, resp: requests.Response) -> None:\n",
        "extraction/test_http_client.py::test_a_redirect_is_never_followed_and_its_body_is_capped",
    ),
    Mutation(
        "A20",
        "steam_assets/ingestion/landing.py",
        "        if fetched > self.now + CLOCKS_DIFFER:\n",
        "        if False:\n",
        "ingestion/test_untrusted_envelopes.py::test_a_response_from_the_future_is_refused_with_the_command_that_excludes_it",
    ),
    Mutation(
        "B9",
        "steam_assets/kafka/consumer.py",
        "        if reader.cluster_id != receipt.cluster_id:\n",
        "        if False:\n",
        "kafka/test_batches.py::test_a_receipt_of_another_cluster_is_reported_as_loss",
    ),
    Mutation(
        "B11",
        "steam_assets/kafka/consumer.py",
        "    return headers.batch_id, headers.source, headers.partition_key\n",
        '    return headers.batch_id, "", ""\n',
        "ingestion/test_wrong_keys.py::test_one_batch_id_for_two_partitions_is_two_batches",
    ),
    Mutation(
        "C8",
        "steam_assets/lake/raw_tables.py",
        "            if held.content != batch.content:\n",
        "            if False:\n",
        "lake/test_landing.py::test_a_batch_with_the_same_id_and_other_content_is_refused",
    ),
    Mutation(
        "D1",
        "steam_assets/lake/housekeeping.py",
        "            elif not covers(held[key], record):\n",
        "            elif False:\n",
        "lake/test_housekeeping.py::test_a_dry_run_lists_what_and_why_and_changes_no_byte",
    ),
    Mutation(
        "D1",
        "steam_assets/lake/housekeeping.py",
        "                problems += verify(twins.primary, [records[key]])\n",
        "",
        "lake/test_housekeeping.py::test_changed_rows_are_refused",
    ),
    Mutation(
        "D2",
        "steam_assets/lake/housekeeping.py",
        '                problems = [f"the backup: {p}" for p in verify(twins.backup, [held[key]])]\n',
        "                problems = []\n",
        "lake/test_housekeeping.py::test_a_damaged_partition_is_kept_in_both_copies_and_its_neighbour_is_deleted",
    ),
    Mutation(
        "D2",
        "steam_assets/lake/parquet_files.py",
        'hashlib.file_digest(stream, "sha256")',
        "hashlib.sha256(stream.read(1000))",
        "soak/test_flipped_bytes.py::test_each_flipped_byte_of_a_backup_is_named",
    ),
    Mutation(
        "D4",
        "steam_assets/lake/iceberg_table.py",
        "        if (current and current.snapshot_id) != seen:\n",
        "        if False:\n",
        "lake/test_housekeeping.py::test_a_commit_between_the_check_and_the_delete_keeps_its_rows",
    ),
    Mutation(
        "D6",
        "steam_assets/lake/roots.py",
        "        if first.startswith(second) or second.startswith(first):\n",
        "        if False:\n",
        "lake/test_roots.py::test_equal_and_nested_roots_are_refused",
    ),
    Mutation(
        "D8",
        "steam_assets/lake/backup.py",
        "            if replaced and not overwrite:\n",
        "            if False:\n",
        "lake/test_backup.py::test_a_restore_overwrites_another_cleaning_only_on_request",
    ),
    Mutation(
        "E1",
        "steam_assets/extraction/spool.py",
        'not re.fullmatch(r"[a-z][a-z0-9_]*", source)',
        "False",
        "extraction/test_spool.py::test_names_never_become_other_paths",
    ),
    Mutation(
        "E2",
        "steam_assets/visuals/exports/csv_files.py",
        "[=+\\-@'\\x{FF1D}",
        "[+\\-@'\\x{FF1D}",
        "visuals/test_export_csv.py::test_no_text_begins_as_a_formula",
    ),
    Mutation(
        "E3",
        "steam_assets/visuals/dashboard/page.py",
        'ord("<"): "\\\\u003c", ',
        "",
        "visuals/test_dashboard.py::test_texts_cannot_leave_the_data_element",
    ),
    Mutation(
        "E7",
        "steam_assets/commands/terminal.py",
        "            visible(text),\n",
        "            text,\n",
        "commands/test_terminal.py::test_terminal_control_characters_are_replaced",
    ),
    Mutation(
        "N4",
        "steam_assets/orchestration/sensors.py",
        "        self.warned.update(map(str, self.scan.damaged))\n",
        "",
        "orchestration/test_topic_sensor_bad_records.py::test_a_damaged_record_causes_one_alert_and_the_other_batches_land",
    ),
    Mutation(
        "N9",
        "steam_assets/sqlite_files.py",
        "    if not _REPORTED.search(failure):\n",
        "    if True:\n",
        "faults/test_unusable_storage.py::test_a_run_that_dagster_cannot_record_names_the_file_and_leaves_a_whole_partition_or_none",
    ),
    Mutation(
        "N10",
        "steam_assets/lake/iceberg_table.py",
        "        if less := next((task.file for task in tasks if task.delete_files), None):\n",
        "        if less := None:\n",
        "lake/test_rows_deleted_elsewhere.py::test_they_are_named_in_a_primary_and_restored",
    ),
    Mutation(
        "N10",
        "steam_assets/lake/parquet_files.py",
        "    if len({*names}) < len(names):\n",
        "    if False:\n",
        "lake/test_read_back.py::test_a_file_that_another_program_added_again_is_named_and_restored",
    ),
    Mutation(
        "N10",
        "steam_assets/lake/backup.py",
        "        found = table.stored([key])[key].content\n",
        "        found = Content()\n",
        "lake/test_read_back.py::test_files_rewritten_by_another_program_are_intact_if_their_rows_are",
    ),
    Mutation(
        "N10",
        "steam_assets/lake/iceberg_table.py",
        "            if names := self.displaced(table):\n",
        "            if names := list[str]():\n",
        "lake/test_changed_columns.py::test_readers_find_the_values_again_in_the_same_files",
    ),
    Mutation(
        "N10",
        "steam_assets/lake/backup.py",
        "        if held and (names := table.displaced(held)):\n",
        "        if held and (names := list[str]()):\n",
        "lake/test_changed_columns.py::test_readers_find_the_values_again_in_the_same_files",
    ),
    Mutation(
        "N11",
        "steam_assets/lake/parquet_files.py",
        "        if found.content != hashed.content:\n",
        "        if False:\n",
        "lake/test_read_back.py::test_what_a_worn_disk_changed_is_not_committed",
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
        # Processes that the test starts in other folders must import the copy, too.
        environment = os.environ | {"PYTHONPATH": str(copy)}
        return subprocess.run(command, cwd=copy, capture_output=True, env=environment).returncode == 0


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
