"""Rows whose columns are arrays of their own, as in a table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial

import numpy as np

from . import _parallel
from ._errors import ShapeError
from ._numba import uses_loops

_STRIPE = 2048  # rows that NumPy writes a column at a time: short enough that the rows stay in the cache
_VALUES_PER_THREAD = 1 << 17
# What the compiled loop reads, with the code that `_column_loops` has for it. NumPy copies the others.
_KINDS = {np.dtype(kind): code for code, kind in enumerate(("f8", "f4", "i8", "i4", "u1"))} | {np.dtype(bool): 4}


class Columns:
    """Rows whose columns are arrays of their own, as a data frame holds them. `Moments.learn` reads them in place.

    Parameters
    ----------
    columns : sequence of (n,) arrays
        Real numbers, NaN where missing, or booleans, of any NumPy type, contiguous or not. They are held, not copied.

    Attributes
    ----------
    columns : tuple of arrays
    shape : (int, int)
        Rows and columns.

    Raises
    ------
    ShapeError
        If a column is not a NumPy array of one dimension and of real numbers, or lengths differ.

    Examples
    --------
    >>> import numpy as np
    >>> from symkernels import Columns, Moments
    >>> table = Columns([np.array([1.0, 2.0, 4.0]), np.array([True, False, True])])
    >>> table.shape
    (3, 2)
    >>> table.rows()
    array([[1., 1.],
           [2., 0.],
           [4., 1.]])
    >>> Moments(2).learn(table).mean()
    array([2.33333333, 0.66666667])
    """

    def __init__(self, columns: Sequence[np.ndarray]) -> None:
        self.columns = tuple(columns)
        for k, column in enumerate(self.columns):
            if not isinstance(column, np.ndarray) or column.ndim != 1 or column.dtype.kind not in "fiub":
                raise ShapeError(f"column {k} must be a NumPy array of one dimension that holds real numbers")
            if len(column) != len(self.columns[0]):
                raise ShapeError(f"column {k} has {len(column)} rows, and column 0 has {len(self.columns[0])}")
        self.shape = (len(self.columns[0]) if self.columns else 0, len(self.columns))

    def __repr__(self) -> str:
        return f"Columns({self.shape[1]} of {self.shape[0]} rows)"

    def rows(self, some: slice = slice(None)) -> np.ndarray:
        """Return rows as one array.

        Parameters
        ----------
        some : slice, default all

        Returns
        -------
        (m, p) float64 array
            A copy, or a view that cannot be written to, where the columns are those of one C-ordered array.
        """
        if self._one_array is not None:
            return self._one_array[some]
        start, stop, step = some.indices(self.shape[0])
        if step == 1 and self.shape[1] and self.compiled and uses_loops("moments"):
            out = np.empty((max(0, stop - start), self.shape[1]))
            _write_rows(self.source, start, out)
            return out
        chosen = [column[some] for column in self.columns]
        out = np.empty((len(chosen[0]) if chosen else 0, self.shape[1]))
        gather_columns(chosen, range(self.shape[1]), out)
        return out

    @cached_property
    def _one_array(self) -> np.ndarray | None:
        if not self.shape[1] or any(column.dtype != np.float64 for column in self.columns):
            return None
        first, size = self.columns[0], np.dtype(np.float64).itemsize
        stride, start = first.strides[0], first.ctypes.data
        neighbours = stride >= self.shape[1] * size and all(
            column.strides[0] == stride and column.ctypes.data == start + k * size
            for k, column in enumerate(self.columns)
        )
        if not neighbours:
            return None
        return np.lib.stride_tricks.as_strided(first, self.shape, (stride, size), writeable=False)

    @cached_property
    def source(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What the compiled loops read them by, while this object holds them: `addresses`."""
        return addresses(self.columns)

    @property
    def compiled(self) -> bool:
        """Whether compiled loops read every column in place."""
        return all(column.dtype in _KINDS for column in self.columns)


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
    here: list[np.ndarray | None] = [None] * p
    rest = []
    for k, column in enumerate(columns):
        if out.dtype == np.float64 and n and column.dtype in _KINDS and uses_loops("moments"):
            here[positions[k]] = column
        else:
            rest.append(k)
    for start in range(0, n, _STRIPE):
        stop = min(start + _STRIPE, n)
        for k in rest:
            out[start:stop, positions[k]] = columns[k][start:stop]
    if len(rest) == len(columns):
        return
    _write_rows(addresses(here), 0, out)


def _write_rows(source: tuple[np.ndarray, np.ndarray, np.ndarray], first: int, out: np.ndarray) -> None:
    # Rows from `first` on, as many as `out` has.
    from . import _column_loops

    n, p = out.shape
    threads = min(_parallel.thread_count(), max(1, n * p // _VALUES_PER_THREAD))
    numbers = [np.empty((p, _column_loops.ROWS)) for _ in range(threads)]
    _parallel.run_all(
        [
            partial(_column_loops.write_rows, *source, first + start, first + stop, buffer, out[start:stop])
            for buffer, (start, stop) in zip(numbers, _parallel.split(n, threads), strict=False)
        ]
    )


def addresses(columns: Sequence[np.ndarray | None]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return address, stride and kind of columns, as the compiled loops take them; the caller holds the columns."""
    found = np.array(
        [
            (0, 0, 0) if column is None else (column.ctypes.data, column.strides[0], _KINDS[column.dtype])
            for column in columns
        ],
        np.intp,
    ).reshape(-1, 3)
    return tuple(np.ascontiguousarray(part) for part in found.T)  # type: ignore[return-value]
