"""Envelope: the one JSON object that every response body is."""
# ruff: noqa: N815 - the names of the wire

from __future__ import annotations

from typing import Any

import msgspec


class Envelope(msgspec.Struct):
    """The body of every response: the name of the HTTP status, a line of text, and entities by key."""

    statusCode: str
    statusString: str
    values: dict[str, Any] = {}
