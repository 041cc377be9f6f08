"""Density: a histogram as an estimate of a density."""

from __future__ import annotations

import msgspec


class Density(msgspec.Struct):
    """A histogram of one attribute from `min` to `max` in bins of `width`; `error` says why there is none."""

    attrName: str  # noqa: N815
    min: float | None = None
    max: float | None = None
    width: float | None = None
    histogram: list[float | None] = []
    error: str = ""
