"""DSInfo: where data lies and how to read it."""

from __future__ import annotations

from typing import Any

import msgspec


class DSInfo(msgspec.Struct):
    """The description of a data source.

    Parameters
    ----------
    type : str
        ``localfile``, ``http``, ``s3``, ``jdbc`` or ``sparks3_map_reduce_*``.
    name : str, default ""
        Its name.
    info : dict of str to str, default {}
        The keys that the type asks for, such as ``path``, and how its CSV is written.
    extra : dict, default {}
        Carried along, not read.
    """

    type: str
    name: str = ""
    info: dict[str, str] = {}
    extra: dict[str, Any] = {}
