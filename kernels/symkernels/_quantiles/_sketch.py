"""`QuantileSketch`: quantiles of a stream."""

from __future__ import annotations

import math
import struct
from copy import copy as copied
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._arrays import not_numbers, refuse_masked_or_sparse
from .._errors import DataError, ShapeError
from ._digest import read_digest, require_datasketches
from ._distribution import Distribution, counts_of, quantiles, ranks

CHUNK = 4096  # values that are kept; the digest takes so many at once, so that it does not depend on the batches

_K = 1000
_K_RANGE = (10, 20_000)
_MAGIC = b"symq"
_HEAD = struct.Struct("<4sHHIQQQII")  # magic, version, unused, k, missing, -inf, +inf, values held, bytes of the digest


class QuantileSketch:
    """Quantiles and ranks of a stream, in little memory.

    Up to 4,096 values are kept, and every answer is exact. Further values go to a t-digest, 4,096 at a time. So the
    answers depend on the sequence of values alone, bit for bit, not on the batches in which it came. The digest is that
    of `datasketches` (extra ``histogram``). This class computes ranks and quantiles from its centroids: linearly
    between their middles, and with a step at each single value.

    Infinite values count. NaN is left out and counted. There is no GPU path, as the work is sequential.

    Parameters
    ----------
    k : int, default 1000
        Size of the digest, 10 to 20,000. It has about 1.4 k centroids of 16 bytes. The error of a rank (`rank_error`)
        is proportional to 1/k.

    Attributes
    ----------
    n, n_missing : int
        Number of values in the sketch, including infinite ones; number of NaN that were left out.
    exact : bool
        Whether all values are kept, so that every answer is exact.

    Raises
    ------
    MissingDependency
        `datasketches` is not installed.
    ShapeError
        ``k`` is not a whole number in its range.

    Notes
    -----
    An update takes about 50 ns for each value; the first answer after an update takes about 0.2 ms. The digest takes 16
    to 32 kB, and values that it has not yet received take up to 32 kB. Source: Dunning and Ertl (2019), Computing
    extremely accurate quantiles using t-digests, with the scale function k_2. Centroids near the ends hold fewer
    values, so that the tails are most accurate. `datasketches` computes quantiles in another way, with errors that are
    larger by up to half a centroid.

    Examples
    --------
    >>> from symkernels import QuantileSketch
    >>> sketch = QuantileSketch().update([3.0, 1.0, 2.0, float("nan")])
    >>> sketch.quantile(0.5), sketch.rank(2.5), sketch.n_missing
    (2.0, 0.6666666666666666, 1)
    """

    __slots__ = ("_buffer", "_digest", "_held", "_k", "_known", "_minus", "_missing", "_plus", "_shared")

    def __init__(self, k: int = _K) -> None:
        if not isinstance(k, int | np.integer) or isinstance(k, bool) or not _K_RANGE[0] <= k <= _K_RANGE[1]:
            raise ShapeError(f"k must be a whole number from {_K_RANGE[0]} to {_K_RANGE[1]:,}, got {k!r}")
        require_datasketches()
        self._k = int(k)
        self._buffer = np.empty(16)
        self._held = 0  # values in the buffer
        self._digest: Any = None
        self._shared = False  # whether a copy may hold the same digest: then copy before writing
        self._missing = self._minus = self._plus = 0
        self._known: Distribution | None = None

    def __repr__(self) -> str:
        return f"<QuantileSketch of {self.n} values, {'exact' if self.exact else f'k={self._k}'}>"

    @property
    def k(self) -> int:
        """Size of the digest."""
        return self._k

    @property
    def n(self) -> int:
        """Number of values in the sketch, including infinite ones."""
        return self._finite() + self._minus + self._plus

    @property
    def n_missing(self) -> int:
        """Number of NaN that were left out."""
        return self._missing

    @property
    def exact(self) -> bool:
        """Whether all values are kept, so that every answer is exact."""
        return self._digest is None

    @property
    def min(self) -> float:
        """Minimum, always exact; NaN without values."""
        return float(self.distribution().values[0]) if self.n else math.nan

    @property
    def max(self) -> float:
        """Maximum, always exact; NaN without values."""
        return float(self.distribution().values[-1]) if self.n else math.nan

    # Writing.

    def update(self, values: ArrayLike) -> QuantileSketch:
        """Add values, in their order.

        Parameters
        ----------
        values : float or array of any shape
            Real numbers. NaN is left out and counted.

        Returns
        -------
        QuantileSketch
            This one.

        Raises
        ------
        ShapeError
            The values are not real numbers.
        """
        if type(values) is float and math.isfinite(values) and self._held < len(self._buffer):
            self._buffer[self._held] = values
            self._held += 1
            self._known = None
            return self
        refuse_masked_or_sparse(values, "values")
        array = np.asarray(values)
        if array.dtype.kind not in "fiub":
            raise ShapeError(not_numbers(array, "values"))
        array = array.astype(np.float64, copy=False).reshape(-1)
        finite = np.isfinite(array)
        if not finite.all():
            self._missing += int(np.isnan(array).sum())
            self._minus += int((array == -np.inf).sum())
            self._plus += int((array == np.inf).sum())
            array = array[finite]
        self._known = None
        self._push(array)
        return self

    def merge(self, other: QuantileSketch) -> QuantileSketch:
        """Add the values of another sketch.

        To merge an empty sketch of the same k changes nothing. If both sketches together hold at most 4,096 values, the
        result is exact. Otherwise the order of merging changes answers within `rank_error`.

        Parameters
        ----------
        other : QuantileSketch
            It does not change.

        Returns
        -------
        QuantileSketch
            This one.

        Raises
        ------
        ShapeError
            ``other`` is not a `QuantileSketch`.
        """
        if not isinstance(other, QuantileSketch):
            raise ShapeError(f"other must be a QuantileSketch, got {other.__class__.__name__}")
        if other is self:
            other = other.copy()
        values = other._buffer[: other._held].copy()
        if other._digest is not None:
            if self._digest is None and self._k == other._k:
                self._digest = other._digest
                self._shared = other._shared = True
            else:
                digest = self._writable_digest()
                digest.merge(other._digest)
                digest.compress()
        self._missing += other._missing
        self._minus += other._minus
        self._plus += other._plus
        self._known = None
        self._push(values)
        return self

    def _push(self, values: NDArray[np.float64]) -> None:
        # A full buffer is emptied when the next value comes, never before: so it depends on the stream, not on batches.
        start = 0
        while start < len(values):
            if self._held == CHUNK:
                self._flush(self._buffer)
                self._held = 0
            if self._held == 0 and len(values) - start > CHUNK:  # a full chunk, and at least one value after it
                self._flush(values[start : start + CHUNK])
                start += CHUNK
                continue
            step = min(CHUNK - self._held, len(values) - start)
            self._reserve(self._held + step)
            self._buffer[self._held : self._held + step] = values[start : start + step]
            self._held += step
            start += step

    def _reserve(self, size: int) -> None:
        if size > len(self._buffer):
            buffer = np.empty(min(CHUNK, max(size, 2 * len(self._buffer))))
            buffer[: self._held] = self._buffer[: self._held]
            self._buffer = buffer

    def _flush(self, values: NDArray[np.float64]) -> None:
        digest = self._writable_digest()
        digest.update(np.sort(values))  # sorted values take half the time
        digest.compress()

    def _writable_digest(self) -> Any:
        """Return the digest, made if there is none, and copied if another sketch may share it."""
        if self._digest is None:
            self._digest = require_datasketches().tdigest_double(self._k)
        elif self._shared:
            self._digest = copied(self._digest)
        self._shared = False
        return self._digest

    # Reading.

    @overload
    def quantile(self, q: float) -> float: ...

    @overload
    def quantile(self, q: ArrayLike) -> Any: ...

    def quantile(self, q: ArrayLike) -> Any:
        """Return quantiles: the value below or at which a share q of the values lies.

        Parameters
        ----------
        q : float or array of float
            Shares, 0 to 1. 0 gives the minimum and 1 the maximum, both exact.

        Returns
        -------
        float or float64 array of q's shape
            NaN without values. While the sketch is `exact`, NumPy's ``method="inverted_cdf"``. Later the rank of the
            result differs from q by at most `rank_error`.

        Raises
        ------
        ShapeError
            ``q`` is not a real number or an array of real numbers.
        DataError
            A share is outside 0 to 1 or NaN.
        """
        shares = _shares(q)
        found = quantiles(self._counts(), self.n, shares)
        return float(found[0]) if np.ndim(q) == 0 else found.reshape(np.shape(q))

    @overload
    def rank(self, x: float, *, inclusive: bool = True) -> float: ...

    @overload
    def rank(self, x: ArrayLike, *, inclusive: bool = True) -> Any: ...

    def rank(self, x: ArrayLike, *, inclusive: bool = True) -> Any:
        """Return ranks: the share of the values that are at most x.

        Parameters
        ----------
        x : float or array of float
            Points.
        inclusive : bool, default True
            False: the share of the values that are smaller than x.

        Returns
        -------
        float or float64 array of x's shape
            0 to 1, with an error of at most ``rank_error(rank)``. NaN for NaN, and without values.

        Raises
        ------
        ShapeError
            ``x`` is not a real number or an array of real numbers.
        """
        points = _real(x, "x")
        found = ranks(self._counts(), self.n, points, inclusive)
        return float(found[0]) if np.ndim(x) == 0 else found.reshape(np.shape(x))

    @overload
    def rank_error(self, q: float) -> float: ...

    @overload
    def rank_error(self, q: ArrayLike) -> Any: ...

    def rank_error(self, q: ArrayLike) -> Any:
        """Return a bound of the error of ranks: how far the rank of ``quantile(q)`` may be from q.

        The bound is the largest share that one centroid may hold: q (1 - q) (4 ln(n / 2k) + 24) / 2k + 2/n. For a
        million values it is about 2.5e-4 at 0.99 and 6e-3 at 0.5. Errors on smooth distributions are a fifth of it or
        less. The bound is 0 while the sketch is `exact`. Minimum and maximum are always exact.

        Parameters
        ----------
        q : float or array of float
            Shares, 0 to 1.

        Returns
        -------
        float or float64 array of q's shape

        Raises
        ------
        ShapeError
            ``q`` is not a real number or an array of real numbers.
        DataError
            A share is outside 0 to 1 or NaN.
        """
        shares = _shares(q)
        n, delta = self.n, 2 * self._k
        if self.exact:
            bound = np.zeros(shares.shape)
        else:
            bound = shares * (1 - shares) * (4 * math.log(max(n / delta, 1.0)) + 24) / delta + 2 / n
        return float(bound[0]) if np.ndim(q) == 0 else bound.reshape(np.shape(q))

    def distribution(self) -> Distribution:
        """Return the distribution function that `quantile` and `rank` use, at the values where it bends or jumps.

        Returns
        -------
        Distribution
            A named tuple of arrays ``values``, ``below`` and ``upto``: ascending values, and the shares of the stream
            below and at or below each. Empty without values. ``values`` is read-only.
        """
        values, below, upto = self._counts()
        n = max(self.n, 1)
        return Distribution(values, below / n, upto / n)

    def _finite(self) -> int:
        return self._held + (0 if self._digest is None else int(self._digest.get_total_weight()))

    def _counts(self) -> Distribution:
        """Return the distribution function in numbers of values; it is kept until the next update."""
        if self._known is None:
            self._known = counts_of(self._buffer[: self._held], self._digest, self._minus, self._plus)
        return self._known

    # Keeping.

    def copy(self) -> QuantileSketch:
        """Return an independent copy. Both share the digest until one of them changes it."""
        new = QuantileSketch.__new__(QuantileSketch)
        new._k, new._held = self._k, self._held
        new._buffer = self._buffer[: max(self._held, 1)].copy()
        new._digest = self._digest
        new._shared = self._shared = self._digest is not None
        new._missing, new._minus, new._plus = self._missing, self._minus, self._plus
        new._known = self._known
        return new

    __copy__ = copy

    def __reduce__(self) -> tuple[Any, ...]:
        return QuantileSketch.from_bytes, (self.to_bytes(),)

    def to_bytes(self) -> bytes:
        """Return the sketch as bytes. `from_bytes` restores it: the same answers, bit for bit, also after updates."""
        digest = b"" if self._digest is None else self._digest.serialize()
        head = _HEAD.pack(_MAGIC, 1, 0, self._k, self._missing, self._minus, self._plus, self._held, len(digest))
        return head + self._buffer[: self._held].astype("<f8").tobytes() + digest

    @classmethod
    def from_weighted(cls, values: ArrayLike, weights: ArrayLike, k: int = _K) -> QuantileSketch:
        """Return a sketch of weighted values, for example of the values in another library's sketch.

        Parameters
        ----------
        values : (m,) array of float
            Finite values.
        weights : (m,) array of int
            How often each value counts, at least 1. Unless all weights are 1, the sketch is not exact.
        k : int, default 1000
            Size of the digest, 10 to 20,000.

        Returns
        -------
        QuantileSketch

        Raises
        ------
        ShapeError
            The two are not vectors of the same length, or the weights are not whole numbers.
        DataError
            A value is not finite, or a weight is below 1.
        """
        points, counts = np.asarray(values, np.float64), np.asarray(weights)
        if points.ndim != 1 or points.shape != counts.shape or (counts.dtype.kind not in "iu" and len(counts)):
            raise ShapeError(
                f"values and weights must be vectors of the same length, and weights whole numbers; got the shapes "
                f"{points.shape} and {counts.shape}, and weights of dtype {counts.dtype}"
            )
        if not np.isfinite(points).all() or not (counts >= 1).all():
            raise DataError("values must be finite and weights at least 1; leave out the others")
        new = cls(k)
        if not len(counts) or counts.max() == 1:
            return new.update(points)
        digest = new._writable_digest()
        for bit in reversed(range(int(counts.max()).bit_length())):  # Horner's scheme: double, then add
            if not digest.is_empty():
                digest.merge(copied(digest))
            digest.update(np.sort(points[(counts >> bit) & 1 == 1]))
            digest.compress()
        return new

    @classmethod
    def from_bytes(cls, data: bytes) -> QuantileSketch:
        """Return the sketch whose `to_bytes` these are.

        Raises
        ------
        DataError
            The bytes are not a sketch, or they are damaged.
        """
        try:
            magic, version, _, k, missing, minus, plus, held, length = _HEAD.unpack_from(data)
            if magic != _MAGIC or version != 1 or not _K_RANGE[0] <= k <= _K_RANGE[1] or held > CHUNK:
                raise ValueError("they do not begin with the header of a sketch")
            if len(data) != _HEAD.size + 8 * held + length:
                raise ValueError(f"there are {len(data)} of them instead of {_HEAD.size + 8 * held + length}")
            new = cls(k)
            new._missing, new._minus, new._plus = missing, minus, plus
            new._buffer = np.frombuffer(data, "<f8", held, _HEAD.size).astype(np.float64)
            if not np.isfinite(new._buffer).all():
                raise ValueError("a value is not finite")
            new._held = held
            if held == 0:
                new._buffer = np.empty(16)
            if length:
                new._digest = read_digest(data[_HEAD.size + 8 * held :], k)
        except (struct.error, ValueError, IndexError, RuntimeError, MemoryError, TypeError) as error:
            raise DataError(f"the bytes are not a quantile sketch ({error})") from error
        return new


def _real(values: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise ShapeError(f"{name} must be a real number or an array of real numbers, got {values!r}")
    return array.astype(np.float64).reshape(-1)


def _shares(q: ArrayLike) -> NDArray[np.float64]:
    shares = _real(q, "q")
    if not ((shares >= 0) & (shares <= 1)).all():
        raise DataError(f"q must be between 0 and 1, got {q!r}")
    return shares
