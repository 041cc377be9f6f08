"""`StreamingKMeans`: clusters kept while rows stream by."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, as_floats, is_numpy, namespace, to_numpy
from .._errors import BackendError, ShapeError
from .._forks import ForkLock
from .._kmeans import Checkpoint
from .._results import backend_of, device_of
from .._rows import Nonfinite, as_rows
from ._arrays_io import from_arrays, to_arrays
from ._backends import block_of
from ._clustering import Clusterable, MicroClusters
from ._coreset import Coreset
from ._settings import Scale, Settings
from ._state import State

# Rows of a block: few at first, so that the next rows find micro-clusters that these have opened.
_FIRST_BLOCK, _LAST_BLOCK = 256, 10_000
_BLOCK_BYTES = 2**24  # of a block's rows, however many columns there are


class StreamingKMeans(Clusterable):
    """Clusters of a stream of rows: micro-clusters that are kept while rows come, and clustered when asked.

    At most ``n_centroids`` micro-clusters are held, each as the number of its rows, their mean and their squared
    deviations from it. No rows are held after the warm-up. Totals are exact: the weight, mean and sum of squares of all
    rows follow from the micro-clusters.

    Parameters
    ----------
    n_centroids : int, default 100
        Most micro-clusters to hold. The more there are, the closer the results are to k-means on the rows; time grows
        in proportion.
    warmup : int, default 101
        Rows to wait for before the first micro-clusters are formed, more than ``n_centroids``. Until then the rows
        themselves are held.
    max_iter : int, default 1000
        Most iterations of the k-means that forms them.
    seed : int, default 0
        Seed of the random numbers, 0 or more: the same rows in the same batches give the same result.
    scale : {"none", "standard"}, default "none"
        Units in which distances are measured: those of the rows, or the standard deviations of the columns at the end
        of the warm-up (a constant column stays as it is). Results are in the units of the rows in either case.
    nonfinite : {"error", "drop"}, default "error"
        Whether a row with a NaN or an infinity raises, or is dropped and counted.

    Raises
    ------
    TypeError, ValueError
        An argument is no integer, or out of range.

    Notes
    -----
    *Method.* Cluster features, as BIRCH has them (Zhang, Ramakrishnan & Livny 1996) and CluStream for streams
    (Aggarwal, Han, Wang & Yu 2003), kept as mean and deviations: an offset costs no digits (BETULA, Lang & Schubert
    2022). Rows are added in blocks to their nearest micro-clusters. A new micro-cluster is opened, at a row drawn as
    k-means++ draws, where it lowers the sum of squares by more than the cheapest merger of two others raises it (Ward
    1963); then such mergers are made. So new regions, drift and outliers get micro-clusters of their own as far as
    that lowers the sum of squares.

    *Backend.* The first rows choose it. NumPy rows go through compiled loops, others through the array API standard.
    Micro-clusters are few: their algebra is done in NumPy, and they are returned on the backend and device of the rows.
    A pickle holds NumPy arrays, so that a machine without a GPU can read it; `to` moves the object to a GPU.

    *Cost.* O(n m d) time for n rows and m micro-clusters, and O(m^2 d) for a batch; O(m^2 + m d) memory, and that of
    10,000 rows. Small batches give results as good as large ones, in more time.

    *Threads.* One thread learns or merges at a time; others may read meanwhile.

    Examples
    --------
    >>> import numpy as np
    >>> from symkernels import StreamingKMeans
    >>> stream = StreamingKMeans(n_centroids=4, warmup=5)
    >>> for batch in np.array([[0.0], [1.0], [10.0], [11.0], [0.5], [10.5], [0.0], [10.0]]).reshape(4, 2, 1):
    ...     _ = stream.learn(batch)
    >>> result = stream.kmeans(2)
    >>> np.sort(result.centers[:, 0]), round(result.wssse, 12)
    (array([ 0.375, 10.375]), 1.375)
    """

    def __init__(
        self,
        n_centroids: int = 100,
        *,
        warmup: int = 101,
        max_iter: int = 1000,
        seed: int = 0,
        scale: Scale = "none",
        nonfinite: Nonfinite = "error",
    ) -> None:
        self._settings = Settings.checked(
            n_centroids, warmup=warmup, max_iter=max_iter, seed=seed, scale=scale, nonfinite=nonfinite
        )
        self._like: Array | None = None  # an empty array of the rows' library on their device
        self._state = State.empty(0)
        self._writing = ForkLock()

    def __copy__(self) -> StreamingKMeans:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> StreamingKMeans:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_arrays, (self.arrays(),)

    # -- settings ------------------------------------------------------------------------------------------------------

    @property
    def n_centroids(self) -> int:
        """Most micro-clusters to hold."""
        return self._settings.n_centroids

    @property
    def warmup(self) -> int:
        """Rows before the first micro-clusters are formed."""
        return self._settings.warmup

    @property
    def max_iter(self) -> int:
        """Most iterations of the k-means that forms them."""
        return self._settings.max_iter

    @property
    def seed(self) -> int:
        """Seed of the random numbers."""
        return self._settings.seed

    @property
    def scale(self) -> Scale:
        """Units in which distances are measured: ``"none"`` for those of the rows, or ``"standard"``."""
        return self._settings.scale

    @property
    def nonfinite(self) -> Nonfinite:
        """What a row with a NaN or an infinity does: ``"error"`` or ``"drop"``."""
        return self._settings.nonfinite

    # -- what is in it -------------------------------------------------------------------------------------------------

    @property
    def n_rows(self) -> int:
        """Rows learnt, without those dropped."""
        return self._state.n_rows

    @property
    def n_dropped(self) -> int:
        """Rows left out for a NaN or an infinity."""
        return self._state.n_dropped

    @property
    def n_features(self) -> int:
        """Number of columns d; 0 before the first rows."""
        return self._state.d

    @property
    def ready(self) -> bool:
        """Whether the warm-up is over."""
        return self._state.ready

    @property
    def backend(self) -> str:
        """The array library of results: ``"numpy"``, ``"cupy"``, ..."""
        return "numpy" if self._like is None else backend_of(self._like)

    @property
    def device(self) -> str:
        """The device of results."""
        return "cpu" if self._like is None else device_of(self._like)

    def __repr__(self) -> str:
        state = self._state
        return f"StreamingKMeans({state.features.size} of {self.n_centroids} micro-clusters, {state.n_rows} rows)"

    # -- learn, merge --------------------------------------------------------------------------------------------------

    def learn(
        self, X: Array, sample_weight: Array | None = None, checkpoint: Checkpoint | None = None
    ) -> StreamingKMeans:
        """Add rows.

        Parameters
        ----------
        X : (n, d) array, float32 or float64
            Rows, of as many columns as those before; n may be 0. Sequences become NumPy arrays.
        sample_weight : (n,) array, optional
            Weights, finite and 0 or more, not all 0. Default: 1.
        checkpoint : callable, optional
            Called every few milliseconds as ``checkpoint(rows done, n)``. What it raises stops the call and leaves the
            micro-clusters as they were. It must not call `learn` or `merge` of this object.

        Returns
        -------
        StreamingKMeans
            This object.

        Raises
        ------
        ShapeError
            X is not (n, d), or the weights are not (n,).
        DataError
            A row has a NaN or an infinity and ``nonfinite`` is "error"; a weight is negative or not finite; values so
            large that squared distances overflow. Nothing is learnt then.
        BackendError
            X is of another library or device than the rows before it.
        """
        X = as_floats(X, ndim=2, name="X")
        n = int(X.shape[0])
        done = 0

        def poll() -> None:
            if checkpoint is not None:
                checkpoint(done, n)

        rows = as_rows(X, nonfinite=self.nonfinite, sample_weight=sample_weight, minimum=0, poll=poll)
        d, settings = int(X.shape[1]), self._settings
        with self._writing:
            before = self._state
            self._check_place(X)
            if before.d not in (0, d):
                raise ShapeError(f"X must have {before.d} columns, as the rows before it, got shape {tuple(X.shape)}")
            state = before if before.d else State.empty(d)
            state = replace(state, n_dropped=state.n_dropped + rows.n_dropped)
            kept, start = int(rows.X.shape[0]), 0
            if rows.weight is not None and not bool(namespace(X).any(rows.weight > 0)):
                kept = 0
            with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused
                while start < kept:
                    stop = min(kept, start + self._length(state, d))
                    part = rows.X[start:stop, :]
                    weight = None if rows.weight is None else rows.weight[start:stop]
                    if state.ready:
                        state = state.with_block(block_of(part, weight, state.frame), settings)
                    else:
                        early = np.ones(stop - start) if weight is None else to_numpy(weight)
                        state = state.with_early_rows(to_numpy(part).astype(np.float64), early, settings, poll)
                    start = stop
                    done = n if start == kept else start
                    poll()
            if self._state is not before:
                raise RuntimeError("the checkpoint called learn() or merge() of the same object; nothing is learnt")
            self._like, self._state = rows.X[:0, :], state
        return self

    def _length(self, state: State, d: int) -> int:
        """Rows of the next block."""
        if not state.ready:
            return max(1, self.warmup - state.features.size)
        return max(1, min(max(_FIRST_BLOCK, state.n_rows), _LAST_BLOCK, _BLOCK_BYTES // (8 * d)))

    def merge(self, other: StreamingKMeans) -> StreamingKMeans:
        """Add the rows that another stream has learnt. ``other`` is unchanged; this object keeps its settings.

        The micro-clusters of both are taken together, and the cheapest mergers made until ``n_centroids`` are left.
        Where only one of the two is still warming up, each row that it holds becomes a micro-cluster first.

        Raises
        ------
        ShapeError
            ``other`` is no StreamingKMeans, or its rows have another number of columns.
        """
        if not isinstance(other, StreamingKMeans):
            raise ShapeError(f"expected a StreamingKMeans, got {type(other).__name__}")
        theirs, like = other._state, other._like  # read once: consistent, also where ``other`` is this object
        with self._writing:
            mine = self._state
            if theirs.d == 0:
                return self
            if mine.d not in (0, theirs.d):
                raise ShapeError(f"cannot merge rows of {theirs.d} columns into rows of {mine.d}")
            with np.errstate(over="ignore", invalid="ignore"):
                merged = (mine if mine.d else State.empty(theirs.d)).merged(theirs, self._settings)
            if self._like is None:
                self._like = like
            self._state = merged
        return self

    def __add__(self, other: StreamingKMeans) -> StreamingKMeans:
        if not isinstance(other, StreamingKMeans):
            return NotImplemented
        return self.copy().merge(other)

    def copy(self) -> StreamingKMeans:
        """Return an independent copy."""
        new = object.__new__(type(self))
        with self._writing:
            new.__dict__.update(self.__dict__)
        new._writing = ForkLock()
        return new

    # -- answers -------------------------------------------------------------------------------------------------------

    def coreset(self) -> Coreset:
        """The micro-clusters, in the units of the rows; during the warm-up one for each row.

        Returns
        -------
        Coreset
            On the backend and device of the rows.
        """
        plain = self._state.plain()
        return Coreset(self._put(plain.mean), self._put(plain.weight), self._put(plain.scatter))

    def _micro_clusters(self) -> MicroClusters:
        return self.coreset()._micro_clusters()

    # -- saving --------------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, np.ndarray]:
        """Settings and micro-clusters as NumPy arrays, by name."""
        return to_arrays(self._settings, self._state)

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> StreamingKMeans:
        """Restore what `arrays` gave. It learns on exactly as the saved object would have, from NumPy rows.

        Raises
        ------
        DataError
            Arrays are absent or do not fit together.
        """
        settings, state = from_arrays(arrays)
        new = cls()
        new._settings, new._state = settings, state
        return new

    def to(self, like: Array) -> StreamingKMeans:
        """Return a copy for rows of another array library or device.

        Parameters
        ----------
        like : array
            Any array of that library on that device, for example ``cupy.empty(0)``.

        Returns
        -------
        StreamingKMeans
            With the same micro-clusters. It learns arrays like ``like``.
        """
        new = self.copy()
        new._like = namespace(like).empty((0, 0), dtype=namespace(like).float64, device=compat.device(like))
        return new

    # -- small helpers -------------------------------------------------------------------------------------------------

    def _check_place(self, X: Array) -> None:
        like = self._like if self._like is not None or not self._state.d else np.empty((0, 0))
        if like is None:
            return
        if namespace(like) is not namespace(X) or compat.device(like) != compat.device(X):
            raise BackendError(
                f"these micro-clusters are of {backend_of(like)} on {device_of(like)}, X is of {backend_of(X)} on "
                f"{device_of(X)}; convert X, or move them with to(X)"
            )

    def _put(self, x: np.ndarray) -> Array:
        if self._like is None or is_numpy(self._like):
            return x.copy()
        return namespace(self._like).asarray(x, device=compat.device(self._like))
