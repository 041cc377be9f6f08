"""A state with its lock, and its attributes: their numbers, kinds and presence groups."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec, TypeVar

import array_api_compat as compat
import numpy as np

from .._arrays import Array, refuse_masked_or_sparse
from .._errors import ShapeError
from .._forks import ForkLock
from ._layout import Layout
from ._state import State
from ._sums import Sums

Self = TypeVar("Self", bound="Attributes")
P = ParamSpec("P")
R = TypeVar("R")


def consistent(method: Callable[Concatenate[Self, P], R]) -> Callable[Concatenate[Self, P], R]:
    """Hold the lock during a method, so that it reads one state even if other threads learn meanwhile."""

    @functools.wraps(method)
    def locked(self: Self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self._lock:
            return method(self, *args, **kwargs)

    return locked


def by_number_twice(values: Array, state: State) -> Array:
    """Return a matrix by attribute numbers from one by positions. It may be ``values`` itself."""
    if state.layout.in_order:
        return values
    xp, position = state.sums.xp, state.sums.index(state.layout.position)
    return xp.take(xp.take(values, position, axis=0), position, axis=1)


class Attributes:
    """A state, the lock that guards it, and its attributes."""

    _state: State
    _lock: ForkLock

    @property
    def n_attributes(self) -> int:
        """Number of attributes P, dense and sparse."""
        return self._layout.size

    @property
    def n_groups(self) -> int:
        """Number of presence groups: sets of attributes that are missing in the same rows."""
        return self._layout.n_groups

    @property
    @consistent
    def dense(self) -> np.ndarray:
        """Numbers of the dense attributes, in the order of the columns of X."""
        return self._layout.number[: self._layout.n_dense].copy()

    @property
    @consistent
    def binary(self) -> np.ndarray:
        """(P,) bool: True for attributes that hold only 0, 1 and missing values."""
        return self._layout.binary[self._layout.position]

    @property
    @consistent
    def group(self) -> np.ndarray:
        """(P,) int: each attribute's presence group."""
        return self._layout.group[self._layout.position]

    @property
    def n_rows(self) -> int:
        """Number of rows learnt minus rows forgotten. With ``missing="listwise"`` only complete rows count."""
        return self._sums.n_rows

    @property
    def weight(self) -> float:
        """Sum of the rows' weights. Rows without weights have weight 1."""
        return self._sums.weight

    @property
    def backend(self) -> str:
        """Name of the array library of the state: ``"numpy"``, ``"cupy"``, ..."""
        return type(self._sums.S).__module__.split(".")[0]

    @property
    def device(self) -> str:
        """Device of the state, as its library writes it; ``"cpu"`` for NumPy."""
        return str(compat.device(self._sums.S))

    @property
    def dtype(self) -> str:
        """Name of the dtype of the sums."""
        return "float64"

    @property
    def _layout(self) -> Layout:
        return self._state.layout

    @property
    def _sums(self) -> Sums:
        return self._state.sums

    def _positions(self, indices: Sequence[int]) -> np.ndarray:
        """Return the positions of attribute numbers."""
        refuse_masked_or_sparse(indices, "attribute numbers")
        given = np.asarray(indices)
        if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
            raise ShapeError(f"attribute numbers must be a sequence of whole numbers, got {indices!r}")
        size = self._layout.size
        wrong = (given < 0) | (given >= size) if given.size else np.zeros(0, bool)
        if wrong.any():
            raise ShapeError(f"there is no attribute {int(given[wrong][0])}; numbers run from 0 to {size - 1}")
        return self._layout.position[given.astype(np.intp)]

    def _by_number(self, values: Array) -> Array:
        """Return a copy of values by attribute numbers from values by positions."""
        if self._layout.in_order:
            return self._sums.xp.asarray(values, copy=True)
        return self._sums.xp.take(values, self._sums.index(self._layout.position))
