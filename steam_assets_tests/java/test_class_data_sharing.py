"""A JVM uses the archive written by an earlier one, and never an incomplete archive."""

from __future__ import annotations

import shlex
from pathlib import Path

import psutil
import pytest

from steam_assets.java.class_data_sharing import NoArchive, archive_options, recorded
from steam_assets.java.jars import cache_folder
from steam_assets.kafka.embedded_broker import EmbeddedBroker, archive_kafka
from steam_assets.loopback import free_port
from steam_assets.settings import Settings
from steam_assets.spark.session import spark_archive, spark_config
from steam_assets.spark.warm_spark import started_with


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's cache with jars and without an archive."""
    jars = cache_folder()
    made = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(made))
    cache_folder().parent.mkdir(parents=True)
    cache_folder().symlink_to(jars)
    return made


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.nightly
def test_a_broker_uses_the_archive_that_was_made(cache: Path, tmp_path: Path) -> None:
    archive = archive_kafka(tmp_path)
    written = archive.stat().st_mtime_ns
    with EmbeddedBroker(tmp_path / "broker", free_port()) as broker:
        assert broker.pid is not None
        assert str(archive) in {part.path for part in psutil.Process(broker.pid).memory_maps()}
    assert archive_kafka(tmp_path).stat().st_mtime_ns == written
    assert list(archive.parent.iterdir()) == [archive]


def test_spark_gets_its_archive_as_an_option(cache: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert "SharedArchiveFile" not in spark_config(settings)["spark.driver.extraJavaOptions"]
    spark_archive(settings).parent.mkdir()
    spark_archive(settings).touch()
    options = shlex.split(spark_config(settings)["spark.driver.extraJavaOptions"])
    assert f"-XX:SharedArchiveFile={spark_archive(settings)}" in options


def test_a_kept_spark_is_used_after_its_archive_was_made(cache: Path, tmp_path: Path) -> None:
    """`dev` makes it in the background, while a Spark that was started without it already runs."""
    settings = Settings(home=tmp_path)
    before = started_with(settings)
    spark_archive(settings).parent.mkdir()
    spark_archive(settings).touch()
    assert started_with(settings) == before
    assert started_with(settings.model_copy(update={"spark_driver_memory": "600m"})) != before


def test_an_archive_belongs_to_certain_jars(cache: Path, tmp_path: Path) -> None:
    """After a jar was updated, the old archive is not used."""
    jar = tmp_path / "one.jar"
    jar.write_bytes(b"first")
    folder = spark_archive(Settings(home=tmp_path)).parent
    folder.mkdir()
    with recorded(folder / "program-0.jsa") as option:
        Path(option.partition("=")[2]).touch()
    assert archive_options("program", [jar]) == []


def test_a_jvm_that_wrote_nothing_is_an_error(cache: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archives" / "some.jsa"
    with pytest.raises(NoArchive), recorded(archive):
        pass
    assert list(archive.parent.iterdir()) == []
