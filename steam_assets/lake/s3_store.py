"""Objects in an S3 bucket below a prefix.

Belongs here: what S3 needs to keep the promises of store.py (conditional puts, checksums, multipart, paging).
Does not belong here: disks (disk_store.py), which bucket to use (open_store.py).

Credentials come from botocore's own chain (environment, profile, role); nothing here reads or prints them.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from botocore.client import Config
from botocore.exceptions import ClientError, FlexibleChecksumError
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from steam_assets.lake.aws_client import aws_client
from steam_assets.lake.object_key import checked_key
from steam_assets.lake.store import Store, StoreConflict, StoredObject
from steam_assets.scratch import scratch_folder
from steam_assets.settings import Settings

T = TypeVar("T")

_CHUNK = 1 << 20
_PART = 64 << 20
"""Bytes of a part, and the size from which an object goes up in parts; 10 000 parts allow 640 GB an object."""

_SINGLE_COPY_LIMIT = 5 << 30
_MISSING = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})
_DENIED = frozenset({"403", "AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch"})
_COPY_REFUSED = frozenset({"AccessDenied", "NotImplemented", "403", "501"})


class _RivalWrite(StoreConflict):
    """Another conditional write of the same key is under way (409): S3 asks to try again."""


class S3Store:
    """``s3://bucket/prefix`` as a store; an empty prefix is the whole bucket. The bucket must exist.

    Raises FileNotFoundError, PermissionError and OSError as a disk would, with the ``s3://`` address in the message.
    """

    def __init__(self, uri: str, settings: Settings) -> None:
        if not uri.startswith("s3://"):
            raise ValueError(f"{uri!r} is no S3 address: write s3://bucket/prefix")
        self.bucket, _, prefix = uri.removeprefix("s3://").rstrip("/").partition("/")
        self.prefix = f"{checked_key(prefix)}/" if prefix else ""
        self.endpoint = settings.s3_endpoint_url
        self._client = aws_client(
            "s3",
            region_name=settings.aws_region,
            endpoint_url=settings.s3_endpoint_url or None,
            config=Config(
                retries={"mode": "standard", "max_attempts": 5},
                connect_timeout=10,
                read_timeout=60,
                s3={"addressing_style": "path" if settings.s3_endpoint_url else "auto"},
                # Each call says which checksum it wants; servers that are not AWS stumble over the defaults.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def spark_uri(self, key: str) -> str:
        return f"s3a://{self.bucket}/{self.prefix}{checked_key(key)}"

    def _address(self, key: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": self.prefix + checked_key(key)}

    def read(self, key: str) -> bytes:
        try:
            with self.open(key) as stream:
                return stream.read()
        except FlexibleChecksumError as error:
            raise OSError(
                f"{self.uri}/{key} does not match its stored checksum; restore it from a good copy"
            ) from error

    def open(self, key: str) -> BinaryIO:
        return self._body(key, ChecksumMode="ENABLED")

    def _body(self, key: str, **options: str) -> BinaryIO:
        with self._errors(key):
            answer = self._client.get_object(**self._address(key), **options)
        # Without it ``with body as stream`` gives the bare socket, past the body's check of the checksum.
        return io.BufferedReader(answer["Body"], _CHUNK)

    def stat(self, key: str) -> StoredObject | None:
        try:
            with self._errors(key):
                head = self._client.head_object(**self._address(key))
        except FileNotFoundError:
            return None
        return StoredObject(key, head["ContentLength"], head["LastModified"].astimezone(UTC), head["ETag"])

    def sha256(self, key: str) -> str:
        # S3's own checksum is left out on purpose: it would raise on damaged bytes instead of giving their digest.
        with self._body(key) as stream:
            digest = hashlib.sha256()
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
        return digest.hexdigest()

    def write(
        self, key: str, data: bytes | Path, *, if_absent: bool = False, if_etag: str | None = None
    ) -> StoredObject:
        condition: dict[str, str] = {}
        if if_absent:
            condition["IfNoneMatch"] = "*"
        if if_etag is not None:
            condition["IfMatch"] = if_etag
        if isinstance(data, Path) and data.stat().st_size >= _PART:
            self._retried(lambda: self._put_parts(key, data, condition))
        else:
            body = data if isinstance(data, bytes) else data.read_bytes()
            self._retried(lambda: self._put(key, body, condition))
        return self._written(key)

    def _written(self, key: str) -> StoredObject:
        written = self.stat(key)
        if written is None:
            raise FileNotFoundError(f"{self.uri}/{key} was deleted right after it was written; write it again")
        return written

    def _retried(self, put: Callable[[], T]) -> T:
        for attempt in Retrying(
            retry=retry_if_exception_type(_RivalWrite),
            stop=stop_after_attempt(6),
            wait=wait_random_exponential(multiplier=0.1, max=2),
            reraise=True,
        ):
            with attempt:
                return put()
        raise AssertionError("tenacity returns or raises")

    def _put(self, key: str, body: bytes, condition: dict[str, str]) -> None:
        with self._errors(key):
            self._client.put_object(
                **self._address(key), Body=body, ChecksumAlgorithm="SHA256", ChecksumSHA256=_checksum(body), **condition
            )

    def _put_parts(self, key: str, path: Path, condition: dict[str, str]) -> None:
        """Upload in parts, one in memory at a time. The object appears with the last call or not at all."""
        address: dict[str, Any] = self._address(key)
        with self._errors(key):
            address["UploadId"] = self._client.create_multipart_upload(
                **address, ChecksumAlgorithm="SHA256", ChecksumType="COMPOSITE"
            )["UploadId"]
            try:
                parts = [self._put_part(address, number, body) for number, body in enumerate(_parts(path), start=1)]
                self._client.complete_multipart_upload(**address, MultipartUpload={"Parts": parts}, **condition)
            except BaseException:
                # Left alone, the parts would be billed and seen by nobody.
                self._client.abort_multipart_upload(**address)
                raise

    def _put_part(self, address: dict[str, Any], number: int, body: bytes) -> dict[str, Any]:
        checksum = _checksum(body)
        answer = self._client.upload_part(**address, PartNumber=number, Body=body, ChecksumSHA256=checksum)
        return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum}

    def copy_from(self, other: Store, key: str, sha256: str) -> StoredObject:
        present = self.stat(key)
        if present is not None and self.sha256(key) == sha256:
            return present
        if not (isinstance(other, S3Store) and other.endpoint == self.endpoint and self._copied_by_server(other, key)):
            self._upload_from(other, key, sha256, absent=present is None)
        copied = self.sha256(key)
        if copied != sha256:
            raise _differs(key, other, copied, sha256)
        return self._written(key)

    def _copied_by_server(self, other: S3Store, key: str) -> bool:
        """False where the server will not copy: a policy that demands conditional puts, a foreign account, too big."""
        original = other.stat(key)
        if original is None:
            raise FileNotFoundError(f"{other.uri}/{key} does not exist")
        if original.size > _SINGLE_COPY_LIMIT:
            return False
        try:
            self._client.copy_object(
                **self._address(key),
                CopySource=other._address(key),
                CopySourceIfMatch=original.etag,
                ChecksumAlgorithm="SHA256",
            )
        except ClientError as error:
            if _code(error) in _COPY_REFUSED:
                return False
            with self._errors(key):
                raise
        return True

    def _upload_from(self, other: Store, key: str, sha256: str, *, absent: bool) -> None:
        with scratch_folder("steam-copy-") as folder:
            path, digest = folder / "copy", hashlib.sha256()
            with other.open(key) as stream, path.open("wb") as temporary:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
                    temporary.write(chunk)
            if digest.hexdigest() != sha256:
                raise _differs(key, other, digest.hexdigest(), sha256)
            self.write(key, path, if_absent=absent)

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix + prefix)
        with self._errors(prefix):
            for page in pages:
                for entry in page.get("Contents", ()):
                    key = entry["Key"].removeprefix(self.prefix)
                    yield StoredObject(key, entry["Size"], entry["LastModified"].astimezone(UTC), entry["ETag"])

    def delete(self, key: str) -> None:
        with self._errors(key), contextlib.suppress(FileNotFoundError):
            self._client.delete_object(**self._address(key))

    def sweep_leftovers(self, older_than: datetime) -> Sequence[str]:
        """Abort multipart uploads begun before ``older_than`` (aware) and never finished. Their keys, for the log."""
        swept = []
        pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=self.prefix)
        with self._errors(""):
            for upload in (upload for page in pages for upload in page.get("Uploads", ())):
                if upload["Initiated"] < older_than:
                    self._client.abort_multipart_upload(
                        Bucket=self.bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                    )
                    swept.append(upload["Key"].removeprefix(self.prefix))
        return swept

    @contextlib.contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        """S3's answers as the errors a disk would raise."""
        try:
            yield
        except ClientError as error:
            address, code = f"{self.uri}/{key}", _code(error)
            if code == "NoSuchBucket":
                raise FileNotFoundError(f"the bucket of {address} does not exist; make it first") from error
            if code in _MISSING:
                raise FileNotFoundError(f"{address} does not exist") from error
            if code in _DENIED:
                raise PermissionError(f"S3 refused {address} ({code}); check the credentials and the policy") from error
            if code in {"412", "PreconditionFailed"}:
                raise StoreConflict(f"{address} was made, changed or deleted meanwhile") from error
            if code in {"409", "ConditionalRequestConflict"}:
                raise _RivalWrite(f"{address} is being written by another process") from error
            raise OSError(f"S3 failed on {address} ({code}): {error}") from error


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _checksum(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while body := stream.read(_PART):
            yield body


def _differs(key: str, other: Store, found: str, expected: str) -> ValueError:
    return ValueError(
        f"the copy of {key} from {other.uri} has SHA-256 {found}, not {expected}: the original is damaged or was "
        "changed; verify it and restore it from a good copy"
    )
