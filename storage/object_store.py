"""Pictures in an object store with the S3 protocol: `s3://bucket/prefix`.

Credentials, region and endpoint come from the usual variables (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
`AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL`), or from the role of the machine, container or pod.
"""

import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import takewhile
from typing import Any

from ..errors import InvalidInputError
from .errors import StorageError
from .picture_files import PictureFile, PictureFiles

TIMEOUT = timedelta(seconds=30)
"""Longest duration of one request."""
CONNECT_TIMEOUT = timedelta(seconds=5)
RETRIES = 3
"""Further tries of a request that got no answer or a 5xx, after 0.1 s, 0.2 s and 0.4 s, each plus jitter."""
RETRY_TIMEOUT = timedelta(seconds=30)
"""No retry begins later than this after the first try."""

_URL = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/([^?#\s]*))?")


def parse_bucket_url(url: str) -> tuple[str, str]:
    """Bucket and prefix of `s3://bucket/prefix`; the prefix may be empty and has no slash at its ends.

    Raises:
        InvalidInputError: if it is another kind of address.
    """
    match = _URL.fullmatch(url)
    parts = (match[2] or "").strip("/").split("/") if match else []
    if match is None or any(part in (".", "..") for part in parts) or (len(parts) > 1 and "" in parts):
        raise InvalidInputError(f"NOTTHAT_IMAGES: write s3://bucket/prefix, not {url!r}")
    return match[1], "/".join(parts)


@dataclass(frozen=True, order=True)
class StoredObject:
    """A picture's object: `str` gives its URL."""

    url: str
    key: str = field(compare=False)
    """Its name in the store, without the prefix."""
    files: "ObjectStoreFiles" = field(compare=False, repr=False)
    length: int = field(default=0, compare=False)
    """Its size in bytes, if it was listed."""

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]

    def exists(self) -> bool:
        return self.files.exists(self)

    def read_bytes(self) -> bytes:
        """Raises FileNotFoundError if there is no such object."""
        content = self.files.read(self)
        if content is None:
            raise FileNotFoundError(self.url)
        return content

    def as_uri(self) -> str:
        return self.url

    def __str__(self) -> str:
        return self.url


class ObjectStoreFiles(PictureFiles):
    """Objects below a URL. Each is written by one PUT, so it is complete or absent, and no temporary ones are left."""

    def __init__(self, url: str) -> None:
        """Raises `InvalidInputError` if the URL is invalid or the extra is not installed. Connects on first use."""
        self._bucket, self._prefix = parse_bucket_url(url)
        self.place = f"s3://{self._bucket}" + (f"/{self._prefix}" if self._prefix else "")
        try:
            import obstore
            from obstore import exceptions
            from obstore.store import S3Store
        except ImportError as error:
            raise InvalidInputError("NOTTHAT_IMAGES needs an extra: pip install 'notthat[cluster]'") from error
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
        self._obstore, self._errors = obstore, exceptions
        try:
            self._objects = S3Store(
                self._bucket,
                prefix=self._prefix or None,
                checksum_algorithm="SHA256",  # the server refuses a body that was changed on its way
                client_options={
                    "timeout": TIMEOUT,
                    "connect_timeout": CONNECT_TIMEOUT,
                    "allow_http": endpoint.startswith("http://"),
                },
                retry_config={"max_retries": RETRIES, "retry_timeout": RETRY_TIMEOUT},
            )
        except exceptions.BaseError as error:
            raise InvalidInputError(f"NOTTHAT_IMAGES: {self.place} can't be used: {_short_reason(error)}") from error

    def file(self, name: str) -> StoredObject:
        return self._object(f"{name[:2]}/{name}.png")

    def exists(self, file: PictureFile) -> bool:
        return self._head(file) is not None

    def read(self, file: PictureFile) -> bytes | None:
        with self._translate():
            try:
                return bytes(self._obstore.get(self._objects, _key(file)).bytes())
            except (self._errors.NotFoundError, FileNotFoundError):
                return None

    def write(self, file: PictureFile, content: bytes) -> None:
        """Put the object, whose checksum the server verifies; then compare size and ETag with what it has."""
        with self._translate():
            result = self._obstore.put(self._objects, _key(file), content, use_multipart=False)
        head = self._head(file)
        if head is None or head["size"] != len(content) or head["e_tag"] != result["e_tag"]:
            raise StorageError(f"{file} was not stored as it was sent: try again")

    def ensure_durable(self, file: PictureFile) -> None:
        """Nothing to do: an object that can be read is durable."""

    def delete(self, file: PictureFile) -> bool:
        if not self.exists(file):  # S3 answers the same to both
            return False
        with self._translate():
            self._obstore.delete(self._objects, _key(file))
        return True

    def size(self, file: PictureFile) -> int:
        assert isinstance(file, StoredObject)
        return file.length

    def written_at(self, file: PictureFile) -> float:
        head = self._head(file)
        return time.time() if head is None else float(head["last_modified"].timestamp())

    def refresh(self, file: PictureFile) -> None:
        """Write it again: objects have no other way to a new date."""
        content = self.read(file)
        if content is not None:
            self.write(file, content)

    def starting_with(self, sha256: str) -> Sequence[PictureFile]:
        # S3 lists by any prefix, obstore by whole folders; it begins after a name, though, and S3 sorts by names
        objects = self._list(sha256[:2], after=f"{sha256[:2]}/{sha256}")
        return list(takewhile(lambda file: file.name.startswith(sha256), objects))

    def all(self) -> Iterator[PictureFile]:
        yield from self._list()

    def temporary(self, older_than: float) -> Iterator[PictureFile]:
        yield from ()

    def check(self) -> None:
        """Nothing to do: a bucket is addressed by its name."""

    def check_ready(self) -> None:
        with self._translate():
            next(iter(self._obstore.list(self._objects, chunk_size=1)), None)

    def _head(self, file: PictureFile) -> Any:
        with self._translate():
            try:
                return self._obstore.head(self._objects, _key(file))
            except (self._errors.NotFoundError, FileNotFoundError):
                return None

    def _list(self, folder: str | None = None, after: str | None = None) -> Iterator[StoredObject]:
        with self._translate():
            for batch in self._obstore.list(self._objects, folder, offset=after):
                for entry in batch:
                    if entry["path"].endswith(".png"):
                        yield self._object(entry["path"], entry["size"])

    def _object(self, key: str, length: int = 0) -> StoredObject:
        return StoredObject(f"{self.place}/{key}", key, self, length)

    @contextmanager
    def _translate(self) -> Iterator[None]:
        try:
            yield
        except (self._errors.BaseError, OSError) as error:
            reason = _short_reason(error)
            if isinstance(error, self._errors.PermissionDeniedError | self._errors.UnauthenticatedError):
                message = f"denies access ({reason}): check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and their rights"
            elif "NoSuchBucket" in str(error):
                message = "does not exist: create the bucket, or check NOTTHAT_IMAGES"
            else:
                message = f"can't be reached ({reason}): check the network and AWS_ENDPOINT_URL, then try again"
            raise StorageError(f"{self.place} {message}") from error


def _key(file: PictureFile) -> str:
    assert isinstance(file, StoredObject)
    return file.key


def _short_reason(error: BaseException) -> str:
    """The cause in the library's message, without its lines of structure and the body of the server's answer."""
    first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return " ".join(first_line.rpartition(" - ")[2].partition("<")[0].split())[:160].rstrip(" :.")
