"""The attributes of a state: their order in the sums, their kinds, and which of them are missing together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from .._arrays import refuse_masked_or_sparse
from .._errors import ShapeError


@dataclass(frozen=True)
class Layout:
    """Attributes are numbered in the order in which they were added; sums keep the dense ones first.

    A *dense* attribute is a column of X. A *sparse* attribute is 0 or 1, and is given as a list of the rows where it is
    1. A *presence group* holds the attributes that are missing in the same rows. A dense attribute is alone in its
    group; the members of a category share one group. So counts need the square of the number of groups, not of
    attributes.

    Arrays are indexed by *position*, the place in the sums: first dense attributes, then sparse ones.
    """

    number: np.ndarray = field(default_factory=lambda: np.empty(0, np.intp))  # attribute number at each position
    n_dense: int = 0
    binary: np.ndarray = field(default_factory=lambda: np.empty(0, bool))  # 0/1 attributes, by position
    group: np.ndarray = field(default_factory=lambda: np.empty(0, np.intp))  # presence group, by position
    n_groups: int = 0

    @property
    def size(self) -> int:
        return len(self.number)

    @property
    def n_sparse(self) -> int:
        return self.size - self.n_dense

    @cached_property
    def position(self) -> np.ndarray:
        """The position of each attribute number."""
        position = np.empty(self.size, np.intp)
        position[self.number] = np.arange(self.size)
        return position

    @cached_property
    def in_order(self) -> bool:
        """Whether attribute numbers and positions are the same."""
        return bool(np.array_equal(self.number, np.arange(self.size)))

    @cached_property
    def binaries(self) -> np.ndarray:
        """Positions of the 0/1 attributes, the dense ones first."""
        return np.flatnonzero(self.binary)

    @cached_property
    def sparse_groups(self) -> np.ndarray:
        """The presence groups of sparse attributes, including groups without attributes."""
        return np.setdiff1d(np.arange(self.n_groups), self.group[: self.n_dense])

    @cached_property
    def dense_binaries(self) -> np.ndarray:
        """Positions of the dense 0/1 attributes."""
        return np.flatnonzero(self.binary[: self.n_dense])

    def same_as(self, other: Layout) -> bool:
        """Whether two layouts have the same attributes in the same order."""
        return self is other or (
            self.n_dense == other.n_dense
            and self.n_groups == other.n_groups
            and np.array_equal(self.number, other.number)
            and np.array_equal(self.binary, other.binary)
            and np.array_equal(self.group, other.group)
        )

    def with_dense(self, binary: np.ndarray) -> Layout:
        """Add one dense attribute for each entry of ``binary``, each in a presence group of its own."""
        at, q = self.n_dense, len(binary)
        return Layout(
            number=np.insert(self.number, at, self.size + np.arange(q)),
            n_dense=at + q,
            binary=np.insert(self.binary, at, binary),
            group=np.insert(self.group, at, self.n_groups + np.arange(q)),
            n_groups=self.n_groups + q,
        )

    def with_sparse(self, members: int, group: int | None) -> tuple[Layout, int]:
        """Add sparse attributes to a presence group (None: a new one); return the layout and the group."""
        chosen = self.n_groups if group is None else group
        layout = Layout(
            number=np.append(self.number, self.size + np.arange(members)),
            n_dense=self.n_dense,
            binary=np.append(self.binary, np.ones(members, bool)),
            group=np.append(self.group, np.full(members, chosen)),
            n_groups=max(self.n_groups, chosen + 1),
        )
        return layout, chosen

    def without_members(self) -> Layout:
        """Return the layout without sparse attributes; their presence groups remain."""
        d = self.n_dense
        return Layout(np.arange(d), d, self.binary[:d].copy(), self.group[:d].copy(), self.n_groups)

    def all_dense(self, positions: np.ndarray) -> Layout:
        """Return the layout of the attributes at ``positions``, in that order, each dense and in its own group."""
        q = len(positions)
        return Layout(np.arange(q), q, self.binary[positions].copy(), np.arange(q), q)

    def with_continuous(self, position: int) -> Layout:
        """Return a layout in which the attribute at ``position`` is no longer a 0/1 attribute."""
        binary = self.binary.copy()
        binary[position] = False
        return replace(self, binary=binary)


def binary_mask(binary: Any, p: int) -> np.ndarray:
    """Return a (p,) bool mask from a mask or from attribute numbers; None selects no attribute."""
    if binary is None:
        return np.zeros(p, bool)
    refuse_masked_or_sparse(binary, "binary")
    given = np.asarray(binary)
    if given.dtype == bool and given.shape == (p,):
        return given.copy()
    mask = np.zeros(p, bool)
    if given.ndim != 1 or (given.size and (given.dtype.kind not in "iu" or given.min() < 0 or given.max() >= p)):
        raise ShapeError(f"binary must be a ({p},) mask or attribute numbers below {p}, got {binary!r}")
    mask[given.astype(np.intp)] = True
    return mask
