"""Which body computes scores: the fast path for NumPy, else the one for every array library.

CuPy has no fast path. Projections are matrix products, which cuBLAS computes. Look-ups are searches on whole columns.
"""

from __future__ import annotations

from .._arrays import Array, is_numpy
from .._numba import uses_loops
from . import _projected_generic, _table_generic
from ._projected_generic import Checkpoint
from ._table import LookupTable
from ._table_generic import Tables

_SECONDS = 1e-7  # of the generic body for a value


def uses_compiled(X: Array) -> bool:
    """Whether compiled loops take the rows: NumPy arrays, once the loops are compiled."""
    return is_numpy(X) and uses_loops("scores", _SECONDS * X.shape[0] * X.shape[1])


def squares_of(X: Array, shift: Array, W: Array, split: int, checkpoint: Checkpoint | None) -> tuple[Array, Array]:
    """Return what `projected_squares` returns, for checked arguments."""
    # The loops find a NaN in X by the sums, which it cannot reach if W has no columns.
    if uses_compiled(X) and W.shape[1]:
        from . import _projected_compiled

        return _projected_compiled.projected_squares(X, shift, W, split, checkpoint)
    return _projected_generic.projected_squares(X, shift, W, split, checkpoint)


def tables_for(X: Array, tables: tuple[LookupTable, ...]) -> Tables:
    """Return checked tables, made ready for rows like X."""
    if uses_compiled(X):
        from ._table_compiled import CompiledTables

        return CompiledTables(tables)
    return _table_generic.GenericTables(tables)
