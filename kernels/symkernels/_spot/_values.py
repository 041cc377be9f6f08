"""The values of a call, as float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._arrays import not_numbers, refuse_masked_or_sparse
from .._errors import ShapeError


def as_values(x: Any) -> tuple[np.ndarray, bool]:
    """Return ``x`` as a contiguous float64 vector, and whether it is a single number; raises `ShapeError`."""
    refuse_masked_or_sparse(x, "x")
    try:
        array = np.asarray(x)
    except (TypeError, ValueError) as error:
        raise ShapeError(f"the values must be a number or a 1-D array of numbers, not {type(x).__name__}") from error
    if array.dtype.kind not in "fiub":
        raise ShapeError(not_numbers(array, "x"))
    if array.ndim > 1:
        raise ShapeError(f"the values must be a number or a 1-D array, not of shape {array.shape}; pass x.ravel()?")
    return np.ascontiguousarray(array.reshape(-1), dtype=np.float64), array.ndim == 0
