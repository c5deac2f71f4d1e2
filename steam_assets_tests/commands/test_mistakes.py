"""Mistakes in commands or settings print one line with what to type, exit with code 2, and start nothing."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from steam_assets.lake.roots import ROOT_NAMES, open_root
from steam_assets.settings import Settings

AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}
NOBODY = {**AWS, "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"}


@dataclass(frozen=True)
class Mistake:
    """A command line in a folder with ``file``, ``empty/`` and the lake ``data/demo/``; its output line has ``says``.

    ``TAKEN`` is replaced by a port in use, ``S3`` by the address of an S3 server.
    """

    line: str
    says: str
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return " ".join(
            [*(f"{name}={value}" for name, value in self.variables.items() if name[:3] != "AWS"), self.line]
        )


MISTAKES = [
    # Dates and ranges.
    Mistake("run most_played --from 2030-01-01", "type"),
    Mistake("run most_played --from 2026-02-30", "write YYYY-MM-DD"),
    Mistake("run daily --to 2026-11-01", "type --from 2026-11-01 --to 2026-11-01"),
    Mistake("run weekly --from 2026-11-10 --to 2026-11-03", "type --from 2026-11-03 --to 2026-11-10"),
    Mistake("run weekly --from 2026-11-18", "type --from 2026-11-10", {"STEAM_SIMULATED_NOW": "2026-11-18T21:00Z"}),
    Mistake("run monthly_visits --from 2026-11", "in the current month", {"STEAM_SIMULATED_NOW": "2026-11-18T21:00Z"}),
    Mistake("show raw reviews 2026-13-01 --home data/demo", "write YYYY-MM-DD"),
    Mistake("trace reviews --partition 2026-11-11 --home data/demo", "2026-11-10"),
    Mistake("show raw most_played 9999-12-31 --home data/demo", "in the future"),
    Mistake("trace most_played --partition 9999-12-31 --home data/demo", "in the future"),
    Mistake("trace update_effect --partition 9999-12-28 --home data/demo", "in the future"),
    Mistake("trace update_effect --partition 0001-01-02 --home data/demo", "is before the first"),
    # Names.
    Mistake("run most_plaid", "did you mean most_played?"),
    Mistake("run news --stage cleen", "did you mean clean?"),
    Mistake("status --source revews", "did you mean reviews?"),
    Mistake("show raw new 2026-11-10", "did you mean news?"),
    Mistake("export --table reviewz --home data/demo", "did you mean reviews?"),
    Mistake("trace market_dey --partition 2026-11-10 --home data/demo", "did you mean market_day?"),
    Mistake("catalog rebuild --root cleen", "did you mean clean?"),
    Mistake("statu", "Did you mean 'status'?"),
    Mistake("tuor", "Did you mean 'tour'"),
    Mistake("show row reviews 2026-11-10", "Did you mean 'raw'?"),
    Mistake("run daily,weekly", "did you mean weekly?"),
    # Numbers.
    Mistake("dev --port 99999", "65535"),
    Mistake("dev --port 0", "greater than or equal to 1"),
    Mistake("dev --port TAKEN", "is in use; type --port "),
    Mistake("simulate --port TAKEN", "is in use; type --port "),
    Mistake("dev --host nowhere.invalid", "type --host 127.0.0.1"),
    Mistake("run news --apps -5", "as 730,570"),
    Mistake("run news --apps 730,4294967296", "as 730,570"),
    Mistake("housekeeping --keep-days -1", "greater than or equal to 1"),
    Mistake("housekeeping --keep-days 9999999", "36500"),
    Mistake("housekeeping", "less than or equal to 36500", {"STEAM_HOUSEKEEPING_KEEP_DAYS": "9999999"}),
    Mistake("status", "less than or equal to 36500", {"STEAM_RUN_HISTORY_DAYS": "9999999"}),
    Mistake("status", "less than or equal to 36500", {"STEAM_KAFKA_RETENTION_DAYS": "9999999"}),
    Mistake("show raw news 2026-11-10 --app 0", "greater than or equal to 1"),
    # Places.
    Mistake("dashboard --home dat/demo", "did you mean --home data/demo?"),
    Mistake("status --home data/demmo", "did you mean --home data/demo?"),
    Mistake("verify", "nothing has been collected in data yet; did you mean --home data/demo?"),
    Mistake("status --home file", "file is a file, not a folder"),
    Mistake("status --home empty", "`steam-assets run daily`"),
    Mistake("export --to file --home data/demo", "use another folder"),
    Mistake("export --home data/demo", "no table has rows in data/demo yet"),
    Mistake("release new --home data/demo", "no table has rows in data/demo yet; `steam-assets status`"),
    Mistake("release data --home data/demo", "is not empty; type another folder"),
    Mistake("release file --home data/demo", "use another folder"),
    Mistake("release new --home empty", "`steam-assets run daily`"),
    Mistake("contracts file", "use another folder"),
    Mistake("dashboard --home data/demo --out empty", "type --out empty/dashboard.html"),
    Mistake("demo --home file", "use another folder"),
    Mistake("status --home file", "file is a file, not a folder of collected data"),
    Mistake("demo --home /proc/demo", "use another folder"),
    Mistake("tour --out empty", "type --out empty/tour.html"),
    Mistake("tour --out file/page.html", "use another folder"),
    Mistake("tour --out /proc/new/page.html", "use another folder"),
    Mistake("contracts /proc/new", "use another folder"),
    Mistake("jars /proc/new", "use another folder"),
    Mistake("run daily", "use another folder", {"STEAM_HOME": "/proc/lake"}),
    Mistake("demo --replay nowhere", "nowhere is not a folder"),
    Mistake("jars file", "use another folder"),
    Mistake("import-history file", "file is not a folder"),
    Mistake("import-history empty", "expected files named like"),
    Mistake("run daily", "use another folder", {"STEAM_HOME": "file"}),
    Mistake("status", "STEAM_HOME: it is empty", {"STEAM_HOME": ""}),
    Mistake("run daily", "correct STEAM_RAW_ROOT", {"STEAM_RAW_ROOT": "gs://bucket/raw"}),
    Mistake("run daily", "correct STEAM_RAW_ROOT", {"STEAM_RAW_ROOT": "s3://"}),
    # Settings.
    Mistake("statu", "Did you mean 'status'?", {"COLUMNS": "0"}),
    Mistake("status", "did you mean STEAM_HOME?", {"STEAM_HOMEE": "data/demo"}),
    Mistake("run daily", "did you mean STEAM_KAFKA_BOOTSTRAP_SERVERS?", {"STEAM_KAFKA_BOOTSTRAP_SERVER": "kafka:9092"}),
    Mistake("run daily", "STEAM_SPARK_CONFIG: it is not JSON", {"STEAM_SPARK_CONFIG": "{x"}),
    Mistake("run daily", "65535", {"STEAM_EMBEDDED_KAFKA_PORT": "99999"}),
    Mistake("run daily", "set it to ", {"STEAM_EMBEDDED_KAFKA_PORT": "TAKEN"}),
    Mistake("run daily", "such as 2026-", {"STEAM_SIMULATED_NOW": "tomorrow"}),
    Mistake("run daily", "or type `unset STEAM_API_REQUESTS_PER_SECOND`", {"STEAM_API_REQUESTS_PER_SECOND": "-1"}),
    Mistake("run daily", "or type `unset STEAM_API_REQUESTS_PER_SECOND`", {"STEAM_API_REQUESTS_PER_SECOND": "fast"}),
    Mistake("run daily", "should match pattern", {"STEAM_COUNTRY_SELLERS_COUNTRIES": "USA"}),
    Mistake("run daily", "or type `unset STEAM_SPARK_DRIVER_MEMORY`", {"STEAM_SPARK_DRIVER_MEMORY": "lots"}),
    Mistake("run daily", "or type `unset STEAM_SPARK_MASTER`", {"STEAM_SPARK_MASTER": "yarnn"}),
    Mistake("run daily", "/nowhere.pem does not exist", {"STEAM_KAFKA_SSL_CAFILE": "/nowhere.pem"}),
    Mistake("run monthly", "nowhere does not exist", {"STEAM_SIMILARWEB_DROP_FOLDER": "nowhere"}),
    Mistake("run daily", "STEAM_API_URL: not a URL", {"STEAM_API_URL": "steam"}),
    # Services.
    Mistake("run daily", "unset STEAM_KAFKA_BOOTSTRAP_SERVERS", {"STEAM_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9"}),
    Mistake("dev", "unset STEAM_KAFKA_BOOTSTRAP_SERVERS", {"STEAM_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9"}),
    Mistake("run daily", "such as 127.0.0.1:9092", {"STEAM_KAFKA_BOOTSTRAP_SERVERS": "kafka"}),
    Mistake("run daily", "nothing responds at 127.0.0.1:9", {"STEAM_SPARK_REMOTE": "sc://127.0.0.1:9"}),
    Mistake("run daily", "write jdbc:postgresql://", {"STEAM_ICEBERG_CATALOG": "jdbc"}),
    Mistake(
        "status",
        "nothing responds at 127.0.0.1:9",
        {"STEAM_ICEBERG_CATALOG": "rest", "STEAM_ICEBERG_CATALOG_URI": "http://127.0.0.1:9"},
    ),
    Mistake("run daily", "run `aws configure`", {**NOBODY, "STEAM_RAW_ROOT": "s3://lake/raw"}),
    Mistake(
        "status",
        "there is no bucket nobodys-lake; correct STEAM_RAW_ROOT",
        {**AWS, "STEAM_RAW_ROOT": "s3://nobodys-lake/raw", "STEAM_S3_ENDPOINT_URL": "S3"},
    ),
    Mistake(
        "restore --home data/demo --yes --to s3://nobodys-lake/x",
        "there is no bucket nobodys-lake; correct --to",
        {**AWS, "STEAM_S3_ENDPOINT_URL": "S3"},
    ),
    Mistake("restore --home data/demo --yes --to s3://lake//x", "two slashes", AWS),
    Mistake("restore --home data/demo --yes --to s3:/lake/x", "neither a folder nor s3://bucket/prefix", AWS),
    Mistake("restore --home data/demo --yes --to file", "file is not a folder"),
    Mistake("status", "two slashes", {**AWS, "STEAM_RAW_ROOT": "s3://lake//raw"}),
    Mistake("status", "correct STEAM_RAW_ROOT", {**AWS, "STEAM_RAW_ROOT": "s3://no!bucket/raw"}),
    Mistake(
        "status",
        "check STEAM_S3_ENDPOINT_URL",
        {**AWS, "STEAM_RAW_ROOT": "s3://lake/raw", "STEAM_S3_ENDPOINT_URL": "http://127.0.0.1:9"},
    ),
]

FORKING = """
import gc, json, os, sys
from importlib import import_module
from steam_assets import cli
from steam_assets.commands.command_list import COMMANDS
import steam_assets.lake.lake
for command in COMMANDS.values():
    import_module(f"steam_assets.commands.{command.module}")
# A collection in a child would copy all that it shares with its parent.
gc.freeze()
answers = []
for line, variables in json.load(sys.stdin):
    with open("../said", "w+b") as said:
        child = os.fork()
        if child == 0:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            os.environ.update(variables)
            sys.argv = ["steam-assets", *line.split()]
            code = 0
            try:
                cli.main()
            except SystemExit as ended:
                code = ended.code
            sys.stdout.flush()
            sys.stderr.flush()
            # Without a shutdown of the interpreter, which takes ten times as long as the command.
            os._exit(code)
        _, status = os.waitpid(child, 0)
        said.seek(0)
        answers.append((os.waitstatus_to_exitcode(status), said.read().decode()))
print(json.dumps(answers))
"""
"""Runs each command line in a separate process that has already imported all commands."""


@dataclass(frozen=True)
class Answer:
    code: int
    said: str


@pytest.fixture(scope="module")
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file, an empty folder, and an initialized lake without data."""
    folder = tmp_path_factory.mktemp("mistakes") / "here"
    (folder / "empty").mkdir(parents=True)
    (folder / "file").touch()
    for root in ROOT_NAMES:
        open_root(Settings(home=folder / "data" / "demo"), root)
    return folder


@pytest.fixture(scope="module")
def answers(folder: Path, taken: int, s3_server: str) -> dict[str, Answer]:
    def real(text: str) -> str:
        return text.replace("TAKEN", str(taken)) if text != "S3" else s3_server

    cases: list[Any] = [
        (real(one.line), {name: real(value) for name, value in one.variables.items()}) for one in MISTAKES
    ]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STEAM_", "AWS_"))}
    done = subprocess.run(
        [sys.executable, "-c", FORKING],
        input=json.dumps(cases),
        env=kept,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    said = [Answer(*one) for one in json.loads(done.stdout)]
    return {one.name: answer for one, answer in zip(MISTAKES, said, strict=True)}


@pytest.mark.process
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda one: one.name)
def test_a_mistake_is_one_line_that_says_what_to_type(mistake: Mistake, answers: dict[str, Answer]) -> None:
    answer = answers[mistake.name]
    assert answer.code == 2, answer.said
    (line,) = answer.said.splitlines()
    assert mistake.says in line


@pytest.mark.process
def test_nothing_was_started_or_written(folder: Path, answers: dict[str, Answer]) -> None:
    assert answers
    assert sorted(found.name for found in folder.iterdir()) == ["data", "empty", "file"]
    assert [found.name for found in (folder / "data").iterdir()] == ["demo"]
    assert not list((folder / "empty").iterdir())
    assert not {"kafka", "dagster", "exports", "logs"} & {found.name for found in (folder / "data" / "demo").iterdir()}
