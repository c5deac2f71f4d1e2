"""Every setting of the product, read from the environment (prefix ``STEAM_``) or a ``.env`` file.

Belongs here: names, defaults and validation of settings. Does not belong here: opening anything, the settings of hosts
and sources (declared in their own files; ``Settings`` includes them).
Secrets are ``SecretStr`` and never printed. ``steam-assets doctor`` explains each value and what is wrong with it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, Self, TypeAlias, get_args

from pydantic import (
    BaseModel,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    SecretStr,
    create_model,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    AWSSecretsManagerSettingsSource,
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from steam_assets.disk_sync import sync
from steam_assets.masking import secret_parts
from steam_assets.sources import HOSTS, declared_settings
from steam_assets.sources.host import Host
from steam_assets.sources.lists import AppIds
from steam_assets.sources.source import Source
from steam_assets.writable_folders import unusable_folder

RootName: TypeAlias = Literal["raw", "raw-backup", "clean", "clean-backup"]
"""The four roots of the lake."""


class UnusableSetting(ValueError):
    """A setting has an unusable value; the message states why, and what to set instead."""


class HostSettings(NamedTuple):
    """The settings of one host. ``key`` is empty for a host without one, ``drop_folder`` None if it is not set."""

    url: str
    requests_per_second: float
    key: SecretStr = SecretStr("")
    drop_folder: Path | None = None


_FROM_SECRET = "values of the secret"  # noqa: S105 - a name

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")
"""The beginning of a URL, also with a slash too few: it must not become a folder below the current one."""


if TYPE_CHECKING:
    _Declared = BaseSettings
else:
    _Declared = create_model("_Declared", __base__=BaseSettings, **declared_settings())


class Settings(_Declared):
    """Settings of one deployment, including those declared by hosts and sources. The defaults suit a laptop."""

    model_config = SettingsConfigDict(
        env_prefix="STEAM_", env_file=".env", extra="ignore", frozen=True, str_strip_whitespace=True
    )

    home: Path = Field(default=Path("data"), description="Folder for all data on this machine.")

    raw_root: str = Field(
        default="", description="Location of raw data: a folder or s3://bucket/prefix. Default: HOME/raw."
    )
    raw_backup_root: str = Field(default="", description="Backup of raw data. Default: HOME/raw-backup.")
    clean_root: str = Field(default="", description="Iceberg warehouse of the clean tables. Default: HOME/clean.")
    clean_backup_root: str = Field(
        default="", description="Iceberg warehouse of the clean backup. Default: HOME/clean-backup."
    )

    kafka_bootstrap_servers: str = Field(
        default="", description="host:port[,host:port]. Empty: the embedded broker on this machine."
    )
    kafka_topic_prefix: str = Field(
        default="steam", pattern=r"^[A-Za-z0-9_-]+$", description="Prefix of all topic names, one per deployment."
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="Kafka security protocol; SASL_SSL on MSK with SCRAM."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="SASL mechanism, if the protocol is SASL_PLAINTEXT or SASL_SSL."
    )
    kafka_sasl_username: str = Field(default="", description="Kafka user name.")
    kafka_sasl_password: SecretStr = Field(default=SecretStr(""), description="Kafka password.")
    kafka_ssl_cafile: Path | None = Field(
        default=None, description="PEM file of the CA that signed Kafka's certificate. Default: the system's CAs."
    )
    kafka_topic_partitions: int = Field(default=3, ge=1, description="Partitions of each topic the product creates.")
    kafka_replication_factor: int = Field(
        default=1, ge=1, description="Replication factor of each topic the product creates."
    )
    kafka_min_insync_replicas: int = Field(
        default=1, ge=1, description="min.insync.replicas of each topic the product creates."
    )
    kafka_retention_days: int = Field(
        default=30, ge=1, le=36_500, description="Retention of each topic the product creates, in days."
    )
    embedded_kafka_port: int = Field(
        default=19092, ge=1024, le=65535, description="Port of the embedded broker on 127.0.0.1."
    )
    embedded_kafka_heap_mb: int = Field(
        default=384, ge=128, description="Maximum heap of the embedded broker's JVM, in MiB."
    )

    apps: AppIds = Field(
        default=(), description="App ids, comma-separated, that per-app sources fetch instead of those on the charts."
    )
    watchlist: AppIds = Field(
        default=(), description="App ids, comma-separated, that are fetched whether a chart lists them or not."
    )

    spark_master: str = Field(
        default="local[*]",
        pattern=r"^(local(\[.+\])?|local-cluster\[.+\]|yarn|(spark|k8s)://.+)$",
        description="Where Spark runs: local[*] is this machine, spark://host:port a cluster.",
    )
    spark_remote: str = Field(
        default="", description="sc://host:port of a Spark Connect server, used instead of a master."
    )
    spark_driver_memory: str = Field(
        default="1g",
        pattern="^[0-9]+[kmgtKMGT]$",
        description="Heap of the Spark driver, such as 512m or 4g; in local mode the driver does all the work.",
    )
    spark_runner: Literal["in-process", "subprocess", "emr-serverless"] = Field(
        default="in-process",
        description="Where partitions are cleaned: in-process (in the run), subprocess (in a driver of its own, by "
        "spark-submit) or emr-serverless.",
    )
    spark_config: dict[str, str] = Field(default_factory=dict, description="Additional Spark settings, as JSON.")

    iceberg_catalog: Literal["sqlite", "glue", "jdbc", "rest"] = Field(
        default="sqlite",
        description="Iceberg catalog: sqlite (a file in each root), glue (AWS Glue), jdbc (PostgreSQL) or rest.",
    )
    iceberg_catalog_uri: str = Field(default="", description="jdbc:postgresql://… or the URL of the REST catalog.")
    iceberg_catalog_properties: dict[str, str] = Field(
        default_factory=dict, description="Additional catalog properties, as JSON."
    )

    s3_endpoint_url: str = Field(default="", description="Endpoint of an S3-compatible server. Empty: AWS.")
    glue_endpoint_url: str = Field(default="", description="Endpoint of a Glue-compatible catalog. Empty: AWS.")
    aws_region: str = Field(default="us-east-1", description="Region for S3, Glue and the other AWS services.")

    secrets_id: str = Field(
        default="",
        description="A secret in AWS Secrets Manager whose value is a JSON object of STEAM_… names and values. "
        "The environment takes precedence.",
    )
    emr_application_id: str = Field(
        default="", description="EMR Serverless application that runs cleaning, if the runner is emr-serverless."
    )
    emr_job_role_arn: str = Field(default="", description="IAM role of its jobs.")
    emr_code_root: str = Field(
        default="", description="s3://bucket/prefix of the job files; docs/how-to/deployment-profiles.md lists them."
    )

    reviewer_hash_key: SecretStr = Field(
        default=SecretStr(""), description="Key for hashing reviewers' ids. Empty: generated once and kept in HOME."
    )
    alert_webhook_url: SecretStr = Field(
        default=SecretStr(""),
        description="URL that receives a JSON POST when a run or an asset check fails, or a topic is damaged.",
    )
    housekeeping_keep_days: int = Field(
        default=90, ge=1, le=36_500, description="Age in days from which primaries may be deleted."
    )
    run_history_days: int = Field(
        default=0,
        ge=0,
        le=36_500,
        description="Age in days after which runs are deleted from Dagster's storage; 0 keeps all. The Dagster UI then "
        "shows partitions materialized only by deleted runs as missing; steam-assets status is not affected.",
    )

    quicksight_account_id: str = Field(
        default="", pattern=r"^([0-9]{12})?$", description="AWS account whose QuickSight data sets are refreshed."
    )
    quicksight_datasets: dict[str, Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")]] = Field(
        default_factory=dict,
        description="JSON object from clean or insight table to QuickSight data set id. Empty: none is refreshed.",
    )
    quicksight_edition: Literal["enterprise", "standard"] = Field(
        default="enterprise", description="QuickSight edition, which limits refreshes per 24 hours to 32 or 8."
    )
    quicksight_endpoint_url: str = Field(
        default="", description="Endpoint of a QuickSight-compatible service. Empty: AWS."
    )

    tableau_url: str = Field(default="", description="https://… of a Tableau server to publish to. Empty: none.")
    tableau_site: str = Field(default="", description="The site's name as in its URL. Empty: the default site.")
    tableau_project: str = Field(default="default", description="The Tableau project to publish into.")
    tableau_token_name: str = Field(default="", description="Name of the personal access token.")
    tableau_token_secret: SecretStr = Field(
        default=SecretStr(""), description="The secret of the personal access token."
    )

    dagster_ui_hosts: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9.:_,\s-]*$",
        description="Additional host names, comma-separated, at which the Dagster UI may be opened, such as a proxy's. "
        "Requests for other names are rejected.",
    )

    automation: bool = Field(
        default=False, description="Start with all schedules and sensors turned on (docker/ sets it)."
    )

    simulated_now: str = Field(
        default="", description="ISO time used instead of the clock, for demos and tests against the simulator only."
    )

    _from_secret: Mapping[str, object] = PrivateAttr(default_factory=dict)
    """Settings that only the secret set: names and values; for a mapping, the entries that it added."""
    _own_dagster: bool = PrivateAttr(default=False)
    """Dagster's instance is in ``home``, whatever DAGSTER_HOME says."""

    @classmethod
    def at_home(cls, home: Path) -> Self:
        """The settings with the lake of another folder, or unchanged if ``home`` is the configured HOME."""
        made = cls(home=home)
        # Without the secret, which has just been read.
        if os.path.realpath(home) == os.path.realpath(cls(secrets_id="").home):
            return made
        return made.alone_in_home()

    def alone_in_home(self) -> Self:
        """The settings with all roots, SQLite catalogs and Dagster's instance in ``home``, wherever else they were."""
        catalog = {"iceberg_catalog": "sqlite", "iceberg_catalog_uri": "", "iceberg_catalog_properties": {}}
        roots = {f"{root.replace('-', '_')}_root": "" for root in get_args(RootName)}
        made = self.model_copy(update=roots | catalog)
        made._own_dagster = True
        return made

    @field_validator("home", mode="before")
    @classmethod
    def _usable(cls, home: object) -> object:
        if not str(home).strip():
            raise ValueError("it is empty; give a folder, or unset it")
        if fault := unusable_folder(Path(str(home))):
            raise ValueError(fault)
        return home

    @model_validator(mode="wrap")
    @classmethod
    def _remember_the_secret(cls, data: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        given = dict(data) if isinstance(data, dict) else data
        kept = given.pop(_FROM_SECRET, {}) if isinstance(given, dict) else {}
        made = handler(given)
        made._from_secret = kept
        return made

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        sources = (init_settings, env_settings, dotenv_settings)
        given = dotenv_settings() | env_settings() | init_settings()
        if not given.get("secrets_id"):
            return sources
        region = given.get("aws_region") or settings_cls.model_fields["aws_region"].default
        secret = _SecretSource(settings_cls, given["secrets_id"], region, case_sensitive=False)
        return (*sources, secret)

    def environment(self, *, secrets: bool) -> dict[str, str]:
        """The settings that were set, as environment variables; without ``secrets``, only those in ``openly``."""
        passed_on = self if secrets else self.openly()
        values = {name: getattr(passed_on, name) for name in sorted(passed_on.model_fields_set)}
        return {f"STEAM_{name.upper()}": _as_variable(value) for name, value in values.items() if value is not None}

    def openly(self) -> Settings:
        """These settings without secret values and without values from the secret ``secrets_id``.

        Raises UnusableSetting, naming the setting, if one of the others contains a password or key.
        """
        values: dict[str, object] = {}
        for name in sorted(self.model_fields_set):
            value = getattr(self, name)
            if isinstance(value, SecretStr):
                continue
            if name in self._from_secret:
                value = _without(value, self._from_secret[name])
                if not value:
                    continue
            if secret_parts(value):
                raise UnusableSetting(
                    f"STEAM_{name.upper()} contains what looks like a password or key, and would be passed on in plain "
                    "text. Remove it from the environment and .env, and put it into the secret that STEAM_SECRETS_ID "
                    "names, where the processes that need it read it"
                )
            values[name] = value
        return type(self).model_construct(_fields_set=set(values), **values)

    def of_host(self, host: Host) -> HostSettings:
        """The settings of a host. Raises LookupError if no registered source declares the host."""
        if host not in HOSTS:
            raise LookupError(f"no registered source declares the host {host.name!r}; add it to the source's `hosts`")
        found = {kind: getattr(self, host.setting(kind), None) for kind in HostSettings._fields}
        return HostSettings(**{kind: value for kind, value in found.items() if value is not None})

    def options_of(self, source: Source) -> BaseModel:
        """A registered source's options, as set."""
        return source.options(**{name: getattr(self, source.setting(name)) for name in source.options.model_fields})

    def root(self, which: RootName) -> str:
        """The absolute folder or ``s3://`` URI of one of the four roots."""
        chosen: str = getattr(self, which.replace("-", "_") + "_root")
        if ADDRESS.match(chosen):
            return chosen.rstrip("/")
        return str((Path(chosen) if chosen else self.home / which).absolute())

    @property
    def dagster_home(self) -> Path:
        """The folder of Dagster's instance: DAGSTER_HOME, or in ``home``."""
        given = None if self._own_dagster else os.environ.get("DAGSTER_HOME")
        return Path(given or (self.home / "dagster").absolute())

    @property
    def embedded_kafka(self) -> bool:
        return not self.kafka_bootstrap_servers

    @property
    def kafka_address(self) -> str:
        return self.kafka_bootstrap_servers or f"127.0.0.1:{self.embedded_kafka_port}"


def private_folder(folder: Path) -> Path:
    """Create the folder and its missing parents for the owner alone, because raw data has reviewers' ids.

    An existing folder keeps the mode that its owner chose. A new one survives a power loss.
    """
    for missing in reversed([place for place in (folder, *folder.parents) if not place.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
        sync(missing.parent)
    folder.mkdir(exist_ok=True)
    return folder


class _SecretSource(AWSSecretsManagerSettingsSource):
    """The secret's values, with a record of those that no earlier settings source had set."""

    def __call__(self) -> dict[str, object]:
        values: dict[str, object] = super().__call__()
        return values | {_FROM_SECRET: _added(values, self.current_state)}


def _added(values: Mapping[str, object], before: Mapping[str, object]) -> dict[str, object]:
    added: dict[str, object] = {}
    for name, value in values.items():
        earlier = before.get(name)
        if isinstance(value, dict) and isinstance(earlier, dict):
            value = {key: entry for key, entry in value.items() if key not in earlier}
        elif name in before:
            continue
        added[name] = value
    return added


def _without(value: object, secret: object) -> object:
    if isinstance(value, dict) and isinstance(secret, dict):
        return {key: entry for key, entry in value.items() if key not in secret}
    return None


def _as_variable(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Path):
        return str(value.absolute())
    return json.dumps(value) if isinstance(value, dict | list | tuple | bool) else str(value)
