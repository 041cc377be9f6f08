"""Signed requests: the string to sign, its signature, and the check of both (contract, section 7)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import unquote

from symjobs._errors import InputError
from symjobs._text import shown

OLDEST, NEWEST = 300.0, 60.0  # seconds that a date may lie in the past, and in the future
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2})(?:;(\d*))?", re.ASCII)
_SECRET = "SECRETKEY"
_SHOWN_BODY = 4096  # bytes of a body that an error repeats


class Refused(Exception):
    """A request that is not let in.

    Parameters
    ----------
    status : HTTPStatus
    text : str
        The status string of the answer.
    string_to_sign : str, optional
        What should have been signed, without the secret.
    """

    def __init__(self, status: HTTPStatus, text: str, string_to_sign: str | None = None) -> None:
        super().__init__(text)
        self.status, self.text, self.string_to_sign = status, text, string_to_sign


@dataclass(frozen=True)
class Message:
    """What is signed of a request.

    Attributes
    ----------
    method : str
    cid : str
        The customer, as the path names it, percent-decoded.
    path : str
        The URL's path as it was sent.
    query : str
        The raw query, without ``?``.
    body : bytes-like
        The body; empty if there is none.
    """

    method: str
    cid: str
    path: str
    query: str = ""
    body: bytes | bytearray = b""

    def parts(self, secret: str, date: str, md5: str, path: str) -> Iterator[bytes | bytearray]:
        """Yield the string to sign, in parts, so that a large body is not copied."""
        yield "".join(f"{line}\n" for line in (self.method, md5, secret, date, self.cid)).encode()
        if self.body:
            yield self.body
            yield b"\n"
        yield f"{path}\n".encode("utf-8", "surrogateescape")
        if self.query:
            yield f"{self.query}\n".encode("utf-8", "surrogateescape")

    def shown(self, date: str, md5: str) -> str:
        """Return the string to sign without the secret; of a large body only its beginning."""
        body = bytes(self.body[:_SHOWN_BODY]) + (b"..." if len(self.body) > _SHOWN_BODY else b"")
        short = Message(self.method, self.cid, self.path, self.query, body)
        return b"".join(short.parts(_SECRET, date, md5, self.path)).decode("utf-8", "replace")


def new_secret(random: bytes) -> str:
    """Return random bytes as the secret of a user."""
    return base64.b64encode(random).decode()


def decoded(secret: str) -> bytes:
    """Return the key that a secret stands for; ValueError if it is not Base64."""
    try:
        return base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a secret is Base64 text") from None


def check_secret(name: str, secret: str) -> None:
    """Raise InputError if the secret of a customer is none."""
    try:
        usable = bool(decoded(secret))
    except (TypeError, ValueError):
        usable = False
    if not usable:  # it may be another secret: it is not shown
        raise InputError(
            f"the secret of {shown(name)} is no Base64 text; make one with "
            "python -c 'import base64, os; print(base64.b64encode(os.urandom(16)).decode())'"
        )


def signed_headers(message: Message, secret: str, now: float | None = None) -> dict[str, str]:
    """Return the headers that sign a request, for clients.

    Parameters
    ----------
    message : Message
    secret : str
        Base64 text.
    now : float, optional
        Seconds since the epoch; by default the clock's.
    """
    nanoseconds = time.time_ns() if now is None else int(now * 10**9)
    moment = datetime.fromtimestamp(nanoseconds // 10**9, UTC)
    date = f"{moment:%Y-%m-%d %H:%M:%S};{nanoseconds % 10**9}"
    md5 = _md5(message.body)
    headers = {"sym-date": date, "Authorization": _signature(message, secret, date, md5, message.path)}
    return headers | ({"Content-MD5": md5} if md5 else {})


def check(
    message: Message, headers: Mapping[str, str], secret_of: Callable[[str], str | None], now: float | None = None
) -> str:
    """Let a request in, and return its signature, or raise Refused.

    Parameters
    ----------
    message : Message
    headers : mapping of str to str
        With names in lower case.
    secret_of : callable
        Returns the secret of a customer, None if there is no such customer.
    now : float, optional
        Seconds since the epoch; by default the clock's.
    """
    given, date = check_date(headers, now)
    md5 = _md5(message.body)
    claimed = headers.get("content-md5")
    if claimed and claimed.strip() != md5:
        raise Refused(HTTPStatus.BAD_REQUEST, "Md5 do not match")
    secret = secret_of(message.cid)
    if secret is None:
        raise Refused(HTTPStatus.UNAUTHORIZED, "Invalid User", message.shown(date, md5))
    # A client that sends no Content-MD5 may have left its line empty; some clients sign the decoded path.
    sums = [md5] if claimed or not md5 else [md5, ""]
    paths = list(dict.fromkeys([message.path, unquote(message.path)]))
    good = False
    for one in sums:
        for path in paths:
            good |= hmac.compare_digest(_signature(message, secret, date, one, path).encode(), given.strip().encode())
        if good:
            return given.strip()
    raise Refused(HTTPStatus.UNAUTHORIZED, "Invalid Signature", message.shown(date, md5))


def check_date(headers: Mapping[str, str], now: float | None = None) -> tuple[str, str]:
    """Return the signature and the date of a request, or raise Refused: what can be checked before the body is read.

    Parameters
    ----------
    headers, now
        As `check` takes them.
    """
    given = headers.get("authorization")
    if given is None:
        raise Refused(HTTPStatus.BAD_REQUEST, "Authentication header is null")
    date = headers.get("sym-date")
    if date is None:
        raise Refused(HTTPStatus.BAD_REQUEST, "sym-date header is null")
    now = time.time() if now is None else now
    match = _DATE.fullmatch(date.strip())
    try:
        if match is None:
            raise ValueError
        seconds = datetime.strptime(match[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise Refused(HTTPStatus.BAD_REQUEST, "Invalid Date Format") from None
    if not now - OLDEST <= seconds <= now + NEWEST:
        raise Refused(HTTPStatus.BAD_REQUEST, "Please update your server time, it is likely out of sync with UTC")
    return given, date


def _signature(message: Message, secret: str, date: str, md5: str, path: str) -> str:
    mac = hmac.new(decoded(secret), digestmod=hashlib.sha256)
    for part in message.parts(secret, date, md5, path):
        mac.update(part)
    return base64.b64encode(mac.digest()).decode()


def _md5(body: bytes | bytearray) -> str:
    if not body:
        return ""
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
