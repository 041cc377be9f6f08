"""Columns of a table, one array each, written side by side into rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from . import _parallel
from ._errors import ShapeError
from ._numba import uses_loops

_STRIPE = 2048  # rows that NumPy writes a column at a time: short enough that the rows stay in the cache
_VALUES_PER_THREAD = 1 << 17
_COMPILED = ("f8", "f4", "i8", "i4", "u1")  # the others are copied by NumPy, which converts them


def gather_columns(columns: Sequence[np.ndarray], positions: Sequence[int], out: np.ndarray) -> None:
    """Write columns, each an array of its own, into rows.

    Parameters
    ----------
    columns : sequence of (n,) arrays
        Real numbers or booleans of any NumPy type, contiguous or not.
    positions : sequence of int
        The column of `out` for each of them.
    out : (n, p) array, float64 or float32, C-contiguous
        Columns that are not named in `positions` are left as they are.

    Returns
    -------
    None
        The result is in `out`.

    Raises
    ------
    ShapeError
        If `out` is not such an array, or a column or its position does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from symkernels import gather_columns
    >>> rows = np.zeros((2, 2))
    >>> gather_columns([np.array([1, 2]), np.array([True, False])], [1, 0], rows)
    >>> rows
    array([[1., 1.],
           [0., 2.]])
    """
    if out.ndim != 2 or out.dtype not in (np.float64, np.float32) or not out.flags.c_contiguous:
        raise ShapeError("out must be a C-contiguous (n, p) array of float64 or float32")
    n, p = out.shape
    for column, position in zip(columns, positions, strict=True):
        if column.shape != (n,) or not 0 <= position < p:
            raise ShapeError(
                f"a column of shape {column.shape} at position {position} does not fit into rows of {(n, p)}"
            )
    groups: dict[str, list[int]] = {}
    rest = []
    for k, column in enumerate(columns):
        kind = "u1" if column.dtype == np.bool_ else column.dtype.str[1:]
        fits = kind in _COMPILED and column.dtype.isnative and column.flags.c_contiguous
        if fits and out.dtype == np.float64 and n and uses_loops("moments"):
            groups.setdefault(kind, []).append(k)
        else:
            rest.append(k)
    for start in range(0, n, _STRIPE):
        stop = min(start + _STRIPE, n)
        for k in rest:
            out[start:stop, positions[k]] = columns[k][start:stop]
    if not groups:
        return
    from . import _column_loops

    calls = []
    for kind, members in groups.items():
        addresses = np.array([columns[k].ctypes.data for k in members], np.intp)
        places, like = np.array([positions[k] for k in members], np.intp), np.empty(0, kind)
        threads = min(_parallel.thread_count(), max(1, n * len(members) // _VALUES_PER_THREAD))
        calls += [
            partial(_column_loops.gather, addresses, places, start, stop, like, out)
            for start, stop in _parallel.split(n, threads)
        ]
    _parallel.run_all(calls)
