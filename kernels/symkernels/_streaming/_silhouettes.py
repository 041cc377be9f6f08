"""Silhouettes of a stream, from its micro-clusters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from .._rows import Ping
from ._features import Features

_BLOCK_BYTES = 2**23  # of distances


def stream_silhouettes(
    features: Features, labelings: Sequence[np.ndarray], metric: Literal["euclidean", "sqeuclidean"], ping: Ping
) -> list[float]:
    """The mean silhouette (Rousseeuw 1987) of the rows for each partition of the micro-clusters.

    For the distance between rows of two micro-clusters their root mean square stands, which centers and scatter give
    exactly: sqrt(|mu_a - mu_b|^2 + v_a + v_b), v the rows' mean squared distance from their center; within one of
    weight w it is sqrt(2 v w / (w - 1)). With squared distances the means are exact; the silhouette is that of the
    means in either case, as the rows themselves are gone.
    """
    from scipy.spatial.distance import cdist

    m, weight = features.size, features.weight
    variance = features.scatter.sum(axis=1) / weight
    members = [np.eye(int(labels.max()) + 1)[labels] * weight[:, None] for labels in labelings]
    scores = [0.0] * len(labelings)
    step = max(1, _BLOCK_BYTES // (8 * m))
    for start in range(0, m, step):
        ping()
        here = np.arange(start, min(start + step, m))
        squares = cdist(features.mean[here], features.mean, "sqeuclidean") + variance[here, None] + variance
        w = weight[here]
        # The pairs of one micro-cluster. A single row has none, and what counts them below is 0 then.
        within = np.where(w > 1, 2.0 * variance[here] * w / np.where(w > 1, w - 1.0, 1.0), 0.0)
        squares[np.arange(len(here)), here] = within
        distance = np.sqrt(squares) if metric == "euclidean" else squares
        own_pairs = distance[np.arange(len(here)), here]
        for i, (labels, one_hot) in enumerate(zip(labelings, members, strict=True)):
            total = distance @ one_hot
            of_cluster = one_hot.sum(axis=0)
            own = labels[here]
            rows = np.arange(len(here))
            others = of_cluster[own] - 1.0
            inside = np.maximum(total[rows, own] - own_pairs, 0.0)  # a row has no distance to itself
            a = inside / np.where(others > 0, others, 1.0)
            mean = total / of_cluster
            mean[rows, own] = np.inf
            b = mean.min(axis=1)
            larger = np.maximum(a, b)
            score = np.where((others > 0) & (larger > 0), (b - a) / np.where(larger > 0, larger, 1.0), 0.0)
            scores[i] += float(w @ score)
    return [score / float(weight.sum()) for score in scores]
