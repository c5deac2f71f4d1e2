"""Data contracts are valid by the standard and match the declarations."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema.validators import validator_for
from open_data_contract_standard.model import OpenDataContractStandard
from small_lake import DECLARED
from typer.testing import CliRunner

from steam_assets.cli import app
from steam_assets.publication.contracts import SUFFIX
from steam_assets_tests.conftest import REPOSITORY

LOCK = REPOSITORY / "datacontract.lock"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command's output, without a lake and with a retention of 40 days."""
    where = tmp_path_factory.mktemp("contracts") / "new" / "contracts"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEAM_HOUSEKEEPING_KEEP_DAYS", "40")
        patch.setenv("STEAM_HOME", str(where.parent / "no lake"))
        result = CliRunner().invoke(app, ["contracts", str(where)], catch_exceptions=False)
    assert result.exit_code == 0 and not (where.parent / "no lake").exists()
    return where


def read(folder: Path, name: str) -> dict[str, Any]:
    return yaml.safe_load((folder / f"{name}{SUFFIX}").read_text("utf-8"))


def test_each_table_has_a_valid_contract(folder: Path) -> None:
    """Validated by the standard's own schema, version 3.2."""
    assert {path.name.removesuffix(SUFFIX) for path in folder.iterdir()} == DECLARED.keys()
    schema = json.loads(OpenDataContractStandard.json_schema())
    standard = validator_for(schema)(schema)
    for name in DECLARED:
        document = read(folder, name)
        assert [error.message for error in standard.iter_errors(document)] == []
        assert (document["apiVersion"], document["kind"]) == ("v3.2.0", "DataContract")


def test_every_column_has_its_type_unit_and_place_in_the_key(folder: Path) -> None:
    for name, table in DECLARED.items():
        (declared,) = read(folder, name)["schema"]
        properties = {one["name"]: one for one in declared["properties"]}
        assert list(properties) == [column.name for column in table.columns]
        keyed = sorted((one["primaryKeyPosition"], one["name"]) for one in properties.values() if one.get("primaryKey"))
        assert tuple(key for _, key in keyed) == table.key
        for column in table.columns:
            one = properties[column.name]
            assert (one["physicalType"], one["required"]) == (column.type, not column.nullable)
            units = [custom["value"] for custom in one.get("customProperties", ()) if custom["property"] == "unit"]
            assert units == ([column.unit] if column.unit else [])
            assert not column.bounds or tuple(one["logicalTypeOptions"].values()) == column.bounds


def test_every_rule_becomes_a_check_for_rows_that_break_it(folder: Path) -> None:
    for name, table in DECLARED.items():
        (declared,) = read(folder, name)["schema"]
        checks = {one["name"]: one for one in declared["quality"]}
        assert checks.keys() == {"key_is_unique", *table.rules}
        assert checks["key_is_unique"]["arguments"] == {"properties": list(table.key)}
        for rule, condition in table.rules.items():
            assert f"not ({condition})" in checks[rule]["query"] and checks[rule]["mustBe"] == 0


def test_freshness_retention_and_terms_are_those_of_the_source(folder: Path) -> None:
    for name, table in DECLARED.items():
        document = read(folder, name)
        agreed = {one["property"]: one for one in document["slaProperties"]}
        late = max(source.due_after for source in table.origins)
        assert agreed["latency"]["value"] * 3600 == late.total_seconds()
        assert ("frequency" in agreed) == (table.cadence is not None)
        assert agreed["retention"]["value"] == ("unlimited" if table.is_insight else 40)
        terms = {one["url"] for one in document["description"]["authoritativeDefinitions"]}
        assert terms == {host.terms for source in table.origins for host in source.hosts}


def test_columns_about_people_are_confidential(folder: Path) -> None:
    (declared,) = read(folder, "reviews")["schema"]
    classes = {one["name"]: one["classification"] for one in declared["properties"]}
    assert (classes["author_key"], classes["text"], classes["voted_up"]) == ("confidential", "restricted", "public")


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.nightly
def test_datacontract_cli_reports_no_problem(folder: Path, tmp_path: Path) -> None:
    """It runs in a separate environment because it needs an older Typer than the product (docs/decisions)."""
    uv, environment = Path(sys.executable).parent / "uv", tmp_path / "environment"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, environment], check=True)
    python = environment / "bin" / "python"
    install = [uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "--no-deps", "-r", LOCK]
    installed = subprocess.run(install, capture_output=True, text=True, check=False)
    if installed.returncode:
        pytest.skip(f"datacontract-cli cannot be installed here: {installed.stderr[-300:]}")
    linted = subprocess.run([python, "-c", LINT, *folder.iterdir()], capture_output=True, text=True, check=False)
    assert linted.stdout.split() == ["passed"] * len(DECLARED), linted.stdout + linted.stderr[-2000:]


LINT = """
import sys
from datacontract.data_contract import DataContract
for path in sys.argv[1:]:
    print(DataContract(data_contract_file=path).lint().result.value)
"""
