"""Objects in S3, and in every store that answers as S3 does."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from symjobs._errors import InputError, MissingDependency
from symjobs.sources._access import Access
from symjobs.sources._files import DataFile, RemoteFile, Stream

_PIECE = 2**20
_AMAZON = "s3.amazonaws.com"


@dataclass(frozen=True)
class S3Settings:
    """How a store is reached. What is not given comes from the environment, such as ``AWS_ACCESS_KEY_ID``."""

    access_key: str = ""
    secret_key: str = ""
    region: str = ""
    endpoint: str = ""  # such as https://minio.example.org; by default Amazon's

    def __repr__(self) -> str:
        return f"S3Settings(region={self.region!r}, endpoint={self.endpoint!r})"  # without the keys

    @classmethod
    def of(cls, info: Mapping[str, str]) -> S3Settings:
        """Return those of a description."""
        return cls(*(info.get(key, "") for key in ("s3accessKey", "s3secretKey", "s3region", "s3endpoint")))

    def allowed_endpoint(self, bucket: str, access: Access | None) -> str:
        """Return the endpoint, empty for the usual one; InputError if a server does not open it for its clients."""
        if not re.fullmatch(r"[A-Za-z0-9._-]+", bucket) or not re.fullmatch(r"[A-Za-z0-9-]*", self.region):
            raise InputError(f"the bucket {bucket!r} or the region {self.region!r} has characters that none has")
        if access is None:
            return self.endpoint
        access.check_host(urlsplit(self.endpoint).hostname or "" if self.endpoint else _AMAZON)
        if not (self.access_key and self.secret_key):
            # The server's own keys are not for its clients.
            raise InputError("an S3 data source needs s3accessKey and s3secretKey")
        # Not that of the server's environment.
        return self.endpoint or f"https://s3.{self.region or 'us-east-1'}.amazonaws.com"


class S3File(RemoteFile):
    """An object of a bucket."""

    def __init__(self, store: _Store, key: str, size: int | None) -> None:
        self.name = f"s3://{store.bucket}/{key}"
        self.size = size
        self.is_sent = store.is_sent
        self._store, self._key = store, key

    def open(self) -> Stream:
        found = self._store.call(self.name, "get", self._key)
        self.size = int(found.meta["size"])
        return _S3Stream(self, found.stream(min_chunk_size=_PIECE))


class _S3Stream:
    def __init__(self, file: S3File, parts: Iterator[Any]) -> None:
        self.position = 0
        self._file, self._parts = file, parts
        self._rest = memoryview(b"")

    def read(self, size: int) -> bytes:
        if not self._rest:
            try:
                self._rest = memoryview(bytes(next(self._parts, b"")))
            except Exception as error:  # noqa: BLE001 - obstore raises classes of its own, and OSError
                raise InputError(f"{self._file.name} cannot be read: {_words(error)}") from None
        data = bytes(self._rest[:size])
        self._rest = self._rest[size:]
        self.position += len(data)
        if not data and size and self._file.size is not None and self.position < self._file.size:
            raise InputError(f"{self._file.name}: the data ended after {self.position} of {self._file.size} bytes")
        return data

    def close(self) -> None:
        self._rest, self._parts = memoryview(b""), iter(())


class _Store:
    """A bucket."""

    def __init__(self, bucket: str, settings: S3Settings, timeout: float, access: Access | None) -> None:
        try:
            import obstore
            from obstore.store import S3Store
        except ImportError:
            raise MissingDependency("obstore", "s3", "reading from S3") from None
        self.bucket = bucket
        self.is_sent = access is not None
        limit = timedelta(seconds=timeout)
        endpoint = settings.allowed_endpoint(bucket, access)
        if access is None:
            endpoint = endpoint or os.environ.get("AWS_ENDPOINT_URL", "")
        given: dict[str, Any] = {
            "access_key_id": settings.access_key,
            "secret_access_key": settings.secret_key,
            "region": settings.region,
            "endpoint": endpoint,
        }
        self._obstore = obstore
        try:
            self._store = S3Store(
                bucket,
                **{name: value for name, value in given.items() if value},
                client_options={
                    "allow_http": endpoint.startswith("http://"),
                    "connect_timeout": limit,
                    "timeout": limit,
                },
                retry_config={"max_retries": 2, "retry_timeout": limit},
            )
        except Exception as error:  # noqa: BLE001
            raise InputError(f"the S3 bucket {bucket!r} cannot be opened: {_words(error)}") from None

    def call(self, name: str, what: str, *arguments: Any) -> Any:
        try:
            return getattr(self._obstore, what)(self._store, *arguments)
        except FileNotFoundError:
            raise InputError(f"no such object: {name}") from None
        except Exception as error:  # noqa: BLE001
            raise InputError(f"{name} cannot be read: {_words(error)}") from None


def s3_files(url: str, settings: S3Settings, timeout: float, access: Access | None) -> Sequence[DataFile]:
    """Return the object at an address, or those below it where the key ends with ``/`` or is a pattern."""
    bucket, _, key = url.removeprefix("s3://").partition("/")
    if not bucket:
        raise InputError(f"{url!r} names no bucket; write s3://bucket/key")
    store = _Store(bucket, settings, timeout, access)
    if key and not key.endswith("/") and "*" not in key:
        return [S3File(store, key, int(store.call(url, "head", key)["size"]))]
    prefix = key.partition("*")[0].rpartition("/")[0]
    found = [item for part in store.call(url, "list", prefix or None) for item in part]
    pattern = key if "*" in key else f"{key}*"
    chosen = sorted(
        (item["path"], int(item["size"])) for item in found if item["size"] and fnmatchcase(item["path"], pattern)
    )
    if not chosen:
        raise InputError(f"no object matches {url}")
    return [S3File(store, path, size) for path, size in chosen]


def _words(error: Exception) -> str:
    """Return the first line of an error of the client library, whose details may repeat the request."""
    text = str(error).strip().partition("\n")[0]
    if "403" in text or "Forbidden" in text or "AccessDenied" in text:
        return "access denied; check the keys and what they may read"
    if "timed out" in text.lower() or "timeout" in text.lower():
        return "no answer in time"
    return text[:300]
