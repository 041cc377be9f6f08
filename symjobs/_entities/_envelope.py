"""Envelope: the JSON object of every response body."""
# ruff: noqa: N815 - the names of the wire

from __future__ import annotations

from typing import Any

import msgspec


class Envelope(msgspec.Struct):
    """The body of every response.

    Parameters
    ----------
    statusCode : str
        The name of the HTTP status, such as ``"OK"``.
    statusString : str
        One line of text.
    values : dict, default {}
        Entities by key.

    Examples
    --------
    >>> import symjobs as sj
    >>> sj.to_json(sj.Envelope("OK", "done"))
    b'{"statusCode":"OK","statusString":"done","values":{}}'
    """

    statusCode: str
    statusString: str
    values: dict[str, Any] = {}
