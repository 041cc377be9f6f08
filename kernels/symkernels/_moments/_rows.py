"""Rows of sparse 0/1 attributes: the attributes that are 1 in each row, and the presence groups missing there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, namespace
from .._errors import DataError, ShapeError
from ._layout import Layout


@dataclass(frozen=True)
class SparseRows:
    """Sparse 0/1 attributes of n rows: for each row the attributes that are 1, as in a CSR matrix.

    Parameters
    ----------
    indptr : (n + 1,) integer array
        The attributes that are 1 in row r are ``indices[indptr[r]:indptr[r + 1]]``.
    indices : (nnz,) integer array
        Attribute numbers, each at most once in a row.
    missing : (n, g) boolean array or None
        True where a presence group is missing in a row; one column for each entry of ``groups``. None: no group is
        missing.
    groups : (g,) integer array
        The presence groups that these rows describe. All other sparse groups are missing in every row.

    Notes
    -----
    `Moments.learn` and `Moments.forget` check the arrays. They raise `ShapeError` for wrong shapes, dtypes and numbers,
    and `DataError` for an attribute that is listed twice in a row, or that is 1 where its group is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from symkernels import Moments, SparseRows
    >>> m = Moments(0)
    >>> group, colours = m.extend_sparse(2)  # attribute 0: red, attribute 1: blue
    >>> red_blue_red = SparseRows(np.array([0, 1, 2, 3]), np.array([0, 1, 0]), None, np.array([group]))
    >>> m.learn(np.empty((3, 0)), sparse=red_blue_red).mean().round(3)
    array([0.667, 0.333])
    """

    indptr: np.ndarray
    indices: np.ndarray
    missing: np.ndarray | None
    groups: np.ndarray


@dataclass(frozen=True)
class Incidence:
    """Checked `SparseRows` of a layout: positions among the sparse attributes, and a column for every sparse group."""

    indptr: np.ndarray  # (n + 1,) int64
    members: np.ndarray  # (nnz,) int64, position less the number of dense attributes
    missing: np.ndarray  # (n, sparse groups) bool
    groups: np.ndarray  # (sparse groups,) int64

    def part(self, start: int, stop: int) -> Incidence:
        """Return the rows ``start:stop``."""
        first, last = self.indptr[start], self.indptr[stop]
        return Incidence(
            self.indptr[start : stop + 1] - first, self.members[first:last], self.missing[start:stop], self.groups
        )

    def keep(self, rows: np.ndarray) -> Incidence:
        """Return the rows where ``rows`` is True."""
        lengths = np.diff(self.indptr)
        indptr = np.concatenate([[0], np.cumsum(lengths[rows])])
        return Incidence(indptr, self.members[np.repeat(rows, lengths)], self.missing[rows], self.groups)


def presence(here: Array, sparse: Incidence | None, layout: Layout) -> Array:
    """Return (n, G) bool: where each presence group is present. ``here`` (n, dense) says it of the dense attributes."""
    xp, device = namespace(here), compat.device(here)
    if sparse is None:
        return here
    here = xp.concat([here, xp.asarray(~sparse.missing, device=device)], axis=1)
    order = np.argsort([*layout.group[: layout.n_dense], *sparse.groups])
    return xp.take(here, xp.asarray(order, device=device), axis=1)


def incidence(rows: SparseRows | None, n_rows: int, layout: Layout) -> Incidence | None:
    """Check sparse rows against a layout. Without rows, every sparse attribute is missing everywhere."""
    sparse_groups = layout.sparse_groups
    if rows is None:
        if not len(sparse_groups):
            return None
        nothing = np.zeros(n_rows + 1, np.int64)
        return Incidence(nothing, np.empty(0, np.int64), np.ones((n_rows, len(sparse_groups)), bool), sparse_groups)
    indptr, indices = _integers(rows.indptr, "indptr"), _integers(rows.indices, "indices")
    groups = _integers(rows.groups, "groups")
    if len(indptr) != n_rows + 1 or indptr[0] != 0 or indptr[-1] != len(indices) or (np.diff(indptr) < 0).any():
        raise ShapeError(
            f"sparse rows: indptr must rise from 0 to {len(indices)} in {n_rows + 1} entries, one row of X each, "
            f"got {len(indptr)} entries ending with {indptr[-1] if len(indptr) else 'nothing'}"
        )
    if len(indices) and (indices.min() < 0 or indices.max() >= layout.size):
        raise ShapeError(f"sparse rows: attribute numbers must lie in 0..{layout.size - 1}")
    unknown = np.setdiff1d(groups, sparse_groups)
    if len(unknown) or len(np.unique(groups)) != len(groups):
        raise ShapeError(f"sparse rows: groups must be distinct sparse presence groups, got {groups.tolist()}")
    members = layout.position[indices] - layout.n_dense
    if (members < 0).any():
        wrong = indices[np.flatnonzero(members < 0)[0]]
        raise ShapeError(f"sparse rows: attribute {wrong} is dense; pass its values in X")
    missing = np.ones((n_rows, len(sparse_groups)), bool)
    at = np.searchsorted(sparse_groups, groups)
    if rows.missing is None:
        missing[:, at] = False
    else:
        given = np.asarray(rows.missing, bool)
        if given.shape != (n_rows, len(groups)):
            raise ShapeError(f"sparse rows: missing must have shape {(n_rows, len(groups))}, got {given.shape}")
        missing[:, at] = given
    falls = members[1:] <= members[:-1]
    starts = indptr[1:-1]
    falls[starts[(starts > 0) & (starts < len(members))] - 1] = False  # from one row to the next
    found = Incidence(indptr, members, missing, sparse_groups)
    if not falls.any() and not missing.any():
        return found
    row_of = np.repeat(np.arange(n_rows), np.diff(indptr))
    key = np.sort(row_of * max(layout.n_sparse, 1) + members)  # ten times as fast as np.unique
    if (key[1:] == key[:-1]).any():
        raise DataError("sparse rows: an attribute is listed twice in one row")
    column_of_group = np.full(layout.n_groups, -1)
    column_of_group[sparse_groups] = np.arange(len(sparse_groups))
    column = column_of_group[layout.group[layout.n_dense + members]]
    if missing[row_of, column].any():
        raise DataError("sparse rows: an attribute is 1 in a row where its group is missing")
    return found


def _integers(values: Any, name: str) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim != 1 or (array.dtype.kind not in "iu" and array.size):
        raise ShapeError(f"sparse rows: {name} must be a 1-D integer array, got {array.dtype} of shape {array.shape}")
    return array.astype(np.int64, copy=False)
