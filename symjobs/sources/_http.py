"""Files at an address of the web."""

from __future__ import annotations

import base64
import http.client
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from symjobs._errors import InputError
from symjobs.sources._access import Access
from symjobs.sources._files import RemoteFile, Stream

_UNREACHABLE = (OSError, http.client.HTTPException)


def without_password(url: str) -> str:
    """Return an address without the name and the password in it."""
    scheme, mark, rest = url.partition("://")
    netloc, slash, path = rest.partition("/")
    return scheme + mark + netloc.rpartition("@")[2] + slash + path


class HttpFile(RemoteFile):
    """A file that a web server gives for a GET. A name and a password in the address are sent, but not shown."""

    def __init__(self, url: str, timeout: float, access: Access | None = None) -> None:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise InputError(f"{without_password(url).partition('?')[0]!r} is no address: {error}") from None
        if not host:
            raise InputError(f"{without_password(url).partition('?')[0]!r} names no host")
        place = f"[{host}]" if ":" in host else host
        self.url = urlunsplit(parts._replace(netloc=place if port is None else f"{place}:{port}", fragment=""))
        self.name = urlunsplit(urlsplit(self.url)._replace(query=""))  # a query may hold a token
        self.is_sent = access is not None
        self._access, self._timeout = access, timeout
        self._headers = {"User-Agent": "symjobs", "Accept-Encoding": "identity"}
        if parts.username:
            secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            self._headers["Authorization"] = f"Basic {base64.b64encode(secret).decode()}"
        self._version: str | None = None
        self.size = None  # until it was opened

    def open(self) -> Stream:
        return _HttpStream(self._get(), self)

    def _get(self) -> Any:
        opener = urllib.request.build_opener(_Redirects(self._access))
        if self._access is not None:
            self._access.check_host(urlsplit(self.url).hostname or "")
        try:
            answer = opener.open(urllib.request.Request(self.url, headers=self._headers), timeout=self._timeout)
        except urllib.error.HTTPError as error:
            error.close()
            hint = "; check the name and the password" if error.code in (401, 403) else ""
            raise InputError(f"{self.name}: the server answers {error.code} {error.reason}{hint}") from None
        except ValueError as error:
            raise InputError(f"{self.name} is no address: {error}") from None
        except _UNREACHABLE as error:
            raise self.unreachable(error) from None
        length = answer.headers.get("Content-Length")
        version = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
        size = int(length) if length is not None and length.isdigit() else None
        if self._version is not None and version != self._version:
            answer.close()
            raise InputError(f"{self.name} changed between its first rows and the whole; read it again")
        self._version, self.size = version, size
        return answer

    def unreachable(self, error: BaseException) -> InputError:
        """Return the error for a server that does not answer, or no longer does."""
        reason = getattr(error, "reason", error)
        words = "no answer in time" if isinstance(reason, TimeoutError) else str(reason) or type(reason).__name__
        return InputError(f"{self.name} cannot be read: {words}")


class _HttpStream:
    def __init__(self, answer: Any, file: HttpFile) -> None:
        self.position = 0
        self._answer, self._file = answer, file

    def read(self, size: int) -> bytes:
        try:
            data: bytes = self._answer.read(size)
        except _UNREACHABLE as error:
            raise self._file.unreachable(error) from None
        self.position += len(data)
        if not data and size and self._file.size is not None and self.position < self._file.size:
            raise InputError(
                f"{self._file.name}: the connection ended after {self.position} of {self._file.size} bytes; try again"
            )
        return data

    def close(self) -> None:
        self._answer.close()


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirections to allowed hosts, without the password."""

    def __init__(self, access: Access | None) -> None:
        self._access = access

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        target, origin = urlsplit(newurl), urlsplit(req.full_url)
        try:
            if target.scheme not in ("http", "https"):
                raise InputError(f"{origin.hostname} redirects to {target.scheme!r}, which is not followed")
            if self._access is not None:
                self._access.check_host(target.hostname or "")
        except InputError:
            fp.close()
            raise
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        if following is not None and (target.scheme, target.netloc) != (origin.scheme, origin.netloc):
            following.headers.pop("Authorization", None)
        return following
