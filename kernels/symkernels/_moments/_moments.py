"""`Moments`: the state that is read once and answers everything."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

import array_api_compat as compat
import numpy as np

from .._arrays import Array
from .._errors import ShapeError
from . import _answers, _arrays_io, _intake
from ._answers import Condition, CrossSums
from ._layout import Layout
from ._rows import SparseRows
from ._state import State
from ._sums import Sums

P = ParamSpec("P")
R = TypeVar("R")
Checkpoint = Callable[[int, int], None]

_REBUILD = 1e-6
_MISSING = ("pairwise", "listwise", "error")


def _consistent(method: Callable[Concatenate[Moments, P], R]) -> Callable[Concatenate[Moments, P], R]:
    """Let a method see one state from its beginning to its end, whatever other threads learn meanwhile."""

    @functools.wraps(method)
    def locked(self: Moments, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self._lock:
            return method(self, *args, **kwargs)

    return locked


class Moments:
    """First to fourth moments of rows: learnt, forgotten and merged exactly, missing values included.

    The state holds shifted sums for every attribute and every pair of attributes, never the rows. Covariances,
    correlations, higher moments and moments conditional on 0/1 attributes are functions of it.

    Parameters
    ----------
    p : int
        Number of dense attributes: the columns of X. More can be added later (`extend`, `extend_sparse`).
    binary : (p,) bool array or sequence of int, optional
        Which of them hold only 0, 1 and missing, as a mask or as indices. Moments of every attribute, conditional on
        these, are kept as well.
    missing : {"pairwise", "listwise", "error"}, default "pairwise"
        What a missing value (NaN) does: the row counts for what is present in it; the row is dropped; an error.
    joint_squares : bool, default False
        Keep sums of x_i^2 x_j and x_i^2 x_j^2 for every pair as well (three times the arithmetic).

    Notes
    -----
    *Method.* All sums are about a shift near the middle of the first rows, as Chan, Golub & LeVeque (1983),
    "Algorithms for computing the sample variance", section 3, advise; the shift moves when the mean leaves it. Moving
    it and merging states with different shifts are exact algebra.

    *Backend.* The first rows choose it: NumPy in, NumPy out; CuPy in, CuPy out. Sums are float64 whatever X is.
    A copy stays on its device. A pickle holds NumPy arrays, so that a machine without a GPU can read it too; `to` moves
    what was read to a GPU.

    *Cost.* For n rows and p attributes O(n p^2) time, O(p^2) memory for the state and as much for each thread;
    a missing value costs O(p). Sparse attributes cost O(p) for each 1, not for each row.

    *Names elsewhere.* ``numpy.cov(X.T, ddof=d)`` is ``covariance(d)``; pandas' ``DataFrame.cov()`` is
    ``covariance(1)`` and ``DataFrame.corr()`` is ``correlation()``, missing values included.

    Examples
    --------
    >>> import numpy as np
    >>> from symkernels import Moments
    >>> X = np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 7.0]])
    >>> m = Moments(2).learn(X[:2]).learn(X[2:])
    >>> m.mean()
    array([2.        , 4.33333333])
    >>> m.forget(X[2:]).covariance(ddof=1)
    array([[0.5, 1. ],
           [1. , 2. ]])
    """

    def __init__(
        self,
        p: int,
        binary: Any = None,
        missing: Literal["pairwise", "listwise", "error"] = "pairwise",
        joint_squares: bool = False,
    ) -> None:
        if not isinstance(p, int | np.integer) or isinstance(p, bool) or p < 0:
            raise ShapeError(f"p must be a whole number of attributes, 0 or more, got {p!r}")
        if missing not in _MISSING:
            raise ValueError(f"missing must be one of {', '.join(_MISSING)}, got {missing!r}")
        self.missing = missing
        self.joint_squares = bool(joint_squares)
        self._lock = threading.RLock()
        layout = Layout().with_dense(_mask(binary, int(p)))
        self._state = State.empty(layout, np.zeros(int(p)), joint=self.joint_squares)

    def _with(self, state: State) -> Moments:
        """Another `Moments` with these settings."""
        new = object.__new__(type(self))
        new.missing, new.joint_squares = self.missing, self.joint_squares
        new._lock, new._state = threading.RLock(), state
        return new

    def __copy__(self) -> Moments:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Moments:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_arrays, (self.arrays(),)

    # -- what is in it -------------------------------------------------------------------------------------------------

    @property
    def n_attributes(self) -> int:
        """Number of attributes P, dense and sparse."""
        return self._layout.size

    @property
    def n_groups(self) -> int:
        """Number of presence groups: sets of attributes that are missing in the same rows."""
        return self._layout.n_groups

    @property
    @_consistent
    def dense(self) -> np.ndarray:
        """Numbers of the dense attributes, in the order of X's columns."""
        return self._layout.number[: self._layout.n_dense].copy()

    @property
    @_consistent
    def binary(self) -> np.ndarray:
        """(P,) bool: which attributes hold only 0, 1 and missing."""
        return self._layout.binary[self._layout.position]

    @property
    @_consistent
    def group(self) -> np.ndarray:
        """(P,) int: each attribute's presence group."""
        return self._layout.group[self._layout.position]

    @property
    def n_rows(self) -> int:
        """Rows learnt less rows forgotten (with ``missing="listwise"`` the complete ones)."""
        return self._sums.n_rows

    @property
    def weight(self) -> float:
        """Sum of the rows' weights; the number of rows where none were given."""
        return self._sums.weight

    @property
    def backend(self) -> str:
        """The array library that holds the state: ``"numpy"``, ``"cupy"``, ..."""
        return type(self._sums.S).__module__.split(".")[0]

    @property
    def device(self) -> str:
        """The device that holds the state."""
        return str(compat.device(self._sums.S))

    @property
    def dtype(self) -> str:
        """The dtype of the sums."""
        return "float64"

    def __repr__(self) -> str:
        return f"Moments({self.n_attributes} attributes, {self.n_rows} rows, {self.backend} on {self.device})"

    # -- learn, forget, merge ------------------------------------------------------------------------------------------

    def learn(
        self,
        X: Array,
        sample_weight: Array | None = None,
        sparse: SparseRows | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> Moments:
        """Add rows.

        Parameters
        ----------
        X : (n, p) array, float32 or float64
            Dense attributes, NaN where missing. Sequences become NumPy arrays.
        sample_weight : (n,) array, optional
            Weights, 0 or more; an integer weight equals so many repeats of the row. Default: 1.
        sparse : SparseRows, optional
            The sparse attributes of the same rows. Without it they are missing in these rows.
        checkpoint : callable, optional
            Called every few milliseconds as ``checkpoint(rows done, n)``. What it raises stops the call and leaves the
            state as it was.

        Returns
        -------
        Moments
            This state.

        Raises
        ------
        ShapeError
            X is not (n, p), or the weights are not (n,).
        DataError
            A value is infinite, not 0/1 in a 0/1 attribute, so large that its square overflows, or missing where that
            is refused; a weight is negative, NaN or infinite. The state is unchanged.
        BackendError
            X is of another library or device than the rows before it.
        """
        if (
            sample_weight is None
            and sparse is None
            and self.missing == "pairwise"
            and _intake.learn_directly(lambda: self._state, X, self.joint_squares, checkpoint, self._lock)
        ):
            return self
        return self._change(X, sample_weight, sparse, checkpoint, 1)

    def forget(
        self,
        X: Array,
        sample_weight: Array | None = None,
        sparse: SparseRows | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> Moments:
        """Take rows away that were learnt.

        Parameters
        ----------
        X, sample_weight, sparse, checkpoint
            As `learn` takes them.

        Returns
        -------
        Moments
            This state.

        Raises
        ------
        ForgetError
            More would be taken away than is there. The state is unchanged.
        ShapeError, DataError, BackendError
            As `learn`.
        """
        return self._change(X, sample_weight, sparse, checkpoint, -1)

    def _change(
        self, X: Any, sample_weight: Any, sparse: SparseRows | None, checkpoint: Checkpoint | None, sign: int
    ) -> Moments:
        batch = _intake.batch_state(
            self._state, X, sample_weight, sparse, self.missing, self.joint_squares, checkpoint
        )  # fmt: skip
        with self._lock:
            if batch.layout is not self._state.layout and batch.layout.size < self._state.layout.size:
                batch = batch.extended(self._state.layout)  # attributes were added meanwhile: missing in these rows
            self._state = self._state.combined(batch, sign)
        return self

    def merge(self, other: Moments) -> Moments:
        """Add the rows that another state has learnt; ``other`` is unchanged.

        Raises
        ------
        ShapeError
            The attributes differ. Bring one state into the order of the other first (`aligned`).
        """
        self._combine(other, 1)
        return self

    def __add__(self, other: Moments) -> Moments:
        if not isinstance(other, Moments):
            return NotImplemented
        return self.copy().merge(other)

    def __sub__(self, other: Moments) -> Moments:
        if not isinstance(other, Moments):
            return NotImplemented
        result = self.copy()
        result._combine(other, -1)
        return result

    def _combine(self, other: Moments, sign: int) -> None:
        if not isinstance(other, Moments):
            raise ShapeError(f"expected Moments, got {type(other).__name__}")
        if self.joint_squares != other.joint_squares:
            raise ShapeError("one state keeps joint squares and the other does not")
        batch = other.copy()._state  # a consistent one, which is used up; also when it is this very state
        with self._lock:
            self._state = self._state.combined(batch, sign)

    # -- attributes ----------------------------------------------------------------------------------------------------

    def extend(self, q: int, binary: Any = None) -> np.ndarray:
        """Add dense attributes without counts, as further columns of X.

        Rows that were learnt before count as missing in them.

        Parameters
        ----------
        q : int
            How many.
        binary : (q,) bool array or sequence of int, optional
            Which of them hold only 0, 1 and missing, counted from the first new one.

        Returns
        -------
        (q,) int array
            Their numbers.
        """
        if not isinstance(q, int | np.integer) or q < 0:
            raise ShapeError(f"q must be a whole number of attributes, 0 or more, got {q!r}")
        with self._lock:
            first = self._layout.size
            self._state = self._state.extended(self._layout.with_dense(_mask(binary, int(q))))
        return np.arange(first, first + q)

    def extend_sparse(self, members: int, group: int | None = None) -> tuple[int, np.ndarray]:
        """Add sparse 0/1 attributes, say the members of a category; return their presence group and numbers.

        Parameters
        ----------
        members : int
            How many. A new group may have none yet: where it is present is counted from then on.
        group : int, optional
            A sparse presence group that exists: the new attributes were 0 wherever it was present. Default: a new
            group, missing in all rows so far.
        """
        if not isinstance(members, int | np.integer) or members < 0:
            raise ShapeError(f"members must be a whole number, 0 or more, got {members!r}")
        with self._lock:
            layout = self._layout
            if group is not None and group not in layout.sparse_groups:
                raise ShapeError(f"{group!r} is no sparse presence group of this state")
            extended, chosen = layout.with_sparse(int(members), group)
            self._state = self._state.extended(extended)
        return chosen, np.arange(layout.size, layout.size + members)

    @_consistent
    def make_continuous(self, index: int) -> Moments:
        """Let a dense 0/1 attribute hold any value from now on; moments conditional on it are no longer kept."""
        position = int(self._positions([index])[0])
        if position >= self._layout.n_dense:
            raise ShapeError(f"attribute {index} is sparse and can only be 0/1")
        self._state = self._state.extended(self._layout.with_continuous(position))
        self._state.follow_mean()
        return self

    @_consistent
    def select(self, indices: Sequence[int]) -> Moments:
        """A new state of these attributes alone, in this order, each of them dense."""
        positions = self._positions(indices)
        return self._with(self._state.selected(positions))

    @_consistent
    def aligned(self, like: Moments, source: Sequence[int], groups: Mapping[int, int] | None = None) -> Moments:
        """A new state with the attributes of ``like``; its attribute i is this state's ``source[i]``, or -1: not here.

        What is not here has no counts, unless another attribute of its presence group is: then it was 0 where the group
        was present.

        Parameters
        ----------
        like : Moments
            Whose attributes, and their order, to take on.
        source : (like.n_attributes,) sequence of int
            Attribute numbers of this state, or -1.
        groups : mapping of int to int, optional
            This state's presence group for groups of ``like`` that share no attribute with it but are the same, say of
            a list column without members. Other groups are found by their attributes.

        Raises
        ------
        ShapeError
            A number is not there, or an attribute would change between dense and sparse, lose its presence group or
            become a 0/1 one.
        """
        new, old = like._layout, self._layout
        given = np.asarray(source, np.intp)
        if given.shape != (new.size,) or (len(given) and (given.max() >= old.size or given.min() < -1)):
            raise ShapeError(f"source must hold {new.size} attribute numbers of this state, or -1")
        by_position = given[new.number]
        here = by_position >= 0
        source_position = np.full(new.size, -1)
        source_position[here] = old.position[by_position[here]]
        group_source = np.full(new.n_groups, -1)
        for theirs, mine in (groups or {}).items():
            if theirs not in new.sparse_groups or mine not in old.sparse_groups:
                raise ShapeError(f"groups: {theirs!r} of `like` and {mine!r} here must be sparse presence groups")
            group_source[theirs] = mine
        group_source[new.group[here]] = old.group[source_position[here]]
        if (group_source[new.group[here]] != old.group[source_position[here]]).any():
            raise ShapeError("attributes of one presence group in `like` are in several groups here")
        if ((source_position >= old.n_dense) & (np.arange(new.size) < new.n_dense)).any() or (
            (source_position[new.n_dense :] >= 0) & (source_position[new.n_dense :] < old.n_dense)
        ).any():
            raise ShapeError("a dense attribute cannot be aligned with a sparse one")
        if (new.binary[here] & ~old.binary[source_position[here]]).any():
            raise ShapeError("a 0/1 attribute of `like` holds other values here; use make_continuous() on `like` first")
        return self._with(self._state.rearranged(new, source_position, group_source))

    def copy(self) -> Moments:
        """An independent copy."""
        with self._lock:
            return self._with(self._state.copy())

    # -- answers -------------------------------------------------------------------------------------------------------

    @property
    @_consistent
    def count(self) -> Array:
        """(P,) float64: weight of the rows where each attribute is present."""
        return self._by_number(self._sums.own_counts(self._layout))

    @_consistent
    def mean(self) -> Array:
        """(P,) float64: means; NaN without rows."""
        return self._by_number(_answers.mean(self._sums, self._layout))

    @_consistent
    def var(self, ddof: float = 0) -> Array:
        """(P,) float64: variances over ``count - ddof``, never negative; NaN where that is not positive."""
        return self._by_number(_answers.variance(self._sums, self._layout, ddof))

    @_consistent
    def skewness(self) -> Array:
        """(P,) float64: population skewness m3 / m2^1.5; NaN where the variance is 0."""
        return self._by_number(_answers.standard_moments(self._sums, self._layout)[0])

    @_consistent
    def kurtosis(self) -> Array:
        """(P,) float64: population excess kurtosis m4 / m2^2 - 3; NaN where the variance is 0."""
        return self._by_number(_answers.standard_moments(self._sums, self._layout)[1])

    @property
    @_consistent
    def min(self) -> Array:
        """(P,) float64: smallest value learnt; where `min_exact` is False, a lower bound of it; NaN without rows."""
        return self._extreme(self._sums.low, 0)

    @property
    @_consistent
    def max(self) -> Array:
        """(P,) float64: largest value learnt; where `max_exact` is False, an upper bound of it; NaN without rows."""
        return self._extreme(self._sums.high, 1)

    @property
    @_consistent
    def min_exact(self) -> Array:
        """(P,) bool: False where a row that may have held the minimum has been forgotten."""
        return self._exact(self._state.low_exact)

    @property
    @_consistent
    def max_exact(self) -> Array:
        """(P,) bool: False where a row that may have held the maximum has been forgotten."""
        return self._exact(self._state.high_exact)

    def _extreme(self, seen: Array, end: int) -> Array:
        """Of 0/1 attributes the counts tell; of others what was seen."""
        xp, layout = self._sums.xp, self._layout
        n, t = self._sums.own_counts(layout), self._sums.own_sums(layout)
        slack = 0.0 if self._state.mass == self._state.turnover else self._state.slack
        of_binary = xp.astype(t > slack if end else t >= n - slack, xp.float64)
        binary = self._sums.index(layout.binary)
        values = xp.where(binary, of_binary, self._state.padded(seen))
        return self._by_number(xp.where(n > 0, values, xp.nan))

    def _exact(self, dense: Array) -> Array:
        xp, layout = self._sums.xp, self._layout
        sparse = xp.ones((layout.n_sparse,), dtype=xp.bool, device=compat.device(dense))
        return self._by_number(xp.concat([dense, sparse]) | self._sums.index(layout.binary))

    @_consistent
    def covariance(self, ddof: float = 0, indices: Sequence[int] | None = None) -> Array:
        """Covariance matrix, each pair over the rows where both attributes are present.

        Parameters
        ----------
        ddof : float, default 0
            The denominator is ``pair count - ddof``; NaN where that is not positive.
        indices : sequence of int, optional
            Only these attributes, in this order.

        Returns
        -------
        (P, P) or (len(indices), len(indices)) float64 array
        """
        state = self if indices is None else self.select(indices)
        return state._matrix_by_number(_answers.covariance(state._sums, state._layout, ddof))

    @_consistent
    def correlation(self, indices: Sequence[int] | None = None) -> Array:
        """Pearson correlations, each pair over the rows where both are present; NaN where one is constant there.

        Returns
        -------
        (P, P) or (len(indices), len(indices)) float64 array
        """
        state = self if indices is None else self.select(indices)
        noise = state._state.absolute_error()
        return state._matrix_by_number(_answers.correlation(state._sums, state._layout, noise))

    @_consistent
    def pair_counts(self, indices: Sequence[int] | None = None) -> Array:
        """(P, P) float64: weight of the rows where both attributes are present."""
        state = self if indices is None else self.select(indices)
        count = state._sums.pairwise(state._layout)[0]
        return state._matrix_by_number(state._sums.xp.asarray(count, copy=True))

    @_consistent
    def pair_mean(self, indices: Sequence[int] | None = None) -> Array:
        """(P, P) float64: mean of i over the rows where j is present too."""
        state = self if indices is None else self.select(indices)
        count, total, _ = state._sums.pairwise(state._layout)
        shift = _answers.full_shift(state._sums, state._layout)
        return state._matrix_by_number(shift[:, None] + _answers.divide(state._sums.xp, total, count))

    @_consistent
    def condition(self, index: int) -> Condition:
        """Count, mean and variance of every attribute over the rows where 0/1 attribute ``index`` is 1.

        Raises
        ------
        ShapeError
            The attribute is not a 0/1 one.
        """
        position = int(self._positions([index])[0])
        if not self._layout.binary[position]:
            raise ShapeError(f"attribute {index} is not a 0/1 attribute; conditions need one")
        found = _answers.condition(self._sums, self._layout, position)
        return Condition(self._by_number(found.count), self._by_number(found.mean), self._by_number(found.var))

    @_consistent
    def cross_sums(self, i: int, j: int) -> CrossSums:
        """Raw sums of two attributes over the rows where both are present.

        Parameters
        ----------
        i, j : int
            The numbers of x and y. ``sum_xxy`` and ``sum_xxyy`` are NaN unless j is a 0/1 attribute or the state keeps
            joint squares.
        """
        a, b = self._positions([i, j])
        return _answers.cross_sums(self._sums, self._layout, int(a), int(b))

    @property
    @_consistent
    def error_bound(self) -> Array:
        """(P,) float64: bound on the relative error that rounding of the sums left in each variance.

        Four units of rounding for each addition in a row (Higham 2002, "Accuracy and Stability of Numerical
        Algorithms", section 4.2), of all that was ever added or taken away: forgotten rows leave theirs behind.
        ``inf`` where the variance is 0 but was not always; NaN without rows.
        """
        xp, layout = self._sums.xp, self._layout
        absolute = self._state.absolute_error()
        central = _answers.central(self._sums, layout)
        bound = xp.where(
            absolute == 0, 0.0, xp.where(central > 0, absolute / xp.where(central > 0, central, 1.0), xp.inf)
        )
        return self._by_number(xp.where(self._sums.own_counts(layout) > 0, bound, xp.nan))

    @property
    def needs_rebuild(self) -> bool:
        """Whether rounding may have spoilt a variance by more than 1e-6 of it: learn the remaining rows afresh."""
        bound = self.error_bound
        return bool(self._sums.xp.any(bound > _REBUILD))

    # -- saving --------------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, np.ndarray]:
        """The whole state as NumPy arrays, by name."""
        with self._lock:
            return _arrays_io.to_arrays(self)

    def to(self, like: Array) -> Moments:
        """Return a copy that the library of another array holds, on that array's device.

        Parameters
        ----------
        like : array
            Any array of the library and on the device that are wanted, for example ``cupy.empty(0)``.

        Returns
        -------
        Moments
            With the same answers; from now on it learns arrays like ``like``.
        """
        with self._lock:
            return self._with(self._state.to(like))

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Moments:
        """The state that `arrays` gave.

        Raises
        ------
        DataError
            Arrays are absent or do not fit together.
        """
        return _arrays_io.from_arrays(cls, arrays)

    # -- small helpers -------------------------------------------------------------------------------------------------

    @property
    def _layout(self) -> Layout:
        return self._state.layout

    @property
    def _sums(self) -> Sums:
        return self._state.sums

    def _positions(self, indices: Sequence[int]) -> np.ndarray:
        given = np.asarray(indices)
        if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
            raise ShapeError(f"attribute numbers must be a sequence of whole numbers, got {indices!r}")
        size = self._layout.size
        wrong = (given < 0) | (given >= size) if given.size else np.zeros(0, bool)
        if wrong.any():
            raise ShapeError(f"there is no attribute {int(given[wrong][0])}; numbers run from 0 to {size - 1}")
        return self._layout.position[given.astype(np.intp)]

    def _by_number(self, values: Array) -> Array:
        if self._layout.in_order:
            return self._sums.xp.asarray(values, copy=True)
        return self._sums.xp.take(values, self._sums.index(self._layout.position))

    def _matrix_by_number(self, values: Array) -> Array:
        if self._layout.in_order:
            return values
        position = self._sums.index(self._layout.position)
        return self._sums.xp.take(self._sums.xp.take(values, position, axis=0), position, axis=1)

    def _padded(self, dense: Array) -> Array:
        """(P,) from (dense,), 0 for the sparse attributes: counts up to 2^53 have no rounding errors."""
        xp = self._sums.xp
        return xp.concat([dense, xp.zeros((self._layout.n_sparse,), dtype=dense.dtype, device=compat.device(dense))])


def _mask(binary: Any, p: int) -> np.ndarray:
    if binary is None:
        return np.zeros(p, bool)
    given = np.asarray(binary)
    if given.dtype == bool and given.shape == (p,):
        return given.copy()
    mask = np.zeros(p, bool)
    if given.ndim != 1 or (given.size and (given.dtype.kind not in "iu" or given.min() < 0 or given.max() >= p)):
        raise ShapeError(f"binary must be a ({p},) mask or attribute numbers below {p}, got {binary!r}")
    mask[given.astype(np.intp)] = True
    return mask
