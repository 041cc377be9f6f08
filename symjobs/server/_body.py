"""The body of a request: read as a stream, decompressed, and never larger than allowed."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from symjobs._errors import InputError, QueueFull

_GZIP = 16 + zlib.MAX_WBITS
_STEP = 1 << 20  # bytes that are decompressed at once
_BODIES = 4  # bodies of the largest size that may be in memory at the same time
_PAUSES = 20


class Disconnected(Exception):
    """The client has gone."""


async def drain(receive: Callable[[], Awaitable[Any]], most: int, pause: float) -> None:
    """Throw away the rest of a body, so that a client that is still sending it gets to read the answer.

    Takes at most `pause` seconds.
    """
    end = time.monotonic() + pause
    while most > 0:
        try:
            message = await asyncio.wait_for(receive(), max(0.0, end - time.monotonic()))
        except TimeoutError:
            return
        if not message.get("more_body", False):
            return
        most -= len(message.get("body", b""))


class Bodies:
    """How large bodies may be, one and all that are in memory, and how slow. Only the event loop uses it.

    Parameters
    ----------
    largest : int
        Most bytes of a body, also after decompression.
    pause : float
        Most seconds without a further byte; a body as a whole may take twenty times as long.
    """

    def __init__(self, largest: int, pause: float) -> None:
        self.largest, self.pause = largest, pause
        self._held = 0

    def take(self, count: int) -> None:
        """Count bytes; QueueFull if the bodies that are in memory are too many."""
        if self._held + count > _BODIES * self.largest:
            raise QueueFull("the bodies of other requests fill the memory that is for them; try again later")
        self._held += count

    def give_back(self, body: bytearray) -> None:
        """Count the bytes of a body no more."""
        self._held -= len(body)


async def read_body(
    receive: Callable[[], Awaitable[Any]], headers: Mapping[str, str], body: bytearray, bodies: Bodies
) -> None:
    """Append a body, decompressed, to what may be a part of it if this raises.

    Parameters
    ----------
    receive : callable
        Of the ASGI interface.
    headers : mapping of str to str
        With names in lower case.
    body : bytearray
        Where it goes.
    bodies : Bodies
        What is allowed, and has counted the bytes of `body` afterwards.

    Raises
    ------
    InputError
        If there are more bytes, they come too slowly, or are not what ``Content-Encoding`` says.
    QueueFull
        If other bodies take all memory that is for them.
    Disconnected
        If the client has gone.
    """
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip", "deflate"):
        raise InputError(f"unknown Content-Encoding {encoding!r}; send gzip, deflate, or no encoding")
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > bodies.largest:
        raise _too_large(bodies.largest)
    inflate = zlib.decompressobj(_GZIP if "gzip" in encoding else zlib.MAX_WBITS) if encoding != "identity" else None
    end = time.monotonic() + _PAUSES * bodies.pause
    while True:
        try:
            message = await asyncio.wait_for(receive(), min(bodies.pause, max(0.0, end - time.monotonic())))
        except TimeoutError:
            raise InputError(f"the body did not go on within {bodies.pause:g} seconds") from None
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk = message.get("body", b"")
        while chunk and not (inflate is not None and inflate.eof):
            more = chunk
            if inflate is not None:
                more = await asyncio.to_thread(_inflated, inflate, chunk)
            bodies.take(len(more))
            body += more
            if len(body) > bodies.largest:
                raise _too_large(bodies.largest)
            chunk = b"" if inflate is None else inflate.unconsumed_tail
        if not message.get("more_body", False):
            break
    if inflate is not None and body and not inflate.eof:
        raise InputError(f"the body ends before its {encoding} data does")


def _inflated(inflate: Any, chunk: bytes) -> bytes:
    try:
        return bytes(inflate.decompress(chunk, _STEP))
    except zlib.error:
        raise InputError("the body is not compressed as Content-Encoding says") from None


def _too_large(limit: int) -> InputError:
    return InputError(f"the body is larger than {limit:,} bytes; send fewer rows at once, or upload a file")
