"""What is S3's own: parts, checksums, rivals, refused copies, errors in plain words."""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from steam_assets.lake.aws_client import aws_client
from steam_assets.lake.s3_store import S3Store
from steam_assets.lake.store import StoreConflict
from steam_assets.settings import Settings

PART = 64 << 20


@pytest.fixture
def store(s3_settings: Settings, bucket: str) -> S3Store:
    return S3Store(f"s3://{bucket}/{secrets.token_hex(4)}", s3_settings)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("large") / "file"
    with path.open("wb") as target:
        target.truncate(PART + 1000)
    yield path
    path.unlink()


class Answer(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def answer_instead(store: S3Store, operation: str, status: int, code: str, times: int) -> list[str]:
    """Let the wire give this answer to the first calls of an operation; the list grows by one a call."""
    calls: list[str] = []

    def respond(**_: Any) -> AWSResponse | None:
        calls.append(operation)
        if len(calls) > times:
            return None
        body = f"<Error><Code>{code}</Code><Message>simulated</Message></Error>".encode()
        return AWSResponse(store.uri, status, {"Content-Type": "application/xml"}, Answer(body))

    store._client.meta.events.register(f"before-send.s3.{operation}", respond)
    return calls


def uploads(store: S3Store) -> list[str]:
    found = store._client.list_multipart_uploads(Bucket=store.bucket, Prefix=store.prefix)
    return [upload["Key"] for upload in found.get("Uploads", ())]


def test_addresses(s3_settings: Settings) -> None:
    store = S3Store("s3://bucket/some/prefix/", s3_settings)
    assert (store.uri, store.spark_uri("a/b")) == ("s3://bucket/some/prefix", "s3a://bucket/some/prefix/a/b")
    whole = S3Store("s3://bucket", s3_settings)
    assert (whole.uri, whole.spark_uri("a/b")) == ("s3://bucket", "s3a://bucket/a/b")
    with pytest.raises(ValueError, match="no S3 address"):
        S3Store("/data", s3_settings)


def test_a_large_file_goes_up_in_parts_on_condition(store: S3Store, large: Path) -> None:
    written = store.write("big", large, if_absent=True)
    assert written.size == large.stat().st_size
    with large.open("rb") as stream:
        assert store.sha256("big") == hashlib.file_digest(stream, "sha256").hexdigest()
    with pytest.raises(StoreConflict):
        store.write("big", large, if_absent=True)
    assert uploads(store) == []


def test_an_upload_that_breaks_off_leaves_no_parts_and_no_object(store: S3Store, large: Path) -> None:
    answer_instead(store, "UploadPart", 400, "InvalidRequest", times=1)
    with pytest.raises(OSError, match="InvalidRequest"):
        store.write("big", large)
    assert store.stat("big") is None
    assert uploads(store) == []


def test_uploads_of_dead_writers_are_swept(store: S3Store) -> None:
    store._client.create_multipart_upload(Bucket=store.bucket, Key=f"{store.prefix}dead")
    # The server for tests says that every upload began in 2010.
    assert store.sweep_leftovers(datetime(2009, 1, 1, tzinfo=UTC)) == []
    assert store.sweep_leftovers(datetime.now(UTC) + timedelta(days=1)) == ["dead"]
    assert uploads(store) == []


def test_a_rival_write_is_tried_again_within_bounds(store: S3Store) -> None:
    calls = answer_instead(store, "PutObject", 409, "ConditionalRequestConflict", times=2)
    store.write("x", b"1", if_absent=True)
    assert (store.read("x"), len(calls)) == (b"1", 3)
    calls = answer_instead(store, "PutObject", 409, "ConditionalRequestConflict", times=1000)
    with pytest.raises(StoreConflict):
        store.write("y", b"1", if_absent=True)
    assert len(calls) == 6


def test_throttling_is_waited_out(store: S3Store) -> None:
    calls = answer_instead(store, "PutObject", 503, "SlowDown", times=2)
    store.write("x", b"1")
    assert (store.read("x"), len(calls)) == (b"1", 3)


@pytest.mark.parametrize(("status", "code"), [(403, "AccessDenied"), (501, "NotImplemented")])
def test_where_the_server_may_not_copy_the_bytes_are_uploaded(
    store: S3Store, s3_settings: Settings, bucket: str, status: int, code: str
) -> None:
    goal = S3Store(f"s3://{bucket}/{secrets.token_hex(4)}", s3_settings)
    store.write("x", b"data")
    calls = answer_instead(goal, "CopyObject", status, code, times=1)
    goal.copy_from(store, "x", hashlib.sha256(b"data").hexdigest())
    assert (goal.read("x"), calls) == (b"data", ["CopyObject"])


def test_a_copy_between_buckets_does_not_pass_through_here(store: S3Store, s3_settings: Settings, bucket: str) -> None:
    goal = S3Store(f"s3://{bucket}/{secrets.token_hex(4)}", s3_settings)
    store.write("x", b"data")
    puts = answer_instead(goal, "PutObject", 500, "InternalError", times=1000)
    goal.copy_from(store, "x", hashlib.sha256(b"data").hexdigest())
    assert (goal.read("x"), puts) == (b"data", [])


def test_bytes_damaged_at_rest_or_on_the_way_are_not_read_as_good(store: S3Store) -> None:
    store.write("x", b"data")

    original = store._client._endpoint.http_session.send

    def send(request: Any) -> AWSResponse:
        answer = original(request)
        if request.method == "GET":
            answer.raw = Answer(b"dat!")
        return answer

    store._client._endpoint.http_session.send = send
    with pytest.raises(OSError, match="does not match its stored checksum; restore it"):
        store.read("x")
    assert store.sha256("x") == hashlib.sha256(b"dat!").hexdigest()


def test_errors_say_what_to_do(store: S3Store, s3_settings: Settings) -> None:
    answer_instead(store, "GetObject", 403, "ExpiredToken", times=1)
    with pytest.raises(PermissionError, match=r"ExpiredToken.*check the credentials"):
        store.read("x")
    with pytest.raises(FileNotFoundError, match="make it first"):
        S3Store("s3://no-such-bucket-here", s3_settings).write("x", b"1")


def test_a_client_made_later_has_the_credentials_of_then(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("FIRSTKEY", "SECONDKEY"):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        client = aws_client("s3", region_name="us-east-1")
        assert key in client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
