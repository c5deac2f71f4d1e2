"""Guarantees of the compose files: valid, pinned, within 4 GiB, only known settings, no secrets."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import pytest
import yaml
from composition import (
    COMBINATIONS,
    DOCKER,
    FILES,
    REPOSITORY,
    SCHEMA,
    VARIABLE,
    environment,
    image_environment,
    load,
    mebibytes,
    merged,
)
from jsonschema import Draft202012Validator

from steam_assets.java.jars import JARS_DIR_VARIABLE
from steam_assets.lake.roots import check_roots
from steam_assets.settings import Settings

GIVEN = {
    "POSTGRES_PASSWORD": "given",
    "S3_ACCESS_KEY": "given",
    "S3_SECRET_KEY": "given",
    "AWS_REGION": "eu-central-1",
    "WORK_BUCKET": "given",
}
OURS = "steam-assets"
KNOWN = {f"STEAM_{name.upper()}" for name in Settings.model_fields} | {JARS_DIR_VARIABLE}
SERVICES = [(names, service) for names in COMBINATIONS for service in merged(*names)]

each_combination = pytest.mark.parametrize("names", COMBINATIONS, ids="+".join)
each_service = pytest.mark.parametrize(
    ("names", "service"), SERVICES, ids=lambda value: value if isinstance(value, str) else "+".join(value)
)


@pytest.fixture
def made(names: tuple[str, ...], service: str) -> dict[str, Any]:
    return merged(*names)[service]


@pytest.mark.parametrize("name", FILES)
def test_file_is_valid_by_the_compose_specification(name: str):
    validator = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert [error.message for error in validator.iter_errors(load(name))] == []


def test_every_overlay_is_tested_in_a_combination():
    assert {name for names in COMBINATIONS for name in names} == set(FILES)


@each_service
def test_image_is_pinned_to_a_version(made: dict[str, Any]):
    image, _, tag = made["image"].rpartition(":")
    assert image
    assert re.match(r"v?\d+\.\d+(\.\d+)?(-[a-z0-9.]+)?$", tag), tag


def test_our_image_carries_the_version_of_the_project():
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    images = {m["image"] for names in COMBINATIONS for m in merged(*names).values() if m["image"].startswith(OURS)}
    assert images == {f"{OURS}:{version}"}


@each_service
def test_every_steam_variable_is_a_setting(made: dict[str, Any]):
    ours = {name for name in made.get("environment", {}) if name.startswith("STEAM_")}
    assert ours <= KNOWN


def test_every_setting_of_the_env_file_reaches_the_code_location():
    """This holds for any setting, including the key of a new host."""
    service = merged("compose.yaml")["code-location"]
    assert service["env_file"] == [{"path": ".env", "required": False}]
    example = (DOCKER / "env.example").read_text(encoding="utf-8")
    assert {*re.findall(r"^(STEAM_\w+)=", example, re.MULTILINE)} <= KNOWN


def test_every_steam_variable_of_the_image_is_a_setting():
    assert {name for name in image_environment() if name.startswith("STEAM_")} <= KNOWN


@each_combination
def test_settings_accept_what_the_code_location_is_given(names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch):
    for name, value in (image_environment() | environment(merged(*names)["code-location"], GIVEN)).items():
        monkeypatch.setenv(name, value)
    settings = Settings(_env_file=None)  # pyright: ignore[reportCallIssue]
    check_roots(settings)
    assert settings.automation
    assert settings.kafka_address == "kafka:9092"


def test_base_fits_into_4_gib():
    limits = [mebibytes(service["mem_limit"]) for service in merged("compose.yaml").values()]
    assert sum(limits) <= 4096


@each_service
def test_every_service_has_a_limit_and_cannot_gain_privileges(made: dict[str, Any]):
    assert mebibytes(made["mem_limit"]) > 0
    assert "no-new-privileges:true" in made["security_opt"]
    assert not made.get("privileged")


@each_service
def test_every_long_running_service_has_a_health_check_and_restarts(made: dict[str, Any]):
    if made["restart"] == "no":
        assert made["healthcheck"] == {"disable": True}
    else:
        assert made["restart"] == "unless-stopped"
        assert made["healthcheck"]["test"][0] == "CMD"


@each_service
def test_a_service_waits_for_what_it_needs(names: tuple[str, ...], made: dict[str, Any]):
    services = merged(*names)
    for needed, how in made.get("depends_on", {}).items():
        lasting = services[needed]["restart"] != "no"
        assert how == {"condition": "service_healthy" if lasting else "service_completed_successfully"}


@each_service
def test_ports_are_open_only_to_this_machine(made: dict[str, Any]):
    assert all(port.startswith("127.0.0.1:") for port in made.get("ports", []))


@each_combination
def test_named_volumes_are_declared(names: tuple[str, ...]):
    declared = {volume for name in names for volume in load(name).get("volumes", {})}
    used = {mount.partition(":")[0] for service in merged(*names).values() for mount in service.get("volumes", [])}
    assert {name for name in used if not name.startswith("./")} <= declared


@each_service
def test_mounted_files_exist(made: dict[str, Any]):
    mounted = [mount.partition(":")[0] for mount in made.get("volumes", []) if mount.startswith("./")]
    assert all((DOCKER / name).is_file() for name in mounted)


def test_only_the_logs_of_the_aws_instance_differ():
    base, aws = (yaml.safe_load((DOCKER / name).read_text()) for name in ("dagster.yaml", "dagster.aws.yaml"))
    assert aws.pop("compute_logs")["class"] == "S3ComputeLogManager"
    assert aws == base


@each_service
def test_no_file_contains_a_secret(made: dict[str, Any]):
    for name, value in made.get("environment", {}).items():
        if re.search(r"PASSWORD|SECRET|_KEY|WEBHOOK", name):
            assert VARIABLE.fullmatch(value), name


def test_every_variable_to_fill_in_is_explained():
    used = {found["name"] for name in FILES for found in VARIABLE.finditer((DOCKER / name).read_text(encoding="utf-8"))}
    explained = re.findall(r"^([A-Z0-9_]+)=", (DOCKER / "env.example").read_text(encoding="utf-8"), re.MULTILINE)
    assert {name for name in explained if not name.startswith("STEAM_")} == used


def test_s3_needs_no_settings_of_spark():
    """``s3a://`` follows from the S3 settings, so the cluster's Spark configuration may override any other."""
    assert "STEAM_SPARK_CONFIG" not in load("compose.s3.yaml")["services"]["code-location"]["environment"]


def test_containers_and_checkout_serve_the_same_code_location():
    (grpc,) = [entry["grpc_server"] for entry in yaml.safe_load((DOCKER / "workspace.yaml").read_text())["load_from"]]
    (module,) = yaml.safe_load((REPOSITORY / "workspace.yaml").read_text())["load_from"]
    command = merged("compose.yaml")["code-location"]["command"]
    assert grpc["location_name"] == module["python_module"]["location_name"]
    assert command[command.index("--location-name") + 1] == grpc["location_name"]
    assert command[command.index("--module-name") + 1] == module["python_module"]["module_name"]
    assert command[command.index("--port") + 1] == str(grpc["port"])
    assert grpc["host"] in merged("compose.yaml")
