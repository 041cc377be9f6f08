"""`StreamingKMeans`: clusters kept while rows stream by."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, as_floats, is_numpy, namespace, to_numpy
from .._errors import BackendError, ShapeError
from .._kmeans import Checkpoint, KMeansResult, whole
from .._results import backend_of, device_of
from .._rows import Nonfinite, as_rows
from .._sweep import KMeansSweep, Metric
from . import _arrays_io
from ._backends import block_of
from ._coreset import SPREAD, Coreset
from ._state import Scale, Settings, State

_SCALES = ("none", "standard")
_POLICIES = ("error", "drop")
# Rows to a block: few while the stream is young, so that what they teach is used for the next ones.
_FIRST_BLOCK, _LAST_BLOCK = 256, 10_000
_BLOCK_BYTES = 2**24  # of a block's rows, however many columns there are


class StreamingKMeans:
    """Clusters kept while rows stream by: micro-clusters that k-means is run on afterwards.

    At most ``n_centroids`` micro-clusters are held, each as the number of its rows, their mean and their squared
    deviations from it, never the rows. Totals are exact whatever happens: the weight, mean and sum of squares of all
    rows can be had from the micro-clusters.

    Parameters
    ----------
    n_centroids : int, default 100
        Most micro-clusters to hold. More of them come closer to k-means on the rows, and cost in proportion.
    warmup : int, default 101
        Rows to wait for before the first micro-clusters are formed, more than ``n_centroids``. Until then the rows
        themselves are held.
    max_iter : int, default 1000
        Most iterations of the k-means that forms them.
    seed : int, default 0
        Of the random numbers, 0 or more: the same rows in the same batches give the same result.
    scale : {"none", "standard"}, default "none"
        What nearness is measured in: the units of the rows, or the standard deviations of the columns by the end of the
        warm-up (a constant column stays as it is). What is answered is in the units of the rows in either case.
    nonfinite : {"error", "drop"}, default "error"
        What a row with a NaN or an infinity does: it is an error, or the row is left out and counted.

    Notes
    -----
    *Method.* Cluster features, as BIRCH has them (Zhang, Ramakrishnan & Livny 1996) and CluStream for streams
    (Aggarwal, Han, Wang & Yu 2003), kept as mean and deviations: an offset costs no digits (BETULA, Lang & Schubert
    2022).
    Rows are added in blocks to their nearest micro-clusters. Where a new one would save more than merging the two
    cheapest to merge costs (Ward 1963), one is opened at a row drawn as k-means++ draws, and the cheapest are merged.
    So new regions, drift and outliers get micro-clusters of their own as far as that lowers the sum of squares.

    *Backend.* The first rows choose it. NumPy rows go through compiled loops, others through the array API standard;
    micro-clusters are few, and their algebra is NumPy's; they are handed out on the backend and device of the rows.
    A pickle holds NumPy arrays, so that a machine without a GPU can read it too; `to` moves what was read to a GPU.

    *Cost.* O(n m d) time for n rows and m micro-clusters, and O(m^2 d) for a batch; O(m^2 + m d) memory, and that of
    10,000 rows. Small batches are as good as large ones, and slower.

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
        if scale not in _SCALES:
            raise ValueError(f"scale must be one of {', '.join(_SCALES)}, got {scale!r}")
        if nonfinite not in _POLICIES:
            raise ValueError(f"nonfinite must be one of {', '.join(_POLICIES)}, got {nonfinite!r}")
        self.n_centroids = whole(n_centroids, "n_centroids")
        self.warmup = whole(warmup, "warmup")
        if self.warmup <= self.n_centroids:
            raise ValueError(f"warmup must be more than n_centroids ({self.n_centroids}), got {self.warmup}")
        self.max_iter = whole(max_iter, "max_iter")
        self.seed = whole(seed, "seed", least=0)
        self.scale: Scale = scale
        self.nonfinite: Nonfinite = nonfinite
        self._like: Array | None = None  # an empty array of the rows' library on their device
        self._state = State.empty(0)
        self._writing = threading.RLock()

    def _settings(self) -> Settings:
        return Settings(self.n_centroids, self.warmup, self.max_iter, self.seed, self.scale)

    def __copy__(self) -> StreamingKMeans:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> StreamingKMeans:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_arrays, (self.arrays(),)

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
        """The array library that micro-clusters are handed out in: ``"numpy"``, ``"cupy"``, ..."""
        return "numpy" if self._like is None else backend_of(self._like)

    @property
    def device(self) -> str:
        """The device that micro-clusters are handed out on."""
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
            micro-clusters as they were. It must not learn into them itself.

        Returns
        -------
        StreamingKMeans
            This one.

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

        def ping() -> None:
            if checkpoint is not None:
                checkpoint(done, n)

        rows = as_rows(X, nonfinite=self.nonfinite, sample_weight=sample_weight, minimum=0, ping=ping)
        d, settings = int(X.shape[1]), self._settings()
        with self._writing:
            before = self._state
            self._check_place(X)
            if before.d not in (0, d):
                raise ShapeError(f"X must have {before.d} columns, as the rows before it, got shape {tuple(X.shape)}")
            state = before if before.d else State.empty(d)
            state = replace(state, n_dropped=state.n_dropped + rows.n_dropped)
            kept, start = int(rows.X.shape[0]), 0
            with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused
                while start < kept:
                    stop = min(kept, start + self._length(state, d))
                    part = rows.X[start:stop, :]
                    weight = None if rows.weight is None else rows.weight[start:stop]
                    if state.ready:
                        state = state.with_block(block_of(part, weight, state.frame), self.n_centroids, self.seed)
                    else:
                        early = np.ones(stop - start) if weight is None else to_numpy(weight)
                        state = state.with_early_rows(to_numpy(part).astype(np.float64), early, settings, ping)
                    start = stop
                    done = n if start == kept else start
                    ping()
            if self._state is not before:
                raise RuntimeError("the checkpoint of learn() has changed what learn() was changing; nothing is learnt")
            self._like, self._state = rows.X[:0, :], state
        return self

    def _length(self, state: State, d: int) -> int:
        """Rows of the next block."""
        if not state.ready:
            return max(1, self.warmup - state.features.size)
        return max(1, min(max(_FIRST_BLOCK, state.n_rows), _LAST_BLOCK, _BLOCK_BYTES // (8 * d)))

    def merge(self, other: StreamingKMeans) -> StreamingKMeans:
        """Add the rows that another one has learnt; ``other`` is unchanged, this one keeps its settings.

        Its micro-clusters go beside these, and the cheapest to merge are merged until ``n_centroids`` are left; rows
        that are held for the warm-up become micro-clusters of one row when the other one is ready.

        Raises
        ------
        ShapeError
            It is no StreamingKMeans, or its rows have another number of columns.
        """
        if not isinstance(other, StreamingKMeans):
            raise ShapeError(f"expected a StreamingKMeans, got {type(other).__name__}")
        theirs, like = other._state, other._like  # a consistent state, also when it is this very one
        with self._writing:
            mine = self._state
            if theirs.d == 0:
                return self
            if mine.d not in (0, theirs.d):
                raise ShapeError(f"cannot merge rows of {theirs.d} columns into rows of {mine.d}")
            with np.errstate(over="ignore", invalid="ignore"):
                merged = (mine if mine.d else State.empty(theirs.d)).merged(theirs, self._settings())
            if self._like is None:
                self._like = like
            self._state = merged
        return self

    def __add__(self, other: StreamingKMeans) -> StreamingKMeans:
        if not isinstance(other, StreamingKMeans):
            return NotImplemented
        return self.copy().merge(other)

    def copy(self) -> StreamingKMeans:
        """An independent copy."""
        new = object.__new__(type(self))
        with self._writing:
            new.__dict__.update(self.__dict__)
        new._writing = threading.RLock()
        return new

    # -- answers -------------------------------------------------------------------------------------------------------

    def coreset(self) -> Coreset:
        """The micro-clusters, in the units of the rows; before the warm-up is over each row by itself.

        Returns
        -------
        Coreset
            On the backend and device of the rows.
        """
        plain = self._state.plain()
        return Coreset(self._put(plain.mean), self._put(plain.weight), self._put(plain.scatter))

    def kmeans(
        self,
        k: int,
        *,
        init: Any = "k-means++",
        n_init: int = 1,
        max_iter: int = 300,
        tol: float = 1e-4,
        seed: int | None = 0,
        scale: Any = None,
        spread: int = SPREAD,
        checkpoint: Checkpoint | None = None,
    ) -> KMeansResult:
        """Cluster the rows learnt, as `Coreset.kmeans` does.

        Parameters
        ----------
        k, init, n_init, max_iter, tol, seed, scale, spread, checkpoint
            As `Coreset.kmeans` takes them.

        Returns
        -------
        KMeansResult
            As of `Coreset.kmeans`.

        Raises
        ------
        DataError
            No rows have been learnt, or there are fewer distinct micro-clusters than k.
        """
        return self.coreset().kmeans(
            k, init=init, n_init=n_init, max_iter=max_iter, tol=tol, seed=seed, scale=scale, spread=spread,
            checkpoint=checkpoint,
        )  # fmt: skip

    def sweep(
        self,
        ks: Iterable[int],
        *,
        n_init: int = 1,
        max_iter: int = 300,
        tol: float = 1e-4,
        seed: int | None = 0,
        metric: Metric | None = "euclidean",
        scale: Any = None,
        checkpoint: Checkpoint | None = None,
    ) -> KMeansSweep:
        """Cluster the rows learnt for each of several k, as `Coreset.sweep` does.

        Parameters
        ----------
        ks, n_init, max_iter, tol, seed, metric, scale, checkpoint
            As `Coreset.sweep` takes them.

        Returns
        -------
        KMeansSweep
            As of `Coreset.sweep`.

        Raises
        ------
        DataError
            No rows have been learnt.
        """
        return self.coreset().sweep(
            ks, n_init=n_init, max_iter=max_iter, tol=tol, seed=seed, metric=metric, scale=scale, checkpoint=checkpoint
        )

    # -- saving --------------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, np.ndarray]:
        """Settings and micro-clusters as NumPy arrays, by name."""
        return _arrays_io.to_arrays(self)

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> StreamingKMeans:
        """What `arrays` gave, in NumPy; it goes on exactly as the one that was saved would have.

        Raises
        ------
        DataError
            Arrays are absent or do not fit together.
        """
        return _arrays_io.from_arrays(cls, arrays)

    def to(self, like: Array) -> StreamingKMeans:
        """Return a copy for rows of the library of another array, on that array's device.

        Parameters
        ----------
        like : array
            Any array of the library and on the device that are wanted, for example ``cupy.empty(0)``.

        Returns
        -------
        StreamingKMeans
            With the same micro-clusters; from now on it learns arrays like ``like``.
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
