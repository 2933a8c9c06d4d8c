"""An object store with the S3 protocol for tests, on loopback, that can be away."""

import itertools
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import pytest

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests", "AWS_REGION": "us-east-1"}


class ObjectStoreServer:
    """A context manager."""

    def __init__(self) -> None:
        pytest.importorskip("moto", reason="pip install 'moto[server]' to test with an object store")
        pytest.importorskip("obstore", reason="pip install obstore to test with an object store")
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self._port = found.getsockname()[1]
        self.address = f"http://127.0.0.1:{self._port}"
        self.environment = {**CREDENTIALS, "AWS_ENDPOINT_URL": self.address}
        self._buckets = (f"bucket-{number}" for number in itertools.count())
        self.start()

    def start(self) -> None:
        """Start the server with the objects that it had."""
        from moto.server import ThreadedMotoServer

        self._server = ThreadedMotoServer("127.0.0.1", self._port, verbose=False)
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Stop the server for the block."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def client(self) -> Any:
        """Another client of the store."""
        import boto3

        key, secret, region = CREDENTIALS.values()
        return boto3.client(
            "s3",
            endpoint_url=self.address,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            region_name=region,
        )

    def new_bucket(self) -> str:
        """Create a bucket, and return its URL."""
        name = next(self._buckets)
        self.client().create_bucket(Bucket=name)
        return f"s3://{name}"

    def keys(self, bucket: str) -> list[str]:
        """The objects' names."""
        return [each["Key"] for each in self.client().list_objects_v2(Bucket=bucket).get("Contents", ())]

    def put(self, url: str, content: bytes) -> None:
        """Write an object past notthat."""
        bucket, _, key = url.removeprefix("s3://").partition("/")
        self.client().put_object(Bucket=bucket, Key=key, Body=content)

    def get(self, url: str) -> bytes:
        """Read an object past notthat."""
        bucket, _, key = url.removeprefix("s3://").partition("/")
        content: bytes = self.client().get_object(Bucket=bucket, Key=key)["Body"].read()
        return content

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
