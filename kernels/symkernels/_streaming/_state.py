"""The state of a stream: micro-clusters, and how warm-up and merging change them. States are immutable."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .._errors import DataError
from .._kmeans import count_distinct, kmeans, points_of
from .._rows import Poll, as_rows, no_poll
from ._block import Block
from ._features import Features, Frame
from ._settings import Settings
from ._update import updated
from ._ward import reduced


@dataclass(frozen=True)
class State:
    """Micro-clusters in a frame.

    Attributes
    ----------
    frame : Frame
        During the warm-up it is that of the rows themselves.
    features : Features
        During the warm-up every row by itself.
    ready : bool
        Whether the warm-up is over.
    n_rows, n_dropped : int
    blocks : int
        Blocks of rows learnt since the warm-up: each draws its own random numbers.
    """

    frame: Frame
    features: Features
    ready: bool = False
    n_rows: int = 0
    n_dropped: int = 0
    blocks: int = 0

    @classmethod
    def empty(cls, d: int) -> State:
        """No rows of d columns."""
        return cls(Frame.of_rows(d), Features.none(d))

    @property
    def d(self) -> int:
        """Number of columns; 0 while it is not known."""
        return len(self.frame.shift)

    def plain(self) -> Features:
        """The micro-clusters in the units of the rows."""
        return self.features.about(self.frame, Frame.of_rows(self.d)) if self.ready else self.features

    def with_block(self, block: Block, settings: Settings) -> State:
        """Return the state with one more block of rows, after the warm-up."""
        generator = np.random.default_rng([settings.seed, self.blocks])
        features = updated(self.features, block, settings.n_centroids, generator)
        if not np.isfinite(features.scatter.sum()):
            raise DataError("X: values so large that their squared distances overflow float64; rescale the columns")
        return replace(self, features=features, n_rows=self.n_rows + block.n, blocks=self.blocks + 1)

    def with_early_rows(self, rows: np.ndarray, weight: np.ndarray, settings: Settings, poll: Poll) -> State:
        """Return the state with more rows of the warm-up, which they may end. Rows of weight 0 are only counted."""
        weighted = weight > 0
        features = self.features.concatenate(Features.of_rows(rows[weighted], weight[weighted]))
        state = replace(self, features=features, n_rows=self.n_rows + len(rows))
        return _formed(state, settings, poll) if features.size >= settings.warmup else state

    def merged(self, other: State, settings: Settings) -> State:
        """Return the state with another one's micro-clusters."""
        counted = replace(self, n_rows=self.n_rows + other.n_rows, n_dropped=self.n_dropped + other.n_dropped)
        if self.ready:
            theirs = other.plain().about(Frame.of_rows(self.d), self.frame)
            return replace(counted, features=reduced(self.features.concatenate(theirs), settings.n_centroids))
        both = replace(counted, features=self.features.concatenate(other.plain()))
        return _formed(both, settings, no_poll) if other.ready or both.features.size >= settings.warmup else both


def _formed(state: State, settings: Settings, poll: Poll) -> State:
    """End the warm-up: form micro-clusters by k-means over the rows so far.

    The frame's shift is a value of the data, so that a constant column is exactly 0. With scale "standard" its factor
    turns distances into standard deviations.
    """
    plain = state.features
    frame = Frame(np.sort(plain.mean, axis=0)[plain.size // 2], np.ones(state.d))
    features = plain.about(state.frame, frame)
    if settings.scale == "standard":
        frame = Frame(frame.shift, _inverse_deviation(features))
        features = plain.about(state.frame, frame)
    if not np.isfinite(np.square(features.mean).sum()):
        raise DataError("X: values so large that their squared distances overflow float64; rescale the columns")
    points = points_of(as_rows(features.mean, sample_weight=features.weight), poll)
    k = count_distinct(points, settings.n_centroids, poll)
    result = kmeans(
        features.mean, k, sample_weight=features.weight, max_iter=settings.max_iter, seed=settings.seed,
        checkpoint=lambda *_: poll(),
    )  # fmt: skip
    names, groups = np.unique(result.labels, return_inverse=True)
    return replace(state, frame=frame, features=features.grouped(groups, len(names)), ready=True)


def _inverse_deviation(features: Features) -> np.ndarray:
    """1 over the standard deviation of each column; 1 where that is 0, or its square leaves the range of float64."""
    total = features.grouped(np.zeros(features.size, np.intp), 1)
    deviation = np.sqrt(total.scatter[0] / total.weight[0])
    usable = (deviation > 1e-150) & (deviation < 1e150)
    return np.where(usable, 1.0 / np.where(usable, deviation, 1.0), 1.0)
