"""Quantile sketches, one for each dense numeric attribute: KLL (Karnin, Lang and Liberty 2016) of `datasketches`."""

from __future__ import annotations

import copy
import struct
from typing import Any

import numpy as np

from symjobs._errors import InputError, MissingDependency

K = 1024
"""Size of a sketch: up to K values it is exact, beyond that the rank error is about 0.3 % with 99 % confidence."""


def sketches_library() -> Any:
    """Import datasketches; MissingDependency, naming the extra, where it is not installed."""
    try:
        import datasketches
    except ImportError:
        raise MissingDependency("datasketches", "histogram", "histogram=True") from None
    return datasketches


class Histograms:
    """Quantile sketches by position in the dense block.

    A sketch cannot forget. Once rows have been taken away, ``exact`` is False and every quantile is None.
    """

    def __init__(self) -> None:
        self._library = sketches_library()
        self.sketches: list[Any] = []
        self.exact = True

    def copy(self) -> Histograms:
        new = Histograms()
        new.sketches = [copy.copy(sketch) for sketch in self.sketches]
        new.exact = self.exact
        return new

    def extend(self, p: int) -> None:
        """Grow to p sketches; the new ones are empty."""
        self.sketches += [self._library.kll_doubles_sketch(K) for _ in range(p - len(self.sketches))]

    def learn(self, dense: np.ndarray) -> None:
        """Add the rows of a dense block; NaN is left out."""
        self.extend(dense.shape[1])
        if len(dense) == 1:
            for sketch, value in zip(self.sketches, dense[0].tolist(), strict=True):
                sketch.update(value)
            return
        for sketch, values in zip(self.sketches, dense.T, strict=True):
            sketch.update(np.ascontiguousarray(values, dtype=np.float64))

    def merge(self, other: Histograms, positions: dict[int, int]) -> None:
        """Add other's sketches; ``positions`` maps its dense positions to those here."""
        for theirs, ours in positions.items():
            if theirs < len(other.sketches):
                self.extend(ours + 1)
                self.sketches[ours].merge(other.sketches[theirs])
        self.exact = self.exact and other.exact

    def quantile(self, position: int, q: float) -> float | None:
        """Return the value at rank q (a value that was learnt), or None without values or after a forget."""
        if not 0 <= q <= 1:
            raise InputError(f"a quantile is between 0 and 1, got {q!r}")
        sketch = self._known(position)
        if sketch is None:
            return None
        if q in (0, 1):  # a sketch keeps both ends exactly, and its ranks need not
            return float(sketch.get_max_value() if q else sketch.get_min_value())
        return float(sketch.get_quantile(q, True))

    def median(self, position: int) -> float | None:
        """Return the median, the mean of the two middle values of an even number; None as `quantile`."""
        sketch = self._known(position)
        return None if sketch is None else (sketch.get_quantile(0.5, True) + sketch.get_quantile(0.5, False)) / 2

    def _known(self, position: int) -> Any | None:
        if not self.exact or position >= len(self.sketches) or self.sketches[position].is_empty():
            return None
        return self.sketches[position]

    def to_bytes(self) -> bytes:
        """Serialise: for each sketch its length (8 bytes, little-endian) and its bytes."""
        parts = [sketch.serialize() for sketch in self.sketches]
        return b"".join(struct.pack("<q", len(part)) + part for part in parts)

    @classmethod
    def from_bytes(cls, data: bytes, *, exact: bool) -> Histograms:
        """Read what `to_bytes` wrote; ValueError if it is something else."""
        new = cls()
        new.exact = exact
        at = 0
        try:
            while at < len(data):
                (length,) = struct.unpack_from("<q", data, at)
                new.sketches.append(new._library.kll_doubles_sketch.deserialize(data[at + 8 : at + 8 + length]))
                at += 8 + length
        except (struct.error, ValueError, IndexError, RuntimeError, MemoryError) as error:
            raise ValueError(f"the histograms do not read ({error})") from error
        return new
