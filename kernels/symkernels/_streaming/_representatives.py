"""Representative points of micro-clusters: with several of them, a micro-cluster can be divided between clusters."""

from __future__ import annotations

import numpy as np

from ._features import Features

_MOST_NUMBERS = 2**22  # in all points together: 32 MiB


def representative_points(features: Features, spread: int) -> tuple[Features, np.ndarray]:
    """Make ``spread`` points for each micro-cluster; fewer where it has fewer rows, or to bound the memory.

    The points are drawn from a normal law. They are then moved and stretched, column by column, to the mean of their
    micro-cluster and, where there are two or more, to its scatter. So sums and sums of squares of all rows are kept. A
    micro-cluster of equal rows has one point: the row. Where a single point cannot show a scatter, the point's
    own `scatter` holds it. Equal micro-clusters have equal points.

    Returns
    -------
    points : Features
        The points with their weights.
    owner : (points,) int
        Index of each point's micro-cluster.
    """
    m, d = features.mean.shape
    most = min(spread, max(1, _MOST_NUMBERS // max(1, m * d)))
    varied = (features.scatter > 0).any(axis=1)
    unit = min(1.0, float(features.weight.min(initial=1.0)))  # a row weighs 1, or less where a micro-cluster does
    counts = np.where(varied, np.clip(np.floor(features.weight / unit), min(2, most), most), 1).astype(np.int64)
    owner = np.repeat(np.arange(m), counts)
    starts = np.cumsum(counts) - counts
    draws = np.random.default_rng(0).standard_normal((len(owner), d))
    draws -= (np.add.reduceat(draws, starts) / counts[:, None])[owner]
    # A single draw is now 0, so its point stays at the mean.
    deviation = np.sqrt(np.add.reduceat(draws * draws, starts) / counts[:, None])
    several = counts > 1
    size = np.sqrt(features.scatter / features.weight[:, None])
    factor = np.where(several[:, None], size / np.where(several[:, None], deviation, 1.0), 0.0)
    rows = features.mean[owner] + draws * factor[owner]
    left = np.where(several[:, None], 0.0, features.scatter)[owner]
    return Features((features.weight / counts)[owner], rows, left), owner
