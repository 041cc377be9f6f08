"""Density: a histogram as an estimate of a density."""
# ruff: noqa: N815 - the names of the wire

from __future__ import annotations

import msgspec


class Density(msgspec.Struct):
    """A histogram of one attribute as an estimate of its density.

    Parameters
    ----------
    attrName : str
        The attribute.
    min, max, width : float or None, default None
        Ends of the histogram, and width of a bin.
    histogram : list of float, default []
        One value a bin.
    error : str, default ""
        The reason if there is no histogram.

    Examples
    --------
    >>> import symjobs as sj
    >>> density = sj.Density("height", min=1.5, max=1.9, width=0.2, histogram=[0.4, 0.6])
    >>> sj.to_json(density)[:41]
    b'{"attrName":"height","min":1.5,"max":1.9,'
    """

    attrName: str
    min: float | None = None
    max: float | None = None
    width: float | None = None
    histogram: list[float | None] = []
    error: str = ""
