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
        The ends, and the width of a bin.
    histogram : list of float, default []
        One value a bin.
    error : str, default ""
        Why there is none.
    """

    attrName: str
    min: float | None = None
    max: float | None = None
    width: float | None = None
    histogram: list[float | None] = []
    error: str = ""
