"""Envelope: the one JSON object that every response body is."""

from __future__ import annotations

from typing import Any

import msgspec


class Envelope(msgspec.Struct):
    """The body of every response: the name of the HTTP status, a line of text, and entities by key."""

    statusCode: str  # noqa: N815
    statusString: str  # noqa: N815
    values: dict[str, Any] = {}
