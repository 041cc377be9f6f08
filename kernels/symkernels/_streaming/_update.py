"""Add one block of rows to the micro-clusters.

Every row is added to its nearest micro-cluster. A new micro-cluster is opened where it lowers the sum of squares by
more than the cheapest merger of two others raises it (Ward 1963). It is opened at a row drawn as k-means++ draws
(Arthur & Vassilvitskii 2007): by its weighted squared distance. Then the cheapest mergers are made until no more
micro-clusters than allowed are left. So new regions, drift and outliers get micro-clusters as far as that lowers the
sum of squares.
"""

from __future__ import annotations

import numpy as np

from ._block import CANDIDATES, Block
from ._features import Features
from ._ward import Mergers, reduced


def updated(features: Features, block: Block, most: int, generator: np.random.Generator) -> Features:
    """Return the micro-clusters with the rows of ``block``; at most ``most`` of them."""
    block.assign(features.mean)
    opened = _open(features, block, most, generator)
    before = Features(
        np.concatenate([features.weight, np.zeros(len(opened))]),
        np.concatenate([features.mean, opened]),
        np.concatenate([features.scatter, np.zeros_like(opened)]),
    )
    return reduced(before.with_rows(*block.sums(before.mean)), most)


def _open(features: Features, block: Block, most: int, generator: np.random.Generator) -> np.ndarray:
    """Open the centers that are worth it, and assign rows to them; return the centers."""
    opened: list[np.ndarray] = []
    free = most - features.size
    mergers: Mergers | None = None
    while len(opened) < most:
        worth = block.weight * block.distance
        running = np.cumsum(worth)
        price = 0.0
        if len(opened) >= free:
            if mergers is None:
                mergers = _mergers(features, block, opened)
            price = mergers.least
        # A new center cannot save more than all the distances together.
        if not running[-1] > price:
            break
        # Draws spread evenly over the running sum from a random start seldom hit the same row.
        draws = (generator.random() + np.arange(CANDIDATES)) / CANDIDATES * running[-1]
        indices = np.minimum(np.searchsorted(running, draws, side="right"), block.n - 1)
        candidates = block.rows(indices)
        gains = block.saved(candidates)
        best = int(gains.argmax())
        if not gains[best] > price:
            break
        block.take(best, features.size + len(opened))
        opened.append(candidates[best])
        if mergers is not None:
            mergers.merge()
    return np.array(opened).reshape(len(opened), features.mean.shape[1])


def _mergers(features: Features, block: Block, opened: list[np.ndarray]) -> Mergers:
    """The costs of mergers, with the block's rows counted at the centers where they are now."""
    counts = block.counts(features.size + len(opened))
    counts[: features.size] += features.weight
    return Mergers(counts, np.concatenate([features.mean, *(center[None, :] for center in opened)]))
