"""Tell a place of data that refuses or does not respond from data that are lost or damaged, and say what to do.

Belongs here: how S3 and the catalogs' services report it, through Arrow, boto3, the JVM, pyiceberg and SQLAlchemy. Does
not belong here: checking a place before it is used (commands/s3_access.py), damage (lake/parquet_files.py).

While a place does not respond, nothing is known about its data: whoever decides that data are damaged calls
``raise_outage`` first, so that nobody is advised to replace intact data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, TypeAlias

LOG_IN = "run `aws configure`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"

Kind: TypeAlias = Literal["credentials", "denied", "no bucket", "elsewhere", "transient", "refused"]
"""Why S3 did not do what was asked."""

_KINDS: dict[str, Kind] = {
    "invalidaccesskeyid": "credentials",
    "signaturedoesnotmatch": "credentials",
    "expiredtoken": "credentials",
    "invalidtoken": "credentials",
    "invalidclienttokenid": "credentials",
    "unrecognizedclient": "credentials",
    "requestexpired": "credentials",
    "invalidsignature": "credentials",
    "accessdenied": "denied",
    "allaccessdisabled": "denied",
    "nosuchbucket": "no bucket",
    "permanentredirect": "elsewhere",
    "authorizationheadermalformed": "elsewhere",
    "illegallocationconstraintexception": "elsewhere",
    "slowdown": "transient",
    "internalerror": "transient",
    "internalfailure": "transient",
    "serviceunavailable": "transient",
    "requesttimeout": "transient",
    "networkconnection": "transient",
    "throttling": "transient",
}
_BY_STATUS: dict[str, Kind] = {"301": "elsewhere", "307": "elsewhere", "400": "credentials", "403": "denied"}
"""For responses without a code: S3 answers HEAD without a body, with 400 if the credentials have expired."""

_PERMISSIONS = {
    "HeadObject": "GetObject",
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "DeleteObjects": "DeleteObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
}
"""The permission that an operation needs, if it is not named after it."""

_OF_S3 = (
    re.compile(
        r"(?:key '(?P<key>[^']*)' in bucket '(?P<bucket>[^']*)': )?AWS Error (?P<code>\w+)"
        r"(?: \(HTTP status (?P<status>\d+)\))? during (?P<action>\w+) operation"
        r"(?:: Unable to parse ExceptionName: (?P<named>\w+))?"
    ),
    # boto3 reports each service alike: only S3's operations are named for these.
    re.compile(
        r"An error occurred \((?P<code>\w+)\) when calling the "
        r"(?P<action>\w*(?:Object|Bucket|MultipartUpload|UploadPart)\w*) operation"
    ),
    re.compile(r"S3Exception: .*?\(Service: S3, Status Code: (?P<status>\d+)"),
)
_OF_REST = re.compile(
    r"pyiceberg\.exceptions\.(?:Unauthorized|AuthorizationExpired|Forbidden|OAuth|BadRequest|Server|"
    r"ServiceUnavailable|REST)Error: (?:RESTError (?P<status>\d+)|(?P<said>[^\n]*))"
)
_OF_POSTGRESQL = re.compile(r"psycopg2\.OperationalError\)? (?P<said>[^\n]+(?:\n[ \t][^\n]+)*)")
_CHAIN = 20


class Unavailable(Exception):
    """A place of data refused or did not respond, which says nothing about the data there; run it again later."""


def kind_of(code: str, status: str = "") -> Kind:
    """What an error code of S3 means, as S3 (``AccessDenied``) or Arrow (``ACCESS_DENIED``) spells it."""
    if known := _KINDS.get(code.replace("_", "").lower()):
        return known
    if status.startswith("5"):
        return "transient"
    return _BY_STATUS.get(status, "refused") if code in ("", "UNKNOWN") else "refused"


def outage(error: BaseException, address: str = "") -> Unavailable | None:
    """The outage that caused an error, with what to do; None if another thing did. ``address`` is what was used."""
    for one in _causes(error):
        if isinstance(one, Unavailable):
            return one
        if isinstance(one, PermissionError):
            return Unavailable(
                f"{one.filename or address} cannot be used by this user (permission denied); correct its mode or owner"
            )
        if not isinstance(one, FileNotFoundError) and (said := outage_in(_text(one), address)):
            return Unavailable(said)
    return None


def raise_outage(error: BaseException, address: str = "") -> None:
    """Raise Unavailable if an outage caused the error, which is then no sign of damage."""
    if found := outage(error, address):
        raise found from error


def outage_in(text: str, address: str = "") -> str | None:
    """The same for the text of a failure that happened in a run."""
    for pattern in _OF_S3:
        if found := pattern.search(text):
            return _of_s3(found, address)
    if found := _OF_REST.search(text):
        why = f"HTTP status {found['status']}" if found["status"] else found["said"][:200]
        return f"the REST catalog refused or failed ({why}); check STEAM_ICEBERG_CATALOG_URI, its credentials and log"
    if found := _OF_POSTGRESQL.search(text):
        why = " ".join(found["said"].split())
        where = "STEAM_ICEBERG_CATALOG_URI and _PROPERTIES (for Dagster's own database, its dagster.yaml)"
        return f"PostgreSQL refused or failed ({why}); start it, or correct {where}"
    return None


def _of_s3(found: re.Match[str], address: str) -> str | None:
    parts = found.groupdict()
    code, status = parts.get("named") or parts.get("code") or "", parts.get("status") or ""
    action, bucket = parts.get("action") or "a request", parts.get("bucket")
    place = f"s3://{bucket}/{parts['key']}" if bucket else address
    of_place = f" for {place or 'a root'}"
    said = code if code and code != "UNKNOWN" else f"HTTP status {status}"
    match kind_of(code, status):
        case _ if status == "404":
            return None
        case "credentials":
            return f"S3 refused the AWS credentials{of_place} ({said}); {LOG_IN}"
        case "denied":
            allowed = f"s3:{_PERMISSIONS.get(action, action)}" if parts.get("action") else "it"
            return f"S3 refused {action}{of_place} ({said}); allow {allowed} there"
        case "refused":
            return f"S3 refused {action}{of_place} ({said}); look up what this error of S3 means"
        case "no bucket":
            return f"there is no bucket {bucket or 'of that name'}{of_place}; create it, or correct the address"
        case "elsewhere":
            return f"the bucket is in another region{of_place} ({said}); correct STEAM_AWS_REGION"
        case "transient":
            return f"S3 does not respond, or too slowly, to {action}{of_place} ({said}); wait, and run it again"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and those that led to it, newest first."""
    one: BaseException | None = error
    for _ in range(_CHAIN):
        if one is None:
            return
        yield one
        if type(one).__module__.startswith("steam_assets."):
            # It says itself what happened.
            return
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)


def _text(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}: {error}"
