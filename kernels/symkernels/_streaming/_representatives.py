"""Rows that stand for those of micro-clusters, so that one of these can be divided between clusters."""

from __future__ import annotations

import numpy as np

from ._features import Features

_MOST_NUMBERS = 2**22  # in all stand-ins together: 32 MiB


def representative_points(features: Features, spread: int) -> tuple[Features, np.ndarray]:
    """``spread`` rows for each micro-cluster, and fewer where it has fewer or memory is short; whose each one is.

    They are drawn from a normal law and brought to the mean and, if there are two or more, to the scatter of their
    micro-cluster, column by column: sums and sums of squares of all rows are kept. Rows that stand for themselves are
    the rows. What a single stand-in cannot show of its micro-cluster's scatter is its own `scatter`. The same
    micro-clusters have the same stand-ins.
    """
    m, d = features.mean.shape
    most = min(spread, max(1, _MOST_NUMBERS // max(1, m * d)))
    varied = (features.scatter > 0).any(axis=1)
    unit = min(1.0, float(features.weight.min(initial=1.0)))  # what a row weighs, as far as one can see
    counts = np.where(varied, np.clip(np.floor(features.weight / unit), min(2, most), most), 1).astype(np.int64)
    owner = np.repeat(np.arange(m), counts)
    starts = np.cumsum(counts) - counts
    draws = np.random.default_rng(0).standard_normal((len(owner), d))
    draws -= (np.add.reduceat(draws, starts) / counts[:, None])[owner]
    # Alone, a draw is now 0 and stays at the mean.
    deviation = np.sqrt(np.add.reduceat(draws * draws, starts) / counts[:, None])
    several = counts > 1
    size = np.sqrt(features.scatter / features.weight[:, None])
    factor = np.where(several[:, None], size / np.where(several[:, None], deviation, 1.0), 0.0)
    rows = features.mean[owner] + draws * factor[owner]
    left = np.where(several[:, None], 0.0, features.scatter)[owner]
    return Features((features.weight / counts)[owner], rows, left), owner
