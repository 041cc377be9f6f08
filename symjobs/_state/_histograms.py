"""Quantile sketches, one for each dense numeric attribute."""

from __future__ import annotations

import struct

import numpy as np

from symjobs._errors import InputError, MissingDependency
from symkernels import MissingDependency as KernelDependency
from symkernels import QuantileSketch, SymkernelsError


def new_sketch(purpose: str) -> QuantileSketch:
    """Return a sketch; MissingDependency, naming the extra and the purpose, where datasketches is not installed."""
    try:
        return QuantileSketch()
    except KernelDependency:
        raise MissingDependency("datasketches", "histogram", purpose) from None


class Histograms:
    """Quantile sketches by position in the dense block.

    A sketch cannot forget. Once rows have been taken away, ``exact`` is False and every quantile is None.
    """

    def __init__(self) -> None:
        new_sketch("histogram=True")  # fail early if its package is missing
        self.sketches: list[QuantileSketch] = []
        self.exact = True

    def copy(self) -> Histograms:
        new = Histograms()
        new.sketches = [sketch.copy() for sketch in self.sketches]
        new.exact = self.exact
        return new

    def extend(self, p: int) -> None:
        """Grow to p sketches; the new ones are empty."""
        self.sketches += [QuantileSketch() for _ in range(p - len(self.sketches))]

    def learn(self, dense: np.ndarray) -> None:
        """Add the rows of a dense block; NaN is left out."""
        self.extend(dense.shape[1])
        columns = dense[0].tolist() if len(dense) == 1 else dense.T
        for sketch, values in zip(self.sketches, columns, strict=True):
            sketch.update(values)

    def merge(self, other: Histograms, positions: dict[int, int]) -> None:
        """Add other's sketches; ``positions`` maps its dense positions to those here."""
        for theirs, ours in positions.items():
            if theirs < len(other.sketches):
                self.extend(ours + 1)
                self.sketches[ours].merge(other.sketches[theirs])
        self.exact = self.exact and other.exact

    def sketch(self, position: int) -> QuantileSketch | None:
        """Return the sketch at a position, None if it has no values or is not exact. Do not modify."""
        if not self.exact or position >= len(self.sketches) or not self.sketches[position].n:
            return None
        return self.sketches[position]

    def quantile(self, position: int, q: float) -> float | None:
        """Return the value at rank q, or None without values or after a forget."""
        if not 0 <= q <= 1:
            raise InputError(f"a quantile is between 0 and 1, got {q!r}")
        sketch = self.sketch(position)
        return None if sketch is None else sketch.quantile(float(q))

    def median(self, position: int) -> float | None:
        """Return the median; None where `quantile` returns None."""
        sketch = self.sketch(position)
        return None if sketch is None else median(sketch)

    def to_bytes(self) -> bytes:
        """Serialise: for each sketch its length (8 bytes, little-endian) and its bytes."""
        parts = [sketch.to_bytes() for sketch in self.sketches]
        return b"".join(struct.pack("<q", len(part)) + part for part in parts)

    @classmethod
    def from_bytes(cls, data: bytes, *, exact: bool, kll: bool = False) -> Histograms:
        """Read what `to_bytes` wrote, or (``kll``) a list of KLL sketches; else ValueError."""
        new = cls()
        new.exact = exact
        read = _from_kll if kll else QuantileSketch.from_bytes
        at = 0
        try:
            while at < len(data):
                (length,) = struct.unpack_from("<q", data, at)
                if not 0 <= length <= len(data) - at - 8:
                    raise ValueError(f"a sketch of {length} bytes, and {len(data) - at - 8} are left")
                new.sketches.append(read(data[at + 8 : at + 8 + length]))
                at += 8 + length
        except (struct.error, ValueError, IndexError, RuntimeError, MemoryError, SymkernelsError) as error:
            raise ValueError(f"the histograms do not read ({error})") from error
        return new


def median(sketch: QuantileSketch) -> float:
    """Return the median of a sketch that has values: the same as NumPy's while the sketch is exact."""
    low, high = sketch.quantile(
        [0.5, 0.5 + 0.25 / sketch.n]
    )  # in the middle between two ranks, so that rounding cannot select another rank
    return float(low + (high - low) / 2)


def _from_kll(data: bytes) -> QuantileSketch:
    # Files of version 1 and 2 hold KLL sketches (Karnin, Lang and Liberty 2016): values, and how many each stands for.
    import datasketches

    kll = datasketches.kll_doubles_sketch.deserialize(data)
    if kll.is_empty():
        return QuantileSketch()
    pairs = np.array(sorted(kll), dtype=np.float64)
    values, weights = pairs[:, 0], pairs[:, 1].astype(np.int64)
    for place, end in (
        (0, kll.get_min_value()),
        (-1, kll.get_max_value()),
    ):  # KLL keeps both apart
        if values[place] != end:
            weights[place] -= 1
            at = 0 if place == 0 else len(values)
            values, weights = np.insert(values, at, end), np.insert(weights, at, 1)
    kept = weights > 0
    return QuantileSketch.from_weighted(values[kept], weights[kept])
