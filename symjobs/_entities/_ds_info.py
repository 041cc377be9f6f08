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
        The name of the data source.
    info : dict of str to str, default {}
        The keys of the type, such as ``path``, and the format of CSV.
    extra : dict, default {}
        Further entries, which nothing reads.

    Examples
    --------
    >>> import symjobs as sj
    >>> dsinfo = sj.DSInfo("localfile", "people", {"path": "people.csv", "csv_entry_separator": ";"})
    >>> dsinfo.info["path"]
    'people.csv'
    """

    type: str
    name: str = ""
    info: dict[str, str] = {}
    extra: dict[str, Any] = {}

    def __repr__(self) -> str:
        return (
            f"DSInfo(type={self.type!r}, name={self.name!r}, info of {', '.join(self.info) or 'nothing'})"  # no secrets
        )
