"""Guarantees of aws/steam-assets.yaml: private, versioned, locked stores, and roles that cannot harm a backup.

moto's CloudFormation supports only some of the types (see account.py), and its policy engine reads neither the roles of
a template nor conditions. So policies are evaluated here on the template, in IAM's order: an explicit deny wins, and
the default is deny.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from account import STORES, TEMPLATE, Account, Resolver, deploy, template
from moto.server import ThreadedMotoServer

from steam_assets.lake.catalogs import CATALOGS
from steam_assets.lake.roots import warehouse
from steam_assets.settings import Settings

CONTENT = template()
RESOLVE = Resolver(CONTENT)
BUCKETS = [name for name, made in CONTENT["Resources"].items() if made["Type"] == "AWS::S3::Bucket"]
PRIMARIES = ["steam-raw-storage-test", "steam-clean-storage-test"]
BACKUPS = ["steam-raw-store-backup-test", "steam-clean-storage-backup-test"]
ROLES = ["WriterRole", "SparkJobRole", "HousekeepingRole", "ReaderRole"]
CFN_LINT = str(Path(sys.executable).with_name("cfn-lint"))
HARM = [
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:BypassGovernanceRetention",
    "s3:PutObjectRetention",
    "s3:PutObjectLegalHold",
]


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield deploy(f"http://{host}:{port}")
    server.stop()


def statements(role: str) -> list[dict[str, Any]]:
    """All statements of a role's policies, resolved."""
    made = CONTENT["Resources"]
    properties = RESOLVE.properties(role)
    policies = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    managed = [reference["Ref"] for reference in made[role]["Properties"].get("ManagedPolicyArns", [])]
    policies += [RESOLVE.properties(name)["PolicyDocument"] for name in managed]
    attached = [
        r for r in made.values() if r["Type"] == "AWS::IAM::Policy" and {"Ref": role} in r["Properties"]["Roles"]
    ]
    policies += [RESOLVE(policy["Properties"])["PolicyDocument"] for policy in attached]
    return [statement for policy in policies for statement in policy["Statement"]]


def may(role: str, action: str, resource: str) -> bool:
    """Whether the role's policies allow ``action`` on ``resource`` (an ARN)."""
    effects = {
        statement["Effect"]
        for statement in statements(role)
        if any(fnmatchcase(action, pattern) for pattern in _listed(statement["Action"]))
        and any(fnmatchcase(resource, pattern) for pattern in _listed(statement["Resource"]))
    }
    return effects == {"Allow"}


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def object_in(bucket: str) -> str:
    return f"arn:aws:s3:::{bucket}/some/key"


def test_template_is_clean_for_cfn_lint():
    """AWS's own rules report nothing, not even warnings."""
    found = subprocess.run([CFN_LINT, str(TEMPLATE)], capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (0, "")


@pytest.mark.parametrize("name", BUCKETS)
def test_every_bucket_is_private_and_encrypted_and_sweeps_unfinished_uploads(name: str):
    bucket = RESOLVE.properties(name)
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    rules = bucket["LifecycleConfiguration"]["Rules"]
    assert any(rule.get("AbortIncompleteMultipartUpload") for rule in rules if rule["Status"] == "Enabled")


@pytest.mark.parametrize("name", BUCKETS)
def test_no_bucket_is_deleted_with_the_stack(name: str):
    made = CONTENT["Resources"][name]
    assert (made["DeletionPolicy"], made["UpdateReplacePolicy"]) == ("Retain", "Retain")


@pytest.mark.parametrize("name", BUCKETS)
def test_every_bucket_refuses_plain_http(name: str):
    bucket = RESOLVE.properties(name)["BucketName"]
    policies = [RESOLVE(r["Properties"]) for r in CONTENT["Resources"].values() if r["Type"] == "AWS::S3::BucketPolicy"]
    (policy,) = [found["PolicyDocument"] for found in policies if found["Bucket"] == bucket]
    assert {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    } in policy["Statement"]


@pytest.mark.parametrize("name", STORES)
def test_replaced_versions_are_kept_for_a_stated_time_and_in_backups_for_good(name: str):
    """The product never replaces a backup file, so a replaced version was good and must stay recoverable."""
    bucket = RESOLVE.properties(name)
    assert bucket["BucketName"] == STORES[name]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    kept = [rule.get("NoncurrentVersionExpiration") for rule in bucket["LifecycleConfiguration"]["Rules"]]
    days = [rule["NoncurrentDays"] for rule in kept if rule]
    assert not days if "Backup" in name else min(days) >= 30


@pytest.mark.parametrize("name", ["RawBackupBucket", "CleanBackupBucket"])
def test_backups_are_locked_against_deletion_and_never_expire(name: str):
    bucket = RESOLVE.properties(name)
    assert bucket["ObjectLockEnabled"] is True
    retention = bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert (retention["Mode"], retention["Days"] >= 30) == ("GOVERNANCE", True)
    assert not any("ExpirationInDays" in rule for rule in bucket["LifecycleConfiguration"]["Rules"])


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("bucket", BACKUPS)
@pytest.mark.parametrize("action", HARM)
def test_no_role_can_delete_or_unlock_a_backup(role: str, bucket: str, action: str):
    assert not may(role, action, object_in(bucket))


@pytest.mark.parametrize("role", ["WriterRole", "SparkJobRole", "HousekeepingRole"])
@pytest.mark.parametrize("bucket", BACKUPS)
def test_roles_that_write_are_explicitly_denied_deleting_backups(role: str, bucket: str):
    """An explicit deny, so that no policy attached later can allow it."""
    denied = {
        action
        for statement in statements(role)
        if statement["Effect"] == "Deny"
        and {f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"} <= set(statement["Resource"])
        for action in statement["Action"]
    }
    weakening = {"s3:PutBucketObjectLockConfiguration", "s3:PutLifecycleConfiguration", "s3:PutBucketVersioning"}
    assert denied >= {*HARM, *weakening, "s3:PutBucketPolicy", "s3:DeleteBucket"}


def test_the_writer_writes_all_stores_and_deletes_only_in_the_clean_one():
    assert all(may("WriterRole", "s3:PutObject", object_in(bucket)) for bucket in STORES.values())
    deletable = {bucket for bucket in STORES.values() if may("WriterRole", "s3:DeleteObject", object_in(bucket))}
    assert deletable == {"steam-clean-storage-test"}


@pytest.mark.parametrize("action", ["s3:PutObject", "s3:DeleteObject"])
def test_a_spark_job_changes_only_clean_data_and_reads_no_backup(action: str):
    changed = {bucket for bucket in STORES.values() if may("SparkJobRole", action, object_in(bucket))}
    assert changed == {"steam-clean-storage-test"}
    readable = {bucket for bucket in STORES.values() if may("SparkJobRole", "s3:GetObject", object_in(bucket))}
    assert readable == {"steam-raw-storage-test", "steam-clean-storage-test"}


@pytest.mark.parametrize("role", ["HousekeepingRole", "SparkJobRole"])
def test_only_the_writer_changes_the_catalogs_of_the_backups(role: str):
    changing = [
        resource
        for statement in statements(role)
        if statement["Effect"] == "Allow" and "glue:UpdateTable" in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    ]
    assert changing
    assert not [resource for resource in changing if "backup" in resource]


def test_housekeeping_deletes_in_primaries_and_reads_the_backups_it_verifies():
    assert all(may("HousekeepingRole", "s3:DeleteObject", object_in(bucket)) for bucket in PRIMARIES)
    assert all(may("HousekeepingRole", "s3:GetObject", object_in(bucket)) for bucket in BACKUPS)
    assert not any(may("HousekeepingRole", "s3:PutObject", object_in(bucket)) for bucket in BACKUPS)


def test_the_reader_reads_only_clean_data_and_writes_only_query_results():
    readable = {bucket for bucket in STORES.values() if may("ReaderRole", "s3:GetObject", object_in(bucket))}
    assert readable == {"steam-clean-storage-test"}
    assert not any(may("ReaderRole", "s3:PutObject", object_in(bucket)) for bucket in STORES.values())
    work = RESOLVE.properties("WorkBucket")["BucketName"]
    assert may("ReaderRole", "s3:PutObject", f"arn:aws:s3:::{work}/athena-results/x.csv")
    assert not may("ReaderRole", "s3:PutObject", f"arn:aws:s3:::{work}/code/job.py")


@pytest.mark.parametrize("role", ROLES)
def test_no_role_is_allowed_every_action_or_every_resource(role: str):
    for statement in statements(role):
        if statement["Effect"] == "Allow":
            assert not any(action.endswith("*") for action in _listed(statement["Action"]))
            assert "*" not in _listed(statement["Resource"])


def test_only_the_spark_application_may_be_handed_the_job_role():
    passing = [s for s in statements("WriterRole") if "iam:PassRole" in _listed(s["Action"])]
    assert [s["Condition"] for s in passing] == [
        {"StringEquals": {"iam:PassedToService": "emr-serverless.amazonaws.com"}}
    ]


def test_secrets_are_random_and_not_in_the_template():
    secrets = [r["Properties"] for r in CONTENT["Resources"].values() if r["Type"] == "AWS::SecretsManager::Secret"]
    assert len(secrets) == 3
    assert all("GenerateSecretString" in secret and "SecretString" not in secret for secret in secrets)


def test_every_default_leads_to_names_the_settings_expect(account: Account):
    outputs = account.outputs()
    roots = {outputs[key].removeprefix("s3://") for key in ("RawRoot", "RawBackupRoot", "CleanRoot", "CleanBackupRoot")}
    assert roots == set(STORES.values())
    assert roots <= {bucket["Name"] for bucket in account.client("s3").list_buckets()["Buckets"]}


def test_the_tables_find_their_databases(account: Account):
    databases = {d["Name"]: d["LocationUri"] for d in account.client("glue").get_databases()["DatabaseList"]}
    outputs = account.outputs()
    settings = Settings(
        raw_root=outputs["RawRoot"],
        raw_backup_root=outputs["RawBackupRoot"],
        clean_root=outputs["CleanRoot"],
        clean_backup_root=outputs["CleanBackupRoot"],
    )
    assert databases == {
        catalog.namespace: f"{warehouse(settings, name)}/{catalog.namespace}" for name, catalog in CATALOGS.items()
    }


def test_a_query_cannot_read_without_limit_or_leave_its_results_elsewhere(account: Account):
    group = account.client("athena").get_work_group(WorkGroup="steam-assets-test")["WorkGroup"]
    configuration: Mapping[str, Any] = group["Configuration"]
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert 0 < configuration["BytesScannedCutoffPerQuery"] <= 10 * 1024**3
    assert configuration["ResultConfiguration"]["OutputLocation"].startswith("s3://steam-work-test-")


def test_spark_stops_when_idle_and_has_a_maximum_size(account: Account):
    emr = account.client("emr-serverless")
    (listed,) = emr.list_applications()["applications"]
    application = emr.get_application(applicationId=listed["id"])["application"]
    assert application["autoStopConfiguration"] == {"enabled": True, "idleTimeoutMinutes": 5}
    assert application["maximumCapacity"] == {"cpu": "16 vCPU", "memory": "64 GB", "disk": "400 GB"}


def test_iam_accepts_the_writers_permissions_as_written(account: Account):
    iam = account.client("iam")
    (writer,) = iam.list_policies(Scope="Local")["Policies"]
    version = iam.get_policy_version(PolicyArn=writer["Arn"], VersionId=writer["DefaultVersionId"])["PolicyVersion"]
    written = RESOLVE.properties("WriterPolicy")["PolicyDocument"]["Statement"]
    assert _on_stores(version["Document"]["Statement"]) == _on_stores(written)


def _on_stores(policy: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [statement for statement in policy if _listed(statement["Action"])[0].startswith("s3:")]
