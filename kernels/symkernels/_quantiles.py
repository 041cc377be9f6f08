"""Quantiles of a stream: its values while they are few, a t-digest of `datasketches` from then on."""

from __future__ import annotations

import math
import struct
from copy import copy as copied
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._errors import DataError, MissingDependency, ShapeError

CHUNK = 4096
"""Values that are kept as they came. The digest is fed this many at once, so that batches leave no trace in it."""

_K = 1000
_K_RANGE = (10, 20_000)
_MAGIC = b"symq"
_HEAD = struct.Struct("<4sHHIQQQII")  # magic, version, unused, k, missing, -inf, +inf, values held, bytes of the digest
_DIGEST_HEAD = 32  # bytes before the centroids of a serialised digest that has any
_CENTROID = np.dtype([("mean", "<f8"), ("weight", "<u8")])


class Distribution(NamedTuple):
    """A sketch's distribution function at the values where it bends or jumps; linear in between.

    Attributes
    ----------
    values : (m,) float64
        Rising; the first and the last are the smallest and the largest value of the stream.
    below, upto : (m,) float64
        Share of the stream that is smaller than each value, and that is no larger. They differ where it jumps.
    """

    values: NDArray[np.float64]
    below: NDArray[np.float64]
    upto: NDArray[np.float64]


class QuantileSketch:
    """Quantiles and ranks of a stream, in little memory.

    Up to 4,096 values are kept as they are, and every answer is exact. From then on a t-digest stands for them, fed
    with 4,096 values at a time: the answers are those of the sequence of values, bit for bit, in whatever batches it
    came. The digest is that of `datasketches` (extra ``histogram``); ranks and quantiles are read off its centroids
    here, linearly between their middles, with single values as the steps that they are.

    Infinite values count: they are kept as numbers of their own, at both ends. NaN is left out and counted. The work
    is sequential by nature and has no GPU path.

    Parameters
    ----------
    k : int, default 1000
        Size of the digest, 10 to 20,000: about 1.4 k centroids of 16 bytes, and a rank error that falls as 1/k
        (`rank_error`).

    Attributes
    ----------
    n, n_missing : int
        Values in the sketch, infinite ones included, and NaN that were left out.
    exact : bool
        Whether all values are kept, so that every answer is exact.

    Raises
    ------
    MissingDependency
        If `datasketches` is not installed; the message names the extra.
    ShapeError
        If k is no whole number in its range.

    Notes
    -----
    Time: about 50 ns a value; the first question after an update takes about 0.2 ms. Memory: 16 to 32 kB for the digest
    and up to 32 kB for the values that it has not seen. Source: Dunning and Ertl (2019), Computing extremely accurate
    quantiles using t-digests, with the scale function k_2: centroids hold fewer values the nearer they are to an end,
    so that the tails are the best known part. `datasketches` reads quantiles another way, and its own answers are off
    by up to half a centroid more.

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
            raise ShapeError(f"k is a whole number from {_K_RANGE[0]} to {_K_RANGE[1]:,}, got {k!r}")
        _library()
        self._k = int(k)
        self._buffer = np.empty(16)
        self._held = 0  # values in the buffer
        self._digest: Any = None
        self._shared = False  # whether a copy may hold the same digest, which is then not written to
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
        """Values in the sketch."""
        return self._finite() + self._minus + self._plus

    @property
    def n_missing(self) -> int:
        """NaN that were left out."""
        return self._missing

    @property
    def exact(self) -> bool:
        """Whether all values are kept."""
        return self._digest is None

    @property
    def min(self) -> float:
        """The smallest value, exact; NaN without values."""
        return float(self.distribution().values[0]) if self.n else math.nan

    @property
    def max(self) -> float:
        """The largest value, exact; NaN without values."""
        return float(self.distribution().values[-1]) if self.n else math.nan

    # Writing.

    def update(self, values: ArrayLike) -> QuantileSketch:
        """Add values, in their order.

        Parameters
        ----------
        values : float or array of any shape
            Real numbers; NaN is left out and counted.

        Returns
        -------
        QuantileSketch
            This one.

        Raises
        ------
        ShapeError
            If they are no real numbers.
        """
        if type(values) is float and math.isfinite(values) and self._held < len(self._buffer):
            self._buffer[self._held] = values
            self._held += 1
            self._known = None
            return self
        array = np.asarray(values)
        if array.dtype.kind not in "fiub":
            raise ShapeError(f"a sketch takes real numbers, got an array of dtype {array.dtype}")
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
        """Add the values of another sketch, which stays as it is.

        The empty sketch of the same k is the identity. Sketches that together hold no more than 4,096 values give an
        exact one; beyond that the order of merging matters within `rank_error`.

        Parameters
        ----------
        other : QuantileSketch

        Returns
        -------
        QuantileSketch
            This one.
        """
        if not isinstance(other, QuantileSketch):
            raise ShapeError(f"merge takes a QuantileSketch, got {other.__class__.__name__}")
        if other is self:
            other = other.copy()
        values = other._buffer[: other._held].copy()
        if other._digest is not None:
            if self._digest is None and self._k == other._k:
                self._digest = other._digest
                self._shared = other._shared = True
            else:
                digest = self._own()
                digest.merge(other._digest)
                digest.compress()
        self._missing += other._missing
        self._minus += other._minus
        self._plus += other._plus
        self._known = None
        self._push(values)
        return self

    def _push(self, values: NDArray[np.float64]) -> None:
        # The buffer is emptied when a value comes and it is full, never before: so its content is that of the stream.
        start = 0
        while start < len(values):
            if self._held == CHUNK:
                self._flush(self._buffer)
                self._held = 0
            if self._held == 0 and len(values) - start > CHUNK:  # a whole chunk, and at least one value after it
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
        digest = self._own()
        digest.update(np.sort(values))  # in order they go in at half the cost
        digest.compress()

    def _own(self) -> Any:
        if self._digest is None:
            self._digest = _library().tdigest_double(self._k)
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
        """Return the value below or at which a share q of the values lies.

        Parameters
        ----------
        q : float or array of float
            Shares, 0 to 1. 0 gives the smallest value and 1 the largest, both exactly.

        Returns
        -------
        float or float64 array of q's shape
            While `exact`, values that came: NumPy's ``method="inverted_cdf"``. Later between such values, with ranks
            that are off by no more than `rank_error`. NaN without values.

        Raises
        ------
        DataError
            If a q is outside 0 to 1, or no number.
        """
        shares = _real(q, "q")
        if not ((shares >= 0) & (shares <= 1)).all():
            raise DataError(f"a quantile is asked for by a share between 0 and 1, got {q!r}")
        n = self.n
        if not n:
            found = np.full(shares.shape, np.nan)
        else:
            values, below, upto = self._steps()
            due = shares * n
            at = np.minimum(np.searchsorted(upto, due), len(values) - 1)
            before = np.maximum(at - 1, 0)
            found = values[at]
            slope = (due < below[at]) & (at > 0)
            i, j = before[slope], at[slope]
            part = (due[slope] - upto[i]) / (below[j] - upto[i])
            found[slope] = np.minimum(values[i] * (1 - part) + values[j] * part, values[j])
            found[shares == 0] = values[0]
        return float(found[0]) if np.ndim(q) == 0 else found.reshape(np.shape(q))

    @overload
    def rank(self, x: float, *, inclusive: bool = True) -> float: ...

    @overload
    def rank(self, x: ArrayLike, *, inclusive: bool = True) -> Any: ...

    def rank(self, x: ArrayLike, *, inclusive: bool = True) -> Any:
        """Return the share of the values that are no larger than x.

        Parameters
        ----------
        x : float or array of float
        inclusive : bool, default True
            False: the share of those that are smaller than x.

        Returns
        -------
        float or float64 array of x's shape
            0 to 1, off by no more than `rank_error` of itself; NaN for NaN, and without values.
        """
        points = _real(x, "x")
        n = self.n
        if not n:
            found = np.full(points.shape, np.nan)
        else:
            values, below, upto = self._steps()
            at = np.searchsorted(values, points)  # the first value >= point
            right = np.minimum(at, len(values) - 1)
            left = np.maximum(at - 1, 0)
            hit = (values[right] == points) & (at < len(values))
            a, b = values[left], values[right]
            inside = (at > 0) & (at < len(values)) & ~hit & (below[right] > upto[left])
            found = upto[left]
            a, b = a[inside], b[inside]
            found[inside] += (points[inside] - a) / (b - a) * (below[right] - upto[left])[inside]
            found[at == 0] = 0.0
            found = np.where(hit, upto[right] if inclusive else below[right], found) / n
            found[np.isnan(points)] = np.nan
        return float(found[0]) if np.ndim(x) == 0 else found.reshape(np.shape(x))

    @overload
    def rank_error(self, q: float) -> float: ...

    @overload
    def rank_error(self, q: ArrayLike) -> Any: ...

    def rank_error(self, q: ArrayLike) -> Any:
        """Return how far the rank of ``quantile(q)`` may be from q: the largest share that one centroid may hold there.

        0 while `exact`. Otherwise q (1 - q) (4 ln(n / 2k) + 24) / 2k + 2/n, about 2.5e-4 at 0.99 and 6e-3 at 0.5 for a
        million values; on smooth distributions it is a fifth of that or less. Both ends are exact.

        Parameters
        ----------
        q : float or array of float
            Shares, 0 to 1.
        """
        shares = _real(q, "q")
        if not ((shares >= 0) & (shares <= 1)).all():
            raise DataError(f"a rank is a share between 0 and 1, got {q!r}")
        n, delta = self.n, 2 * self._k
        if self.exact:
            bound = np.zeros(shares.shape)
        else:
            bound = shares * (1 - shares) * (4 * math.log(max(n / delta, 1.0)) + 24) / delta + 2 / n
        return float(bound[0]) if np.ndim(q) == 0 else bound.reshape(np.shape(q))

    def distribution(self) -> Distribution:
        """Return the distribution function that `quantile` and `rank` read, as shares at the values where it bends.

        Empty without values. The arrays are read-only.
        """
        values, below, upto = self._steps()
        n = max(self.n, 1)
        return Distribution(values, below / n, upto / n)

    def _finite(self) -> int:
        return self._held + (0 if self._digest is None else int(self._digest.get_total_weight()))

    def _steps(self) -> Distribution:
        # As `distribution`, in numbers of values; kept until the next update.
        if self._known is not None:
            return self._known
        held = self._buffer[: self._held]
        centroids = np.empty(0, _CENTROID) if self._digest is None else _centroids(self._digest.serialize())
        means = np.concatenate([centroids["mean"], held])
        weights = np.concatenate([centroids["weight"].astype(np.int64), np.ones(len(held), np.int64)])
        order = np.argsort(means, kind="stable")
        means, weights = means[order], weights[order]
        first = np.flatnonzero(np.diff(means, prepend=np.nan) != 0)  # of each run of equal ones
        values = means[first]
        total = np.add.reduceat(weights, first) if len(first) else weights
        # A centroid alone spreads around its mean. Several at one mean are so many equal values, as is a weight of 1.
        jumps = (np.diff(first, append=len(means)) > 1) | (total == 1)
        upto = np.cumsum(total).astype(np.float64)
        below = upto - total
        middle = (below + upto) / 2
        below, upto = np.where(jumps, below, middle), np.where(jumps, upto, middle)
        n = float(weights.sum())
        if len(values) and not jumps[0]:
            values, below, upto = _put(0, values, below, upto, self._digest.get_min_value(), 0.0, 1.0)
        if len(values) and not (jumps[-1] if len(jumps) else True):
            end = len(values)
            values, below, upto = _put(end, values, below, upto, self._digest.get_max_value(), n - 1.0, n)
        if self._minus:
            values, below, upto = _put(0, values, below + self._minus, upto + self._minus, -np.inf, 0.0, self._minus)
        if self._plus:
            n = float(self.n)
            values, below, upto = _put(len(values), values, below, upto, np.inf, n - self._plus, n)
        for array in (values, below, upto):
            array.flags.writeable = False
        self._known = Distribution(values, below, upto)
        return self._known

    # Keeping.

    def copy(self) -> QuantileSketch:
        """Return a sketch with the same values; a digest is shared until one of the two needs to change it."""
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
        """Return the sketch as bytes; one that is read back gives the same answers, and goes on, bit for bit."""
        digest = b"" if self._digest is None else self._digest.serialize()
        head = _HEAD.pack(_MAGIC, 1, 0, self._k, self._missing, self._minus, self._plus, self._held, len(digest))
        return head + self._buffer[: self._held].astype("<f8").tobytes() + digest

    @classmethod
    def from_weighted(cls, values: ArrayLike, weights: ArrayLike, k: int = _K) -> QuantileSketch:
        """Return a sketch of values that each stand for several: what another library's sketch keeps of a stream.

        Parameters
        ----------
        values : (m,) array of float
        weights : (m,) array of int
            How many values each stands for, from 1. If all are 1, this is `update`; otherwise the sketch is not exact.
        k : int
            As the class takes it.

        Raises
        ------
        ShapeError
            If the two are no vectors of one length, or the weights no whole numbers.
        DataError
            If a value is not finite, or a weight is smaller than 1.
        """
        points, counts = np.asarray(values, np.float64), np.asarray(weights)
        if points.ndim != 1 or points.shape != counts.shape or (counts.dtype.kind not in "iu" and len(counts)):
            raise ShapeError(
                f"values and weights are two vectors of one length, the weights whole numbers; got the shapes "
                f"{points.shape} and {counts.shape}, the weights of dtype {counts.dtype}"
            )
        if not np.isfinite(points).all() or not (counts >= 1).all():
            raise DataError("values must be finite and weights from 1; leave out the others")
        new = cls(k)
        if not len(counts) or counts.max() == 1:
            return new.update(points)
        digest = new._own()
        for bit in reversed(range(int(counts.max()).bit_length())):  # Horner's scheme: double, then add
            if not digest.is_empty():
                digest.merge(copied(digest))
            digest.update(np.sort(points[(counts >> bit) & 1 == 1]))
            digest.compress()
        return new

    @classmethod
    def from_bytes(cls, data: bytes) -> QuantileSketch:
        """Return the sketch that `to_bytes` wrote; DataError if the bytes are something else, or damaged."""
        try:
            magic, version, _, k, missing, minus, plus, held, length = _HEAD.unpack_from(data)
            if magic != _MAGIC or version != 1 or not _K_RANGE[0] <= k <= _K_RANGE[1] or held > CHUNK:
                raise ValueError("they do not begin as a sketch's do")
            if len(data) != _HEAD.size + 8 * held + length:
                raise ValueError(f"there are {len(data)} of them, {_HEAD.size + 8 * held + length} are due")
            new = cls(k)
            new._missing, new._minus, new._plus = missing, minus, plus
            new._buffer = np.frombuffer(data, "<f8", held, _HEAD.size).astype(np.float64)
            if not np.isfinite(new._buffer).all():
                raise ValueError("a value is not finite")
            new._held = held
            if held == 0:
                new._buffer = np.empty(16)
            if length:
                new._digest = _checked_digest(data[_HEAD.size + 8 * held :], k)
        except (struct.error, ValueError, IndexError, RuntimeError, MemoryError, TypeError) as error:
            raise DataError(f"the bytes are no quantile sketch ({error})") from error
        return new


def _library() -> Any:
    try:
        import datasketches
    except ImportError:
        raise MissingDependency(
            "a QuantileSketch needs the package 'datasketches'; install it with: pip install 'symjobs[histogram]'"
        ) from None
    return datasketches


def _real(values: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise ShapeError(f"{name} must be a real number or an array of such, got {values!r}")
    return array.astype(np.float64).reshape(-1)


def _put(
    at: int,
    values: NDArray[np.float64],
    below: NDArray[np.float64],
    upto: NDArray[np.float64],
    value: float,
    less: float,
    no_more: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    return np.insert(values, at, value), np.insert(below, at, less), np.insert(upto, at, no_more)


def _centroids(data: bytes) -> NDArray[Any]:
    # The layout that all languages of DataSketches share. A digest of one value has no list of centroids.
    if len(data) <= _DIGEST_HEAD - 8:
        (value,) = struct.unpack_from("<d", data, 8)
        return np.array([(value, 1)], _CENTROID)
    (n, buffered) = struct.unpack_from("<II", data, 8)
    found = np.frombuffer(data, _CENTROID, n, _DIGEST_HEAD)
    assert not buffered  # every write ends in compress()
    return found


def _checked_digest(data: bytes, k: int) -> Any:
    digest = _library().tdigest_double.deserialize(data)
    if digest.k != k or digest.is_empty() or digest.serialize() != data:
        raise ValueError("the digest is another's")
    found = _centroids(data)
    ends = np.array([digest.get_min_value(), *found["mean"], digest.get_max_value()])
    weight = found["weight"].astype(np.float64)
    if not np.isfinite(ends).all() or (np.diff(ends) < 0).any() or (weight < 1).any():
        raise ValueError("the digest's centroids are not in order")
    if int(found["weight"].sum()) != digest.get_total_weight():
        raise ValueError("the digest's weights do not add up")
    return digest
