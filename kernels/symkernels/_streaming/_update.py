"""One block of rows goes into the micro-clusters.

Every row is added to its nearest micro-cluster. Where a new one would save more than merging the two cheapest to merge
costs (Ward), one is opened at a row drawn as k-means++ draws (Arthur & Vassilvitskii 2007): by its weighted squared
distance. Then the cheapest are merged until no more than allowed are left. So a region that is new to the stream, a
drift or an outlier gets micro-clusters as far as they are worth more there than where they are.
"""

from __future__ import annotations

import numpy as np

from ._block import CANDIDATES, Block
from ._features import Features
from ._ward import Mergers, reduced


def updated(features: Features, block: Block, most: int, generator: np.random.Generator) -> Features:
    """The micro-clusters, ``most`` at most, with the rows of ``block``."""
    block.assign(features.mean)
    opened = _open(features, block, most, generator)
    before = Features(
        np.concatenate([features.weight, np.zeros(len(opened))]),
        np.concatenate([features.mean, opened]),
        np.concatenate([features.scatter, np.zeros_like(opened)]),
    )
    return reduced(before.with_rows(*block.sums(before.mean)), most)


def _open(features: Features, block: Block, most: int, generator: np.random.Generator) -> np.ndarray:
    """The centers that are worth opening, whose rows are at them from now on."""
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
        # All that can be saved is what there is.
        if not running[-1] > price:
            break
        # Spread evenly over the running sum from a random start: four draws that seldom fall into one place.
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
    """What merging would cost now, with the rows of the block at the centers as they were."""
    counts = block.counts(features.size + len(opened))
    counts[: features.size] += features.weight
    return Mergers(counts, np.concatenate([features.mean, *(center[None, :] for center in opened)]))
