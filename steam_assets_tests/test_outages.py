"""What a user reads when S3 or a catalog's service refuses or fails, whichever library reports it."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from pyiceberg.exceptions import NoSuchTableError, ServiceUnavailableError, UnauthorizedError

from steam_assets.lake.parquet_files import DamagedData
from steam_assets.masking import shown
from steam_assets.outages import Unavailable, outage, outage_in, raise_outage

WRITING = "When initiating multiple part upload for key 'a/b' in bucket 'lake': AWS Error {} operation: so it says"
READING = "AWS Error {} operation: {}"


@pytest.mark.parametrize(
    ("reported", "says"),
    [
        (WRITING.format("ACCESS_DENIED during CreateMultipartUpload"), "CreateMultipartUpload for s3://lake/a/b"),
        (WRITING.format("ACCESS_DENIED during UploadPart"), "allow s3:PutObject"),
        (READING.format("ACCESS_DENIED during HeadObject", "No response body."), "allow s3:GetObject"),
        (READING.format("UNKNOWN (HTTP status 400) during HeadObject", "No response body."), "run `aws configure`"),
        (
            READING.format("UNKNOWN (HTTP status 400) during GetObject", "Unable to parse ExceptionName: ExpiredToken"),
            "run `aws configure`",
        ),
        (READING.format("UNKNOWN (HTTP status 301) during GetObject", ""), "correct STEAM_AWS_REGION"),
        (READING.format("NO_SUCH_BUCKET during PutObject", ""), "there is no bucket"),
        (READING.format("SLOW_DOWN during GetObject", ""), "wait, and run it again"),
        (READING.format("UNKNOWN (HTTP status 507) during GetObject", ""), "wait, and run it again"),
        (READING.format("UNKNOWN (HTTP status 405) during GetObject", ""), "look up what this error of S3 means"),
        (READING.format("INVALID_OBJECT_STATE during GetObject", ""), "look up what this error of S3 means"),
        ("S3Exception: Forbidden (Service: S3, Status Code: 403, Request ID: 1)", "S3 refused a request"),
    ],
)
def test_a_failure_of_s3_says_what_to_do(reported: str, says: str) -> None:
    for text in (reported, f"py4j.protocol.Py4JJavaError: An error occurred\n: {reported}\n\tat org.apache.Spark"):
        said = outage_in(text, "s3://lake/raw")
        assert said is not None and says in said and "\n" not in said


def test_a_failure_of_a_catalog_says_what_to_correct() -> None:
    refused = ClientError({"Error": {"Code": "AccessDenied"}}, "ListObjectsV2")
    assert "allow s3:ListBucket" in str(outage(refused))
    for error in (UnauthorizedError("RESTError 401: <html>"), ServiceUnavailableError("RESTError 503: {}")):
        assert "check STEAM_ICEBERG_CATALOG_URI" in str(outage(error))
    login = '(psycopg2.OperationalError) connection to server failed: FATAL:  no such role "x"\n\n(Background on this'
    assert "correct STEAM_ICEBERG_CATALOG_URI" in str(outage_in(login))
    died = "(psycopg2.OperationalError) server closed the connection\n\tprobably it died\n\n[SQL: UPDATE x]\n(B"
    said = str(outage_in(died))
    assert "server closed the connection probably it died)" in said and "UPDATE" not in said


@pytest.mark.parametrize("action", ["GetTable", "StartJobRun", "CreateDataSet", "GetSecretValue", "PutAThing"])
def test_a_refusal_by_another_service_of_aws_is_not_one_of_s3(action: str) -> None:
    assert outage(ClientError({"Error": {"Code": "AccessDeniedException"}}, action)) is None


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError("Path does not exist: AWS Error NO_SUCH_KEY during HeadObject operation"),
        NoSuchTableError("steam.news"),
        ValueError("Invalid Avro file"),
        OSError("Corrupt snappy compressed data."),
    ],
)
def test_a_lost_or_damaged_file_is_no_outage(error: Exception) -> None:
    assert outage(error) is None
    raise_outage(error)


def test_an_error_of_ours_says_itself_what_happened() -> None:
    damaged = DamagedData("rows are missing")
    damaged.__cause__ = OSError(READING.format("SLOW_DOWN during GetObject", ""))
    assert outage(damaged) is None
    with pytest.raises(Unavailable, match="SLOW_DOWN"):
        raise_outage(damaged.__cause__)


def test_the_name_of_a_partition_is_no_secret() -> None:
    assert shown("s3://lake/partition_key=2026-11-28/a.parquet") == "s3://lake/partition_key=2026-11-28/a.parquet"
    assert shown("https://host/?api_key=abc&x=1") == "https://host/?api_key=(hidden)&x=1"
