"""The body of a request: read as a stream, decompressed, and never larger than allowed."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from symjobs._errors import InputError

_GZIP = 16 + zlib.MAX_WBITS
_STEP = 1 << 20  # bytes that are decompressed at once


class Disconnected(Exception):
    """The client has gone."""


async def drain(receive: Callable[[], Awaitable[Any]], most: int, pause: float) -> None:
    """Throw away the rest of a body, so that a client that is still sending it gets to read the answer."""
    while most > 0:
        try:
            message = await asyncio.wait_for(receive(), pause)
        except TimeoutError:
            return
        if not message.get("more_body", False):
            return
        most -= len(message.get("body", b""))


async def read_body(
    receive: Callable[[], Awaitable[Any]], headers: Mapping[str, str], limit: int, pause: float
) -> bytearray:
    """Return the body, decompressed.

    Parameters
    ----------
    receive : callable
        Of the ASGI interface.
    headers : mapping of str to str
        With names in lower case.
    limit : int
        Most bytes, also after decompression.
    pause : float
        Most seconds without a further byte.

    Raises
    ------
    InputError
        If there are more bytes, they come too slowly, or are not what ``Content-Encoding`` says.
    Disconnected
        If the client has gone.
    """
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip", "deflate"):
        raise InputError(f"unknown Content-Encoding {encoding!r}; send gzip, deflate, or no encoding")
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > limit:
        raise _too_large(limit)
    inflate = zlib.decompressobj(_GZIP if "gzip" in encoding else zlib.MAX_WBITS) if encoding != "identity" else None
    body = bytearray()
    while True:
        try:
            message = await asyncio.wait_for(receive(), pause)
        except TimeoutError:
            raise InputError(f"the body did not go on within {pause:g} seconds") from None
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk = message.get("body", b"")
        if inflate is None:
            body += chunk
        elif chunk:
            await asyncio.to_thread(_inflate, inflate, chunk, body, limit)
        if len(body) > limit:
            raise _too_large(limit)
        if not message.get("more_body", False):
            break
    if inflate is not None and body and not inflate.eof:
        raise InputError(f"the body ends before its {encoding} data does")
    return body


def _inflate(inflate: Any, chunk: bytes, body: bytearray, limit: int) -> None:
    try:
        while chunk and len(body) <= limit and not inflate.eof:
            body += inflate.decompress(chunk, _STEP)
            chunk = inflate.unconsumed_tail
    except zlib.error:
        raise InputError("the body is not compressed as Content-Encoding says") from None


def _too_large(limit: int) -> InputError:
    return InputError(f"the body is larger than {limit:,} bytes; send fewer rows at once, or upload a file")
