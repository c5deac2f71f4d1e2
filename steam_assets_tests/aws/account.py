"""An AWS account to deploy into: moto's server over HTTP, and the template resolved as by CloudFormation.

Belongs here: resolving the template, deploying it, and the parts that moto's CloudFormation does not support.
Does not belong here: assertions about it (test_template.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import yaml

TEMPLATE = Path(__file__).resolve().parents[2] / "aws" / "steam-assets.yaml"
ACCOUNT, REGION, SUFFIX = "123456789012", "eu-central-1", "-test"
STORES = {
    "RawBucket": "steam-raw-storage-test",
    "RawBackupBucket": "steam-raw-store-backup-test",
    "CleanBucket": "steam-clean-storage-test",
    "CleanBackupBucket": "steam-clean-storage-backup-test",
}

_PSEUDO = {"AWS::AccountId": ACCOUNT, "AWS::Region": REGION, "AWS::Partition": "aws"}


class _Loader(yaml.SafeLoader):
    """YAML loader that expands CloudFormation's short forms."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        raise TypeError(f"!{suffix} of a mapping is not used in the template")
    if suffix == "GetAtt":
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _intrinsic)


def template() -> dict[str, Any]:
    """The template with its intrinsic functions in long form."""
    return yaml.load(TEMPLATE.read_text(encoding="utf-8"), Loader=_Loader)


class Resolver:
    """Resolves the template's functions, with its parameters' defaults and ``SUFFIX``."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._resources = content["Resources"]
        defaults = {name: parameter["Default"] for name, parameter in content["Parameters"].items()}
        self._values = {**defaults, **_PSEUDO, "NameSuffix": SUFFIX}

    def properties(self, name: str) -> dict[str, Any]:
        return self(self._resources[name]["Properties"])

    def __call__(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self(item) for item in node]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (function, argument), *_ = node.items()
            match function:
                case "Ref":
                    return self._ref(argument)
                case "Fn::Sub":
                    return re.sub(r"\$\{([^}]+)\}", lambda found: str(self._name(found[1])), argument)
                case "Fn::GetAtt":
                    return self._attribute(*argument)
                case "Fn::If":
                    return self(argument[1])
        return {key: self(value) for key, value in node.items()}

    def _name(self, name: str) -> Any:
        return self._attribute(*name.split(".", 1)) if "." in name else self._ref(name)

    def _ref(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        properties = self._resources[name]["Properties"]
        named = (
            properties.get("BucketName") or properties.get("Name") or properties.get("DatabaseInput", {}).get("Name")
        )
        return self(named) if named else f"<{name}>"

    def _attribute(self, name: str, attribute: str) -> str:
        if self._resources[name]["Type"] == "AWS::S3::Bucket":
            return f"arn:aws:s3:::{self._ref(name)}"
        return f"arn:aws:{name}:{attribute}"


@dataclass(frozen=True)
class Account:
    """An account with the deployed template; ``endpoint`` is its address."""

    endpoint: str

    def client(self, service: str) -> Any:
        return boto3.client(
            service,  # pyright: ignore[reportCallIssue, reportArgumentType]
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def outputs(self) -> dict[str, str]:
        stack = self.client("cloudformation").describe_stacks(StackName="steam-assets")["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def deploy(endpoint: str) -> Account:
    """Deploy what moto's CloudFormation supports (buckets, roles, policies), and the rest through the services' APIs.

    From a template, moto 5.2 creates no bucket policies, Glue databases, Athena workgroups, secrets or EMR Serverless
    applications, and only the name and encryption of a bucket. All but the secrets (nothing reads them) are created
    here with the template's own properties, so that the services' clients validate them.
    """
    account = Account(endpoint)
    account.client("cloudformation").create_stack(
        StackName="steam-assets",
        TemplateBody=TEMPLATE.read_text(encoding="utf-8"),
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[
            {"ParameterKey": "NameSuffix", "ParameterValue": SUFFIX},
            {"ParameterKey": "WithSpark", "ParameterValue": "no"},
        ],
    )
    content = template()
    resolve = Resolver(content)
    for name, resource in content["Resources"].items():
        make = _BY_API.get(resource["Type"])
        if make is not None:
            make(account, resolve.properties(name))
    return account


def _bucket_policy(account: Account, properties: dict[str, Any]) -> None:
    account.client("s3").put_bucket_policy(Bucket=properties["Bucket"], Policy=json.dumps(properties["PolicyDocument"]))


def _database(account: Account, properties: dict[str, Any]) -> None:
    account.client("glue").create_database(**properties)


def _workgroup(account: Account, properties: dict[str, Any]) -> None:
    configuration = properties["WorkGroupConfiguration"]
    account.client("athena").create_work_group(
        Name=properties["Name"], Description=properties["Description"], Configuration=configuration
    )


def _application(account: Account, properties: dict[str, Any]) -> None:
    # moto accepts only releases of the form emr-x.y.z.
    account.client("emr-serverless").create_application(**_lower_camel(properties | {"ReleaseLabel": "emr-7.1.0"}))


def _lower_camel(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    return {key[0].lower() + key[1:]: _lower_camel(value) for key, value in node.items()}


_BY_API = {
    "AWS::S3::BucketPolicy": _bucket_policy,
    "AWS::Glue::Database": _database,
    "AWS::Athena::WorkGroup": _workgroup,
    "AWS::EMRServerless::Application": _application,
}
