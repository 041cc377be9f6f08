"""Which body fits tails: the fast path for NumPy, else the one for every array library."""

from __future__ import annotations

import math

import array_api_compat as compat
import numpy as np

from .._arrays import Array, is_numpy, namespace
from .._numba import uses_loops
from . import _generic
from ._generic import Fits

_SECONDS = 2e-3  # of the generic body for a fit


def uses_compiled(x: Array) -> bool:
    """Whether compiled loops take the excesses: NumPy arrays, once the loops are compiled."""
    return is_numpy(x) and uses_loops("pareto", _SECONDS * (x.shape[0] if x.ndim == 2 else 1))


def fit_rows(x: Array, c: Array | None) -> Fits:
    """Fit each row of x (m, n), with the censored values in that of c (m, k); float64, NaN where there is none."""
    # CuPy has no fast path: the rows of a batch are fitted together, in a few hundred operations on all of them.
    if uses_compiled(x):
        from . import _compiled

        return _compiled.fit_rows(x, c)
    if x.shape[1] == 0:
        xp = namespace(x)
        x = xp.full((x.shape[0], 1), math.nan, dtype=xp.float64, device=compat.device(x))
    with np.errstate(all="ignore"):  # NumPy alone warns of the points that are left out afterwards
        return _generic.fit_rows(x, c)
