"""Envelope: the one JSON object that every response body is."""
# ruff: noqa: N815 - the names of the wire

from __future__ import annotations

from typing import Any

import msgspec


class Envelope(msgspec.Struct):
    """The body of every response.

    Parameters
    ----------
    statusCode : str
        The name of the HTTP status, as ``"OK"``.
    statusString : str
        One line of text.
    values : dict, default {}
        Entities by key.
    """

    statusCode: str
    statusString: str
    values: dict[str, Any] = {}
