"""`Moments`: sums over rows that are learnt, forgotten and merged, and every statistic that follows from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .._arrays import Array
from .._columns import Columns
from .._errors import ShapeError
from .._forks import ForkLock
from .._parameters import check_integer
from . import _arrays_io, _intake
from ._alignment import align
from ._attributes import consistent
from ._layout import Layout, binary_mask
from ._rows import SparseRows
from ._settings import Missing, Settings
from ._state import State
from ._statistics import Statistics

Checkpoint = Callable[[int, int], None]


class Moments(Statistics):
    """First to fourth moments of rows, which can be learnt, forgotten and merged. Rows may have missing values.

    The state holds shifted sums for every attribute and every pair of attributes, never the rows. Covariances,
    correlations, higher moments and moments conditional on 0/1 attributes follow from the sums.

    Parameters
    ----------
    p : int
        Number of dense attributes: the columns of X. More can be added later (`extend`, `extend_sparse`).
    binary : (p,) bool array or sequence of int, optional
        Attributes that hold only 0, 1 and missing values, as a mask or as numbers. Moments of all attributes
        conditional on these are kept as well. Default: none.
    missing : {"pairwise", "listwise", "error"}, default "pairwise"
        What a missing value (NaN) does. "pairwise": the row counts for the attributes that are present in it.
        "listwise": the row is dropped. "error": the row raises `DataError`.
    joint_squares : bool, default False
        Also keep sums of x_i^2 x_j and x_i^2 x_j^2 for every pair. This takes three times the arithmetic.
    exact : bool, default False
        Sum every row without rounding errors of products, not only the first rows and those that need it. Then the
        order of the rows, batches, threads and merges do not change a bit of means, covariances and correlations,
        where `reproducible` says so. docs/benchmarking.md has the price.

    Raises
    ------
    ShapeError
        ``p`` is not a whole number, 0 or more, or ``binary`` does not fit it.
    ValueError
        ``missing`` is none of the three.

    Notes
    -----
    *Method.* All sums are about a shift near the middle of the first rows, as Chan, Golub & LeVeque (1983),
    "Algorithms for computing the sample variance", section 3, recommend. They are kept to some 47 digits, and few rows,
    or rows whose sums in float64 would cost an answer its digits, are summed without rounding errors. Moving the shift
    and merging states with different shifts are exact algebra. docs/numerics.md derives the bounds.

    *Backend.* The first rows choose it: NumPy in, NumPy out; CuPy in, CuPy out. Sums are float64, whatever X is.
    A copy stays on its device. A pickle holds NumPy arrays, so that a machine without a GPU can read it; `to` moves the
    state to a GPU.

    *Cost.* n rows of p dense attributes take O(n p^2) time. The state takes O(p^2) memory, and so does each thread. A
    missing value costs O(p) time. A sparse attribute takes O(p) time for each 1, not for each row, and O(p) memory; so
    does each pair of them that is 1 in one row take O(1).

    *Threads.* One thread learns, forgets or merges at a time; others may read meanwhile. In a forked child the state is
    as it was at the fork; if another thread was adding rows to it at that moment, using it is a RuntimeError.

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
        missing: Missing = "pairwise",
        joint_squares: bool = False,
        exact: bool = False,
    ) -> None:
        p = _count(p, "p")
        self._settings = Settings.checked(missing, joint_squares, exact)
        layout = Layout().with_dense(binary_mask(binary, p))
        self._state = State.empty(layout, np.zeros(p), joint=self._settings.joint_squares)
        self._lock = ForkLock()

    @classmethod
    def _of(cls, settings: Settings, state: State) -> Moments:
        new = object.__new__(cls)
        new._settings, new._state, new._lock = settings, state, ForkLock()
        return new

    def _with(self, state: State) -> Moments:
        """Return another `Moments` with these settings."""
        return self._of(self._settings, state)

    def __copy__(self) -> Moments:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Moments:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_arrays, (self.arrays(),)

    @property
    def missing(self) -> Missing:
        """What a missing value does: ``"pairwise"``, ``"listwise"`` or ``"error"``."""
        return self._settings.missing

    @property
    def joint_squares(self) -> bool:
        """Whether sums of x_i^2 x_j and x_i^2 x_j^2 are kept for every pair."""
        return self._settings.joint_squares

    @property
    def exact(self) -> bool:
        """Whether every row is summed without rounding errors of products."""
        return self._settings.exact

    def __repr__(self) -> str:
        return f"Moments({self.n_attributes} attributes, {self.n_rows} rows, {self.backend} on {self.device})"

    # -- learn, forget, merge ------------------------------------------------------------------------------------------

    def learn(
        self,
        X: Array | Columns,
        sample_weight: Array | None = None,
        sparse: SparseRows | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> Moments:
        """Add rows.

        Parameters
        ----------
        X : (n, p) array, float32 or float64, or Columns
            Dense attributes, NaN where missing. Sequences become NumPy arrays.
        sample_weight : (n,) array, optional
            Weights, finite and 0 or more. A whole number w has the same effect as w equal rows. Default: 1.
        sparse : SparseRows, optional
            The sparse attributes of the same rows. Default: they are missing in these rows.
        checkpoint : callable, optional
            Called every few milliseconds as ``checkpoint(rows done, n)``. An exception that it raises stops the call
            and leaves the state unchanged.

        Returns
        -------
        Moments
            This state.

        Raises
        ------
        ShapeError
            X is not (n, p), or the weights are not (n,).
        DataError
            A value is infinite, is neither 0 nor 1 in a 0/1 attribute, has a square that overflows, or is missing
            while ``missing="error"``; a weight is negative, NaN or infinite. The state is unchanged.
        BackendError
            X is of another library, or on another device, than the rows before.
        """
        if (
            sample_weight is None
            and sparse is None
            and self._settings.missing == "pairwise"
            and _intake.try_fast_path(lambda: self._state, X, self._settings, checkpoint, self._lock)
        ):
            return self
        return self._change(X, sample_weight, sparse, checkpoint, 1)

    def forget(
        self,
        X: Array | Columns,
        sample_weight: Array | None = None,
        sparse: SparseRows | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> Moments:
        """Remove rows that were learnt.

        Parameters
        ----------
        X, sample_weight, sparse, checkpoint
            The same arguments as those of `learn`.

        Returns
        -------
        Moments
            This state.

        Raises
        ------
        ForgetError
            The state cannot hold these rows. It is unchanged.
        ShapeError, DataError, BackendError
            For the same reasons as in `learn`.

        Notes
        -----
        Rows that were never learnt are found only if the remaining sums are impossible: a negative count or variance.
        """
        return self._change(X, sample_weight, sparse, checkpoint, -1)

    def _change(
        self, X: Any, sample_weight: Any, sparse: SparseRows | None, checkpoint: Checkpoint | None, sign: int
    ) -> Moments:
        while True:
            batch, few = _intake.batch_state(self._state, X, sample_weight, sparse, self._settings, checkpoint, sign)
            with self._lock:
                layout = self._state.layout
                if few is not None:
                    changed = few.change(self._state, batch, sign) if few.whole.same_as(layout) else None
                    if changed is not None:
                        state, write, arguments = changed
                        with self._lock.in_place():
                            # Python handles signals after calls: if Ctrl-C comes now, all the rows are learnt.
                            self._state = state
                            write(*arguments)
                        return self
                    batch = few.expanded(batch)
                if batch.layout.size < layout.size:
                    batch = batch.extended(layout)  # added meanwhile, so missing in these rows
                if np.array_equal(batch.layout.binary, layout.binary):  # else: one was made continuous meanwhile
                    self._state = self._state.combined(batch, sign)
                    return self

    def merge(self, other: Moments) -> Moments:
        """Add the rows of another state.

        Parameters
        ----------
        other : Moments
            It does not change. It may be this state.

        Returns
        -------
        Moments
            This state.

        Raises
        ------
        ShapeError
            The attributes differ, or only one state has ``joint_squares``. `aligned` reorders attributes.
        BackendError
            The states are of different libraries or devices. `to` moves one.
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
            raise ShapeError("only one of the two states has joint_squares; make both with the same value")
        batch = other.copy()._state  # `combined` changes it, and `other` may be this state
        with self._lock:
            self._state = self._state.combined(batch, sign)

    # -- attributes ----------------------------------------------------------------------------------------------------

    def extend(self, q: int, binary: Any = None) -> np.ndarray:
        """Add dense attributes: further columns of X. They are missing in the rows learnt so far.

        Parameters
        ----------
        q : int
            Number of new attributes, 0 or more.
        binary : (q,) bool array or sequence of int, optional
            New attributes that hold only 0, 1 and missing values, as a mask or as indices from 0. Default: none.

        Returns
        -------
        (q,) int array
            Numbers of the new attributes.
        """
        q = _count(q, "q")
        with self._lock:
            first = self._layout.size
            self._state = self._state.extended(self._layout.with_dense(binary_mask(binary, q)))
        return np.arange(first, first + q)

    def extend_sparse(self, members: int, group: int | None = None) -> tuple[int, np.ndarray]:
        """Add sparse 0/1 attributes, for example the members of a category.

        Parameters
        ----------
        members : int
            Number of new attributes, 0 or more. A group without attributes counts the rows where it is present.
        group : int, optional
            A sparse presence group of this state: the new attributes were 0 wherever it was present. Default: a new
            group, missing in the rows learnt so far.

        Returns
        -------
        group : int
            Their presence group.
        numbers : (members,) int array
            Numbers of the new attributes.
        """
        members = _count(members, "members")
        with self._lock:
            layout = self._layout
            if group is not None and group not in layout.sparse_groups:
                raise ShapeError(
                    f"group must be one of the sparse presence groups of this state, {layout.sparse_groups.tolist()}, "
                    f"got {group!r}"
                )
            extended, chosen = layout.with_sparse(members, group)
            self._state = self._state.extended(extended)
        return chosen, np.arange(layout.size, layout.size + members)

    @consistent
    def make_continuous(self, index: int) -> Moments:
        """Allow any value in a dense 0/1 attribute from now on. Moments conditional on it are no longer kept."""
        position = int(self._positions([index])[0])
        if position >= self._layout.n_dense:
            raise ShapeError(f"attribute {index} is sparse, and sparse attributes can only be 0 or 1")
        self._state = self._state.extended(self._layout.with_continuous(position))
        return self

    @consistent
    def select(self, indices: Sequence[int]) -> Moments:
        """Return a new state of these attributes alone, in this order, each of them dense."""
        positions = self._positions(indices)
        return self._with(self._state.selected(positions))

    @consistent
    def aligned(self, like: Moments, source: Sequence[int], groups: Mapping[int, int] | None = None) -> Moments:
        """Return a new state with the attributes of another one, in its order, so that the two can be merged.

        An attribute that this state lacks has no counts, unless this state has another attribute of its presence group:
        then it was 0 wherever the group was present.

        Parameters
        ----------
        like : Moments
            The state with the attributes and their order.
        source : (like.n_attributes,) sequence of int
            Attribute i of ``like`` is attribute ``source[i]`` of this state; -1 if this state lacks it.
        groups : mapping of int to int, optional
            From presence groups of ``like`` to those of this state, for groups that share no attribute, such as that
            of a list column without members. Other groups are found by their attributes.

        Returns
        -------
        Moments

        Raises
        ------
        ShapeError
            An attribute number does not exist, or an attribute would change between dense and sparse, lose its presence
            group or become a 0/1 attribute.
        """
        position, group = align(like._layout, self._layout, source, groups)
        return self._with(self._state.rearranged(like._layout, position, group))

    def copy(self) -> Moments:
        """Return an independent copy."""
        with self._lock:
            return self._with(self._state.copy())

    # -- saving --------------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, np.ndarray]:
        """Return settings and state as NumPy arrays, by name; `from_arrays` reads them."""
        with self._lock:
            return _arrays_io.to_arrays(self._settings, self._state)

    def to(self, like: Array) -> Moments:
        """Return a copy in another array library or on another device.

        Parameters
        ----------
        like : array
            Any array of the wanted library, on the wanted device, for example ``cupy.empty(0)``.

        Returns
        -------
        Moments
            It learns arrays of that library on that device.
        """
        with self._lock:
            return self._with(self._state.to(like))

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Moments:
        """Return the state whose `arrays` these are.

        Raises
        ------
        DataError
            An array is absent, or the arrays do not fit together.
        """
        return cls._of(*_arrays_io.from_arrays(arrays))


def _count(value: Any, name: str) -> int:
    """Return a number of attributes, 0 or more; raises `ShapeError`."""
    try:
        return check_integer(value, name, least=0)
    except (TypeError, ValueError) as error:
        raise ShapeError(str(error)) from None
