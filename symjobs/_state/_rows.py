"""Encoded rows: a dense block, and for each row a list of the members that it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from symkernels import SparseRows


@dataclass(frozen=True, slots=True)
class Rows:
    """Encoded rows.

    Attributes
    ----------
    dense : (n, p) float array or Columns
        The C and B columns, NaN where missing. Columns where `State.learns_columns` says so.
    sparse : SparseRows or None
        Incidences of the members of T and L columns; None if every such column is missing in these rows.
    """

    dense: Any
    sparse: SparseRows | None

    @property
    def n(self) -> int:
        return int(self.dense.shape[0])

    def part(self, start: int, stop: int) -> Rows:
        """Return rows start..stop; arrays are views."""
        s = self.sparse
        if s is not None:
            indptr = s.indptr[start : stop + 1]
            missing = None if s.missing is None else s.missing[start:stop]
            s = SparseRows(indptr - indptr[0], s.indices[indptr[0] : indptr[-1]], missing, s.groups)
        return Rows(self.dense[start:stop], s)

    def padded(self, p: int, groups: np.ndarray) -> Rows:
        """Return the rows with the columns that came later, in which they are missing.

        ``p`` is the new width of the dense block; ``groups`` are all presence groups in ascending order.
        """
        dense = self.dense
        if dense.shape[1] < p:
            dense = np.full((self.n, p), np.nan, dtype=self.dense.dtype)
            dense[:, : self.dense.shape[1]] = self.dense
        sparse = self.sparse
        if len(groups) and (sparse is None or len(sparse.groups) < len(groups)):
            sparse = _pad_groups(sparse, self.n, groups)
        return Rows(dense, sparse)

    def owned(self) -> Rows:
        """Return rows on the host that share no memory with the caller's arrays or with a scratch block."""
        return Rows(np.array(self.dense) if isinstance(self.dense, np.ndarray) else self.dense.get(), self.sparse)


def _pad_groups(sparse: SparseRows | None, n: int, groups: np.ndarray) -> SparseRows:
    missing = np.ones((n, len(groups)), dtype=bool)
    if sparse is None:
        return SparseRows(np.zeros(n + 1, dtype=np.intp), np.empty(0, dtype=np.intp), missing, groups)
    missing[:, np.searchsorted(groups, sparse.groups)] = False if sparse.missing is None else sparse.missing
    return SparseRows(sparse.indptr, sparse.indices, missing, groups)


def concatenate(parts: list[Rows]) -> Rows:
    """Join rows that were padded to the same width."""
    dense = np.concatenate([part.dense for part in parts])
    if parts[0].sparse is None:
        return Rows(dense, None)
    sparse = [part.sparse for part in parts if part.sparse is not None]
    ends = np.cumsum([0] + [len(s.indices) for s in sparse])
    indptr = np.concatenate([[0]] + [s.indptr[1:] + end for s, end in zip(sparse, ends[:-1], strict=True)])
    missing = None
    if any(s.missing is not None for s in sparse):
        width = len(sparse[0].groups)
        missing = np.concatenate(
            [
                np.zeros((part.n, width), bool) if s.missing is None else s.missing
                for part, s in zip(parts, sparse, strict=True)
            ]
        )
    indices = np.concatenate([s.indices for s in sparse])
    return Rows(dense, SparseRows(indptr.astype(np.intp), indices, missing, sparse[0].groups))
