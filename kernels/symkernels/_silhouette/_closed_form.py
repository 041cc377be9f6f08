"""Silhouettes of squared Euclidean distances in O(n k d).

The mean squared distance of a row to those of a cluster is its squared distance to their mean plus their mean squared
distance to it. Differences from means are taken, so that an offset of all rows costs no digits.
"""

from __future__ import annotations

from collections.abc import Sequence

import array_api_compat as compat

from .._arrays import Array, namespace
from .._rows import blocks
from ._generic import members, safe, squares
from ._labels import Labeling
from ._scores import Progress, least_squares, middle_of, scale_of, scores


def squared_euclidean(
    X: Array, labelings: Sequence[Labeling], weight: Array | None, progress: Progress, entries: int
) -> Array:
    """(labelings, n) float64: silhouettes with squared Euclidean distances. A tile has about ``entries`` numbers."""
    xp, device = namespace(X), compat.device(X)
    n, d = X.shape
    clusters = sum(labeling.k for labeling in labelings)
    parts = list(blocks(n, max(1, min(n, entries // max(d, clusters)))))
    steps = 3 * len(parts)
    scale = scale_of(X, progress)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        progress(done, steps)

    def tile(part: slice) -> Array:
        return xp.astype(X[part, :], xp.float64) * scale

    shift = xp.asarray(middle_of(X, scale), device=device)
    sums = xp.zeros((clusters, d), dtype=xp.float64, device=device)
    for part in parts:
        sums += xp.matrix_transpose(members(labelings, part, weight)) @ (tile(part) - shift)
        step()
    counts = xp.concat([labeling.counts for labeling in labelings])
    means = sums / safe(counts)[:, None]
    scatter = xp.zeros((clusters,), dtype=xp.float64, device=device)
    for part in parts:
        scatter += xp.sum(squares(tile(part) - shift, means) * members(labelings, part, weight), axis=0)
        step()
    inside, least = scatter / safe(counts), least_squares(means)
    found = []
    for part in parts:
        average = squares(tile(part) - shift, means) + inside
        average = xp.where(average > least, average, xp.zeros_like(average))
        first, each = 0, []
        for labeling in labelings:
            columns = average[:, first : first + labeling.k]
            each.append(scores(columns, labeling.labels[part], labeling.counts))
            first += labeling.k
        found.append(xp.stack(each))
        step()
    return xp.concat(found, axis=1)
