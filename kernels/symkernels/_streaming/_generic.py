"""Blocks in the array API standard: for GPUs and all other libraries; the compiled loops are tested against it."""

from __future__ import annotations

import array_api_compat as compat
import numpy as np

from .._arrays import Array, namespace, to_numpy
from ._block import Block
from ._features import Frame


class GenericBlock(Block):
    """A block of any library's rows."""

    def __init__(self, X: Array, weight: Array | None, frame: Frame) -> None:
        self._xp, self._device = namespace(X), compat.device(X)
        self.n = int(X.shape[0])
        self._rows = (self._xp.astype(X, self._xp.float64) - self._put(frame.shift)) * self._put(frame.factor)
        self.weight = np.ones(self.n) if weight is None else to_numpy(weight)
        self._weight = self._put(self.weight)

    def _put(self, x: np.ndarray) -> Array:
        return self._xp.asarray(x, device=self._device)

    def assign(self, centers: np.ndarray) -> None:
        xp = self._xp
        # About the middle of the rows, as |x|^2 - 2 x.c + |c|^2 loses digits far from 0. Distances are by differences.
        middle = xp.mean(self._rows, axis=0)
        C = self._put(centers)
        away = C - middle
        score = (self._rows - middle) @ xp.matrix_transpose(away) - 0.5 * xp.sum(away * away, axis=1)
        self._labels = xp.argmax(score, axis=1)
        difference = self._rows - xp.take(C, self._labels, axis=0)
        self._distance = xp.sum(difference * difference, axis=1)
        self.distance = to_numpy(self._distance)

    def counts(self, count: int) -> np.ndarray:
        return np.bincount(to_numpy(self._labels), self.weight, count)

    def rows(self, indices: np.ndarray) -> np.ndarray:
        return to_numpy(self._xp.take(self._rows, self._put(indices), axis=0))

    def saved(self, candidates: np.ndarray) -> np.ndarray:
        xp = self._xp
        self._tried, gains = [], []
        for candidate in candidates:
            difference = self._rows - self._put(candidate)
            tried = xp.sum(difference * difference, axis=1)
            self._tried.append(tried)
            gain = xp.where(tried < self._distance, self._distance - tried, 0.0)  # CuPy's clip is many kernels
            gains.append(float(xp.sum(self._weight * gain)))
        return np.array(gains)

    def take(self, candidate: int, label: int) -> None:
        xp, tried = self._xp, self._tried[candidate]
        nearer = tried < self._distance
        self._labels = xp.where(nearer, xp.asarray(label, dtype=self._labels.dtype, device=self._device), self._labels)
        self._distance = xp.where(nearer, tried, self._distance)
        self.distance = to_numpy(self._distance)

    def sums(self, centers: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        xp, count = self._xp, len(centers)
        difference = self._rows - xp.take(self._put(centers), self._labels, axis=0)
        own = self._labels[:, None] == xp.arange(count, dtype=self._labels.dtype, device=self._device)[None, :]
        members = xp.matrix_transpose(xp.astype(own, xp.float64) * self._weight[:, None])
        return (
            to_numpy(xp.sum(members, axis=1)),
            to_numpy(members @ difference),
            to_numpy(members @ (difference * difference)),
        )
