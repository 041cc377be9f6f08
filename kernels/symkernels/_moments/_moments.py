"""`Moments`: the state that is read once and answers everything."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Literal

import array_api_compat as compat
import numpy as np

from .._arrays import Array, as_floats, is_cupy, is_numpy
from .._errors import BackendError, DataError, ForgetError, ShapeError
from . import _answers, _arrays_io
from ._answers import UNIT, Condition, CrossSums
from ._backends import sum_rows
from ._layout import Layout
from ._rows import Incidence, SparseRows, incidence
from ._sums import Sums

Checkpoint = Callable[[int, int], None]

# A handful of rows costs less in one pass over the triangle than with an accumulator of its own.
_FEW_ROWS = 8
# A shift this many standard deviations away from the mean is moved.
_FAR = 4.0
_REBUILD = 1e-6
_MISSING = ("pairwise", "listwise", "error")


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
        What a missing value (NaN) does: the row counts for the attributes that are present; the row is dropped; an error.
    joint_squares : bool, default False
        Keep sums of x_i^2 x_j and x_i^2 x_j^2 for every pair as well (three times the arithmetic).

    Notes
    -----
    *Method.* All sums are about a shift near the middle of the first rows, as Chan, Golub & LeVeque (1983), "Algorithms
    for computing the sample variance", section 3, advise; the shift moves when the mean leaves it. Moving it and merging
    states with different shifts are exact algebra.

    *Backend.* The first rows choose it: NumPy in, NumPy out; CuPy in, CuPy out. Sums are float64 whatever X is.

    *Cost.* For n rows and p attributes O(n p^2) time, O(p^2) memory for the state and as much for each thread;
    a missing value costs O(p). Sparse attributes cost O(p) for each 1, not for each row.

    *Names elsewhere.* ``numpy.cov(X.T, ddof=d)`` is ``covariance(d)``; pandas' ``DataFrame.cov()`` is ``covariance(1)``,
    ``DataFrame.corr()`` is ``correlation()``, missing values included.

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
        self._layout = Layout().with_dense(_mask(binary, int(p)))
        self._lock = threading.Lock()
        self._start(np.zeros(int(p)))

    def _start(self, shift: Array) -> None:
        """An empty state on the library and device of ``shift``."""
        self._sums = Sums.zeros(self._layout, shift, missing=False, joint=self.joint_squares)
        zeros = self._sums.xp.zeros_like(shift)
        # Squares ever added or taken away: what rounding errors are relative to, even after the rows are gone.
        self._gross, self._turnover = zeros, 0.0
        xp = self._sums.xp
        self._low_exact = xp.ones(shift.shape, dtype=xp.bool, device=compat.device(shift))
        self._high_exact = xp.asarray(self._low_exact, copy=True)

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
    def dense(self) -> np.ndarray:
        """Numbers of the dense attributes, in the order of X's columns."""
        return self._layout.number[: self._layout.n_dense].copy()

    @property
    def binary(self) -> np.ndarray:
        """(P,) bool: which attributes hold only 0, 1 and missing."""
        return self._layout.binary[self._layout.position]

    @property
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
            Called every few milliseconds as ``checkpoint(rows done, n)``; may raise to stop, which leaves the state as it was.

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
        if sample_weight is None and sparse is None and self._update_few(X, 1):
            return self
        batch = self._batch(X, sample_weight, sparse, checkpoint)
        if batch is not None:
            with self._lock:
                self._take_in(batch, 1)
        return self

    def forget(
        self,
        X: Array,
        sample_weight: Array | None = None,
        sparse: SparseRows | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> Moments:
        """Take rows away that were learnt. Parameters, returns and raises as `learn`, and:

        Raises
        ------
        ForgetError
            More would be taken away than is there. The state is unchanged.
        """
        batch = self._batch(X, sample_weight, sparse, checkpoint)
        if batch is not None:
            with self._lock:
                self._take_in(batch, -1)
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
        if not self._layout.same_as(other._layout):
            raise ShapeError(
                f"the states have different attributes ({self.n_attributes} and {other.n_attributes}, or in another "
                "order or of other kinds); use aligned() first"
            )
        if self.joint_squares != other.joint_squares:
            raise ShapeError("one state keeps joint squares and the other does not")
        other = other.copy()  # a consistent one, which is used up; also when it is this very state
        with self._lock:
            self._take_in(other, sign)

    def _take_in(self, batch: Moments, sign: int) -> None:
        """Add or take away another state, which is used up; all or nothing."""
        if batch._turnover == 0:
            return
        if batch._layout is not self._layout and not batch._layout.same_as(self._layout):
            raise ShapeError("attributes were added to the state while these rows were being summed up; try again")
        if self._turnover == 0 and sign > 0:
            self._sums, self._gross, self._turnover = batch._sums, batch._gross, batch._turnover
            self._low_exact, self._high_exact = batch._low_exact, batch._high_exact
            return
        self._same_place(batch._sums.S)
        xp, dense = self._sums.xp, slice(0, self._layout.n_dense)
        if bool(xp.any(self._sums.shift != batch._sums.shift)):
            # Where one side has no rows, its shift means nothing and follows the other's.
            mine, theirs = (s.own_counts(self._layout)[dense] > 0 for s in (self._sums, batch._sums))
            shift = xp.where(mine, self._sums.shift, batch._sums.shift)
            batch._move_shift(xp.where(theirs, shift, batch._sums.shift))
            batch._sums.shift = self._sums.shift = shift
        if sign < 0:
            self._check_forget(batch)
        self._apply(batch, sign)

    def _move_shift(self, shift: Array) -> None:
        xp, distance = self._sums.xp, self._sums.xp.abs(self._sums.shift - shift)
        self._sums.move_shift(shift, self._layout)
        root = xp.sqrt(self._gross) + distance * self._turnover**0.5  # Minkowski: |u + e| <= |u| + |e|
        self._gross = xp.where(distance > 0, root * root, self._gross)

    def _apply(self, batch: Moments, sign: int) -> None:
        """Add or take away a state with the same layout and shift."""
        layout, sums = self._layout, self._sums
        before = (sums.low, sums.high)
        gone = batch._sums
        sums.add(gone, sign, layout)
        self._gross = self._gross + batch._gross
        self._turnover += batch._turnover
        if sign > 0:
            self._low_exact = _still_exact(before[0], self._low_exact, gone.low, batch._low_exact)
            self._high_exact = _still_exact(-before[1], self._high_exact, -gone.high, batch._high_exact)
        else:
            self._low_exact = self._low_exact & (gone.low > before[0])
            self._high_exact = self._high_exact & (gone.high < before[1])
            self._clear()
        self._follow_mean()

    def _clear(self) -> None:
        xp, sums = self._sums.xp, self._sums
        if abs(sums.weight) <= 8 * UNIT * self._turnover and sums.n_rows == 0:
            sums.weight, sums.N, sums.Q = 0.0, None, None
            if sums.T.ndim == 2:
                sums.T = sums.T[:, 0]
        elif sums.N is not None:
            sums.N = xp.where(xp.abs(sums.N) <= 8 * UNIT * self._turnover, 0.0, sums.N)
        sums.clear_uncounted(self._layout)
        if sums.weight == 0:
            self._turnover = 0.0
        empty = sums.own_counts(self._layout)[: self._layout.n_dense] == 0
        self._gross = xp.where(empty, 0.0, self._gross)
        self._low_exact, self._high_exact = self._low_exact | empty, self._high_exact | empty

    def _check_forget(self, batch: Moments) -> None:
        layout, xp, sums, gone = self._layout, self._sums.xp, self._sums, batch._sums
        slack = 8 * UNIT * (self._turnover + batch._turnover)
        if gone.n_rows > sums.n_rows or gone.weight > sums.weight + slack:
            raise ForgetError(
                f"cannot forget {gone.n_rows} rows of weight {gone.weight:g}: the state holds {sums.n_rows} of weight "
                f"{sums.weight:g}"
            )
        if sums.N is not None or gone.N is not None:
            left = (sums.N if sums.N is not None else sums.weight) - (gone.N if gone.N is not None else gone.weight)
            if bool(xp.any(left < -slack)):
                g = np.flatnonzero(_to_numpy(xp.linalg.diagonal(left)) < -slack)
                raise ForgetError(
                    f"cannot forget these rows: {self._some_attributes(np.isin(layout.group, g))} would be left with "
                    "fewer than 0 values"
                    if len(g)
                    else "cannot forget these rows: some pair of attributes would be left with fewer than 0 common rows"
                )
        t, dt = sums.own_sums(layout), gone.own_sums(layout)
        binary = self._sums.index(layout.binary)
        n = sums.own_counts(layout) - gone.own_counts(layout)
        wrong = binary & ((t - dt < -slack) | (t - dt > n + slack))
        spread = sums.diagonal() - gone.diagonal() - _answers.divide(xp, (t - dt) * (t - dt), n)
        gross = self._padded(self._gross + batch._gross)
        wrong = wrong | (spread < -_noise(self._turnover + batch._turnover) * gross)
        if bool(xp.any(wrong)):
            raise ForgetError(
                f"cannot forget these rows: {self._some_attributes(_to_numpy(wrong))} would be left with values that no "
                "rows can have; were they learnt?"
            )

    def _follow_mean(self) -> None:
        """Move the shift where the mean has left it by several standard deviations."""
        layout, xp, dense = self._layout, self._sums.xp, slice(0, self._layout.n_dense)
        n = self._sums.own_counts(layout)[dense]
        offset = _answers.divide(xp, self._sums.own_sums(layout)[dense], n)
        v = _answers.variance(self._sums, layout, 0)[dense]
        far = (v > 0) & (offset * offset > _FAR * _FAR * v) & ~self._sums.index(layout.binary[dense])
        if bool(xp.any(far)):
            self._move_shift(xp.where(far, self._sums.shift + offset, self._sums.shift))

    # -- from rows to sums ---------------------------------------------------------------------------------------------

    def _update_few(self, X: Any, sign: int) -> bool:
        """Learn a few complete NumPy rows in place. False: not done, the general way must."""
        sums, layout = self._sums, self._layout
        if (
            type(X) is not np.ndarray
            or X.ndim != 2
            or not 0 < X.shape[0] <= _FEW_ROWS
            or X.shape[1] != layout.n_dense
            or layout.n_sparse
            or X.dtype != np.float64
            or not X.flags.c_contiguous
            or self.joint_squares
            or sums.weight < _FEW_ROWS  # the first rows choose the shift, and it may have to move
            or not is_numpy(sums.S)
            or not sums.S.flags.c_contiguous
        ):
            return False
        try:
            from ._loops import learn_few
        except ImportError:
            return False
        with self._lock:
            gaps = sums.N is not None
            if gaps and not bool((sums.own_counts(layout) > 0).all()):
                return False  # an attribute without rows has no shift yet
            T = sums.T if gaps else sums.T[:, None]
            Q = sums.Q if gaps else T
            done = learn_few(
                X, sign, sums.shift, layout.binary, sums.S, T, gaps, Q, sums.V, layout.binaries, sums.M3, sums.M4,
                sums.low, sums.high, self._low_exact, self._high_exact, self._gross,
            )  # fmt: skip
            if not done:
                return False
            n = X.shape[0]
            if gaps:
                sums.N += n
            sums.n_rows += n
            sums.weight += n
            before, self._turnover = self._turnover, self._turnover + n
            if int(before) >> 6 != int(self._turnover) >> 6:
                self._follow_mean()
        return True

    def _batch(
        self, X: Any, sample_weight: Any, sparse: SparseRows | None, checkpoint: Checkpoint | None
    ) -> Moments | None:
        """Check rows and sum them up about this state's shift. None where there are none."""
        layout = self._layout
        X = as_floats(X, ndim=2, name="X")
        if X.shape[1] != layout.n_dense:
            raise ShapeError(
                f"X must have {layout.n_dense} columns, one for each dense attribute, got shape {tuple(X.shape)}"
            )
        n = X.shape[0]
        if n == 0:
            return None
        xp = compat.array_namespace(X)
        if self._turnover == 0 and not self._is_at(X):
            with self._lock:
                self._start(xp.zeros((layout.n_dense,), dtype=xp.float64, device=compat.device(X)))
        self._same_place(X)
        rows = incidence(sparse, n, layout)
        weight = None
        if sample_weight is not None:
            weight = _check_weights(sample_weight, X)
        if self.missing != "pairwise":
            X, weight, rows = self._drop_or_refuse(X, weight, rows)
            n = X.shape[0]
            if n == 0:
                return None
        self._check_binary(X)
        shift = self._choose_shift(X)
        sums = sum_rows(X, weight, rows, layout, shift, joint=self.joint_squares, checkpoint=checkpoint)
        self._check_finite(X, weight, sums)
        batch = object.__new__(Moments)
        batch.missing, batch.joint_squares, batch._layout = self.missing, self.joint_squares, layout
        batch._lock = threading.Lock()
        batch._sums = sums
        batch._gross = xp.asarray(sums.diagonal()[: layout.n_dense], copy=True)
        batch._turnover = float(n)
        always = xp.ones((layout.n_dense,), dtype=xp.bool, device=compat.device(X))
        batch._low_exact, batch._high_exact = always, xp.asarray(always, copy=True)
        return batch

    def _is_at(self, X: Array) -> bool:
        here = self._sums.S
        return compat.array_namespace(X) is compat.array_namespace(here) and compat.device(X) == compat.device(here)

    def _same_place(self, X: Array) -> None:
        if not self._is_at(X):
            raise BackendError(
                f"this state lives in {self.backend} on {self.device}, the data in {type(X).__module__.split('.')[0]} on "
                f"{compat.device(X)}; convert the data, or learn it into a state of its own"
            )

    def _drop_or_refuse(
        self, X: Array, weight: Array | None, rows: Incidence | None
    ) -> tuple[Array, Array | None, Incidence | None]:
        xp = compat.array_namespace(X)
        gaps = xp.isnan(X)
        bad = _to_numpy(xp.any(gaps, axis=1))
        if rows is not None:
            bad = bad | rows.missing.any(axis=1)
        if not bad.any():
            return X, weight, rows
        if self.missing == "error":
            row = int(np.flatnonzero(bad)[0])
            raise DataError(f"row {row} has a missing value, which this state refuses (missing='error')")
        keep = np.flatnonzero(~bad)
        index = xp.asarray(keep, device=compat.device(X))
        X = xp.take(X, index, axis=0)
        weight = None if weight is None else xp.take(weight, index)
        if rows is not None:
            lengths = np.diff(rows.indptr)
            rows = Incidence(
                np.concatenate([[0], np.cumsum(lengths[keep])]),
                rows.members[np.repeat(~bad, lengths)],
                rows.missing[keep],
                rows.groups,
            )
        return X, weight, rows

    def _check_binary(self, X: Array) -> None:
        columns = np.flatnonzero(self._layout.binary[: self._layout.n_dense])
        if not len(columns):
            return
        xp = compat.array_namespace(X)
        B = xp.take(X, xp.asarray(columns, device=compat.device(X)), axis=1)
        wrong = ~((B == 0) | (B == 1) | xp.isnan(B))
        if bool(xp.any(wrong)):
            row, k = (int(i[0]) for i in np.nonzero(_to_numpy(wrong)))
            raise DataError(
                f"row {row}, column {int(columns[k])}: {float(B[row, k])!r} in a 0/1 attribute; "
                "use make_continuous() to allow other values"
            )

    def _choose_shift(self, X: Array) -> Array:
        """This state's shift, with a value of X near the middle for the attributes that have no rows yet."""
        layout, sums, xp = self._layout, self._sums, self._sums.xp
        new = (sums.own_counts(layout)[: layout.n_dense] == 0) & ~sums.index(layout.binary[: layout.n_dense])
        if not bool(xp.any(new)):
            return sums.shift
        # The middle one of some 200 rows: enough to be near, and no outlier that comes first is chosen.
        step = max(1, X.shape[0] // 200)
        sample = _to_numpy(X[::step, :]).astype(np.float64)
        sample = np.where(np.isfinite(sample), sample, np.nan)
        counts = (~np.isnan(sample)).sum(axis=0)
        middle = np.sort(sample, axis=0)[np.maximum(counts - 1, 0) // 2, np.arange(sample.shape[1])]
        for j in np.flatnonzero((counts == 0) & _to_numpy(new)):
            column = _to_numpy(X[:, int(j)])
            column = column[np.isfinite(column)]
            middle[j] = column[len(column) // 2] if len(column) else 0.0
        return xp.where(new, xp.asarray(middle, device=compat.device(X)), sums.shift)

    def _check_finite(self, X: Array, weight: Array | None, sums: Sums) -> None:
        xp = compat.array_namespace(X)
        # Minimum and maximum tell, but for rows of weight 0, which they do not see.
        found = (sums.high == xp.inf) | (sums.low == -xp.inf) if weight is None else xp.any(xp.isinf(X), axis=0)
        infinite = _to_numpy(found)
        if infinite.any():
            column = int(np.flatnonzero(infinite)[0])
            row = int(np.flatnonzero(np.isinf(_to_numpy(X[:, column])))[0])
            raise DataError(f"row {row}, column {column}: {float(X[row, column])} is infinite; drop it or make it NaN")
        overflown = ~np.isfinite(_to_numpy(sums.diagonal()))
        if overflown.any():
            raise DataError(
                f"{self._some_attributes(overflown)}: values so large that their squares overflow float64; rescale them"
            )

    # -- attributes ----------------------------------------------------------------------------------------------------

    def extend(self, q: int, binary: Any = None) -> np.ndarray:
        """Add ``q`` dense attributes without counts, as further columns of X; return their numbers.

        Rows that were learnt before count as missing in them.
        """
        if not isinstance(q, int | np.integer) or q < 0:
            raise ShapeError(f"q must be a whole number of attributes, 0 or more, got {q!r}")
        first = self._layout.size
        with self._lock:
            self._rearrange(self._layout.with_dense(_mask(binary, int(q))))
        return np.arange(first, first + q)

    def extend_sparse(self, members: int, group: int | None = None) -> tuple[int, np.ndarray]:
        """Add sparse 0/1 attributes, say the members of a category; return their presence group and numbers.

        Parameters
        ----------
        members : int
            How many.
        group : int, optional
            A sparse presence group that exists: the new attributes were 0 wherever it was present. Default: a new
            group, missing in all rows so far.
        """
        if not isinstance(members, int | np.integer) or members < 0:
            raise ShapeError(f"members must be a whole number, 0 or more, got {members!r}")
        layout = self._layout
        if group is not None and group not in set(layout.group[layout.n_dense :].tolist()):
            raise ShapeError(f"{group!r} is no sparse presence group of this state")
        first = layout.size
        with self._lock:
            extended, chosen = layout.with_sparse(int(members), group)
            self._rearrange(extended)
        return chosen, np.arange(first, first + members)

    def make_continuous(self, index: int) -> Moments:
        """Let a dense 0/1 attribute hold any value from now on; moments conditional on it are no longer kept."""
        position = int(self._positions([index])[0])
        if position >= self._layout.n_dense:
            raise ShapeError(f"attribute {index} is sparse and can only be 0/1")
        with self._lock:
            self._rearrange(self._layout.with_continuous(position))
            self._follow_mean()
        return self

    def select(self, indices: Sequence[int]) -> Moments:
        """A new state of these attributes alone, in this order, each of them dense."""
        positions = self._positions(indices)
        with self._lock:
            return self._view(self._layout.all_dense(positions), positions, self._layout.group[positions])

    def aligned(self, like: Moments, source: Sequence[int]) -> Moments:
        """A new state with the attributes of ``like``; its attribute i is this state's ``source[i]``, or -1: not here.

        What is not here has no counts, unless another attribute of its presence group is: then it was 0 where the group
        was present.
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
        group_source[new.group[here]] = old.group[source_position[here]]
        if (group_source[new.group[here]] != old.group[source_position[here]]).any():
            raise ShapeError("attributes of one presence group in `like` are in several groups here")
        if ((source_position >= old.n_dense) & (np.arange(new.size) < new.n_dense)).any() or (
            (source_position[new.n_dense :] >= 0) & (source_position[new.n_dense :] < old.n_dense)
        ).any():
            raise ShapeError("a dense attribute cannot be aligned with a sparse one")
        if (new.binary[here] & ~old.binary[source_position[here]]).any():
            raise ShapeError("a 0/1 attribute of `like` holds other values here; use make_continuous() on `like` first")
        with self._lock:
            return self._view(new, source_position, group_source)

    def copy(self) -> Moments:
        """An independent copy."""
        with self._lock:
            return self._like(
                self._layout, self._sums.copy(), *(
                    self._sums.xp.asarray(a, copy=True) for a in (self._gross, self._low_exact, self._high_exact)
                )
            )  # fmt: skip

    def _like(self, layout: Layout, sums: Sums, gross: Array, low_exact: Array, high_exact: Array) -> Moments:
        new = object.__new__(Moments)
        new.missing, new.joint_squares, new._layout, new._sums = self.missing, self.joint_squares, layout, sums
        new._gross, new._turnover, new._low_exact, new._high_exact = gross, self._turnover, low_exact, high_exact
        new._lock = threading.Lock()
        return new

    def _view(self, layout: Layout, source: np.ndarray, group_source: np.ndarray) -> Moments:
        """A new state laid out as ``layout`` (see `Sums.rearranged`)."""
        xp, old, dense_source = self._sums.xp, self._layout, source[: layout.n_dense]
        keep = self._sums.index((dense_source >= 0) & (dense_source < old.n_dense))
        index = self._sums.index(np.clip(dense_source, 0, max(old.n_dense - 1, 0)))

        def dense(values: Array, absent: Any) -> Array:
            if not old.n_dense:
                return xp.full(keep.shape, absent, dtype=values.dtype, device=compat.device(values))
            return xp.where(keep, xp.take(values, index), absent)

        sums = self._sums.rearranged(old, layout, source, group_source, dense(self._sums.shift, 0.0))
        return self._like(
            layout, sums, dense(self._gross, 0.0), dense(self._low_exact, True), dense(self._high_exact, True)
        )  # fmt: skip

    def _rearrange(self, layout: Layout) -> None:
        """Go over to a layout that keeps every attribute's number and may add some."""
        old = self._layout
        source = np.where(layout.number < old.size, old.position[np.minimum(layout.number, old.size - 1)], -1) \
            if old.size else np.full(layout.size, -1)  # fmt: skip
        group_source = np.where(np.arange(layout.n_groups) < old.n_groups, np.arange(layout.n_groups), -1)
        new = self._view(layout, source, group_source)
        self._layout, self._sums = layout, new._sums
        self._gross, self._low_exact, self._high_exact = new._gross, new._low_exact, new._high_exact

    # -- answers -------------------------------------------------------------------------------------------------------

    @property
    def count(self) -> Array:
        """(P,) float64: weight of the rows where each attribute is present."""
        return self._by_number(self._sums.own_counts(self._layout))

    def mean(self) -> Array:
        """(P,) float64: means; NaN without rows."""
        return self._by_number(_answers.mean(self._sums, self._layout))

    def var(self, ddof: float = 0) -> Array:
        """(P,) float64: variances with ``count - ddof`` in the denominator, never negative; NaN where that is not positive."""
        return self._by_number(_answers.variance(self._sums, self._layout, ddof))

    def skewness(self) -> Array:
        """(P,) float64: population skewness m3 / m2^1.5; NaN where the variance is 0."""
        return self._by_number(_answers.standard_moments(self._sums, self._layout)[0])

    def kurtosis(self) -> Array:
        """(P,) float64: population excess kurtosis m4 / m2^2 - 3; NaN where the variance is 0."""
        return self._by_number(_answers.standard_moments(self._sums, self._layout)[1])

    @property
    def min(self) -> Array:
        """(P,) float64: smallest value learnt, or, where `min_exact` is False, a lower bound of it; NaN without rows."""
        return self._extreme(self._sums.low, 0)

    @property
    def max(self) -> Array:
        """(P,) float64: largest value learnt, or, where `max_exact` is False, an upper bound of it; NaN without rows."""
        return self._extreme(self._sums.high, 1)

    @property
    def min_exact(self) -> Array:
        """(P,) bool: False where a row that may have held the minimum has been forgotten."""
        return self._exact(self._low_exact)

    @property
    def max_exact(self) -> Array:
        """(P,) bool: False where a row that may have held the maximum has been forgotten."""
        return self._exact(self._high_exact)

    def _extreme(self, seen: Array, end: int) -> Array:
        """Of 0/1 attributes the counts tell; of others what was seen."""
        xp, layout = self._sums.xp, self._layout
        n, t = self._sums.own_counts(layout), self._sums.own_sums(layout)
        of_binary = xp.astype(t > 0, xp.float64) if end else xp.astype(t >= n, xp.float64)
        binary = self._sums.index(layout.binary)
        values = xp.where(binary, of_binary, self._padded(seen))
        return self._by_number(xp.where(n > 0, values, xp.nan))

    def _exact(self, dense: Array) -> Array:
        xp, layout = self._sums.xp, self._layout
        sparse = xp.ones((layout.n_sparse,), dtype=xp.bool, device=compat.device(dense))
        return self._by_number(xp.concat([dense, sparse]) | self._sums.index(layout.binary))

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

    def correlation(self, indices: Sequence[int] | None = None) -> Array:
        """Pearson correlations, each pair over the rows where both are present; NaN where one of them is constant there.

        Returns
        -------
        (P, P) or (len(indices), len(indices)) float64 array
        """
        state = self if indices is None else self.select(indices)
        gross = state._padded(state._gross)
        return state._matrix_by_number(_answers.correlation(state._sums, state._layout, gross, state._turnover))

    def pair_counts(self, indices: Sequence[int] | None = None) -> Array:
        """(P, P) float64: weight of the rows where both attributes are present."""
        state = self if indices is None else self.select(indices)
        count = state._sums.pairwise(state._layout)[0]
        return state._matrix_by_number(state._sums.xp.asarray(count, copy=True))

    def pair_mean(self, indices: Sequence[int] | None = None) -> Array:
        """(P, P) float64: mean of i over the rows where j is present too."""
        state = self if indices is None else self.select(indices)
        count, total, _ = state._sums.pairwise(state._layout)
        shift = _answers.full_shift(state._sums, state._layout)
        return state._matrix_by_number(shift[:, None] + _answers.divide(state._sums.xp, total, count))

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

    def cross_sums(self, i: int, j: int) -> CrossSums:
        """Raw sums of attributes i (x) and j (y) over the rows where both are present.

        ``sum_xxy`` and ``sum_xxyy`` are NaN unless j is a 0/1 attribute or the state keeps joint squares.
        """
        a, b = self._positions([i, j])
        return _answers.cross_sums(self._sums, self._layout, int(a), int(b))

    @property
    def error_bound(self) -> Array:
        """(P,) float64: bound on the relative error that rounding of the sums left in each variance.

        Of the probabilistic kind (Higham & Mary 2019, "A new approach to probabilistic rounding error analysis", theorem
        2.4): 4 sqrt(rows) units of rounding of all that was ever added or taken away, as forgotten rows leave theirs
        behind. ``inf`` where the variance is 0 but was not always; NaN without rows.
        """
        xp, layout = self._sums.xp, self._layout
        absolute = _noise(self._turnover) * self._padded(self._gross)
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

    def _some_attributes(self, mask: np.ndarray) -> str:
        numbers = self._layout.number[np.flatnonzero(mask)]
        shown = ", ".join(str(int(i)) for i in numbers[:5])
        return f"attribute{'s' if len(numbers) > 1 else ''} {shown}{' and others' if len(numbers) > 5 else ''}"


def _noise(turnover: float) -> float:
    return 4 * UNIT * max(turnover, 1.0) ** 0.5


def _still_exact(mine: Array, mine_exact: Array, new: Array, new_exact: Array) -> Array:
    """Whether the smaller of two minima is known exactly."""
    return ((mine <= new) & mine_exact) | ((new <= mine) & new_exact)


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


def _check_weights(sample_weight: Any, X: Array) -> Array:
    xp = compat.array_namespace(X)
    given = (
        sample_weight if compat.is_array_api_obj(sample_weight) else xp.asarray(sample_weight, device=compat.device(X))
    )
    weight = xp.astype(as_floats(given, ndim=1, name="sample_weight"), xp.float64, copy=False)
    if weight.shape[0] != X.shape[0]:
        raise ShapeError(f"sample_weight must have one entry for each of the {X.shape[0]} rows, got {weight.shape[0]}")
    wrong = ~(xp.isfinite(weight) & (weight >= 0))
    if bool(xp.any(wrong)):
        row = int(np.flatnonzero(_to_numpy(wrong))[0])
        raise DataError(f"sample_weight[{row}] is {float(weight[row])}; weights must be finite and 0 or more")
    return weight


def _to_numpy(x: Array) -> np.ndarray:
    return x.get() if is_cupy(x) else np.asarray(x)
