"""Create the buckets of the four roots on an S3 server other than AWS (there, aws/steam-assets.yaml creates them).

Belongs here: creating missing buckets. Does not belong here: their contents.
"""

from __future__ import annotations

import boto3
from botocore.client import Config

from steam_assets.lake.roots import ROOT_NAMES
from steam_assets.settings import Settings


def main() -> None:
    """Create each bucket that a root names and the server lacks. Raises botocore's ClientError if refused."""
    settings = Settings()
    s3 = boto3.client(
        "s3",
        endpoint_url=settings.s3_endpoint_url,
        region_name=settings.aws_region,
        config=Config(s3={"addressing_style": "path"}, retries={"mode": "standard", "max_attempts": 10}),
    )
    present = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    roots = [settings.root(name) for name in ROOT_NAMES]
    wanted = {root.removeprefix("s3://").partition("/")[0] for root in roots if root.startswith("s3://")}
    for bucket in sorted(wanted - present):
        s3.create_bucket(Bucket=bucket)


if __name__ == "__main__":
    main()
