"""Of which power of two all values of a column are multiples. It tells which sums are known without any error."""

from __future__ import annotations

import array_api_compat as compat
import numpy as np

from .._arrays import Array, is_numpy, namespace, to_numpy
from .._numba import uses_loops

_SAMPLE = 64  # rows
_FINER = (0, 10, 20, 40, 80)  # places after the binary point that all rows may have, beyond those of the sample


def fineness(X: Array, shift: Array) -> Array:
    """Return for each column a power of two that makes whole numbers of its values and its shift.

    It is inf where none was found, and 0 for a column without values.
    """
    if is_numpy(X) and uses_loops("moments"):
        from ._fineness_loops import places

        with np.errstate(over="ignore"):
            return np.ldexp(1.0, np.maximum(places(X), places(shift[None, :])))
    xp, device = namespace(X), compat.device(X)
    sample = to_numpy(X[:: max(1, X.shape[0] // _SAMPLE), :]).astype(np.float64)
    found = _of_values(np.concatenate([sample, to_numpy(shift)[None, :]]))
    for j in np.flatnonzero(found == 0):
        column = to_numpy(X[:, int(j)]).astype(np.float64)
        found[j] = _of_values(column[(column != 0) & ~np.isnan(column)][:_SAMPLE, None])[0]
    columns = np.flatnonzero(np.isfinite(found))
    for more in _FINER:
        if not len(columns):
            break
        values = X if len(columns) == X.shape[1] else xp.take(X, xp.asarray(columns, device=device), axis=1)
        with np.errstate(over="ignore"):
            finer = found[columns] * 2.0**more
        scaled = xp.astype(values, xp.float64, copy=False) * xp.asarray(finer, device=device)
        good = to_numpy(xp.all((scaled == xp.floor(scaled)) | xp.isnan(scaled), axis=0))
        found[columns[good]] = finer[good]
        columns = columns[~good]
    found[columns] = np.inf
    return xp.asarray(found, device=device)


def _of_values(values: np.ndarray) -> np.ndarray:
    values = np.where(np.isfinite(values), values, 0.0)
    mantissa, exponent = np.frexp(values)
    whole = np.abs(np.ldexp(mantissa, 53)).astype(np.int64)
    last = np.frexp((whole & -whole).astype(np.float64))[1] - 1  # the place of the last 1 among 53
    places = np.where(values != 0, 53 - last - exponent, -1100).max(axis=0, initial=-1100)  # after the binary point
    with np.errstate(over="ignore"):
        return np.ldexp(1.0, places)  # 0 without values
