"""Density: a histogram as an estimate of a density."""
# ruff: noqa: N815 - the names of the wire

from __future__ import annotations

import msgspec


class Density(msgspec.Struct):
    """A histogram of one attribute from `min` to `max` in bins of `width`; `error` says why there is none."""

    attrName: str
    min: float | None = None
    max: float | None = None
    width: float | None = None
    histogram: list[float | None] = []
    error: str = ""
