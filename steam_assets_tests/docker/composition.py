"""The files of docker/ as compose and the image read them.

Belongs here: reading, merging and interpolating them. Does not belong here: assertions, starting services.

``compose-spec.json`` beside this file is the Compose Specification's own schema from compose-go 2.16.2 (Apache-2.0).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
DOCKER = REPOSITORY / "docker"
SCHEMA = Path(__file__).with_name("compose-spec.json")
FILES = sorted(path.name for path in DOCKER.glob("compose*.yaml"))
COMBINATIONS = [
    ("compose.yaml",),
    ("compose.yaml", "compose.s3.yaml"),
    ("compose.yaml", "compose.cluster.yaml"),
    ("compose.yaml", "compose.s3.yaml", "compose.cluster.yaml"),
    ("compose.yaml", "compose.aws.yaml"),
]
VARIABLE = re.compile(r"\$\{(?P<name>[A-Z0-9_]+)(?::(?P<kind>[-?])(?P<word>[^}]*))?\}")


def load(name: str) -> dict[str, Any]:
    return yaml.safe_load((DOCKER / name).read_text(encoding="utf-8"))


def merged(*names: str) -> dict[str, dict[str, Any]]:
    """The services of several files; later files override earlier ones, as compose merges mappings."""
    services: dict[str, dict[str, Any]] = {}
    for name in names:
        for service, changes in load(name)["services"].items():
            services[service] = _over(services.get(service, {}), changes)
    return services


def _over(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in changes.items():
        below = result.get(key)
        result[key] = _over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def interpolate(value: str, variables: Mapping[str, str]) -> str:
    """Replace ``${NAME}``, ``${NAME:-word}`` and ``${NAME:?word}``; KeyError if a required one is missing."""

    def chosen(found: re.Match[str]) -> str:
        given = variables.get(found["name"], "")
        if given or found["kind"] == "-":
            return given or found["word"]
        raise KeyError(found["name"])

    return VARIABLE.sub(chosen, value)


def environment(service: Mapping[str, Any], variables: Mapping[str, str]) -> dict[str, str]:
    return {name: interpolate(str(value), variables) for name, value in service.get("environment", {}).items()}


def mebibytes(limit: str) -> int:
    size, unit = int(limit[:-1]), limit[-1]
    return {"m": size, "g": size * 1024}[unit]


def dockerfile() -> list[tuple[str, str]]:
    """The Dockerfile's instructions as name and argument, without comments and line breaks."""
    lines = [
        line
        for line in (DOCKER / "Dockerfile").read_text(encoding="utf-8").splitlines()
        if not line.lstrip().startswith("#")
    ]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def image_environment() -> dict[str, str]:
    """The variables set by the last stage's ENV instructions."""
    settings: dict[str, str] = {}
    for name, argument in dockerfile():
        if name == "FROM":
            settings = dict(settings) if argument.startswith("base") else {}
        if name == "ENV":
            settings |= dict(pair.split("=", 1) for pair in shlex.split(argument))
    return settings
