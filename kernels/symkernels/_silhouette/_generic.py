"""Silhouettes in the array API standard, tile by tile: for every library; the fast paths are tested against it.

No array of rows by rows is held: each tile of distances is multiplied by the 0/1 columns of all clusters of all
labelings, and dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, namespace
from .._rows import blocks
from ._labels import Labeling
from ._scores import Progress, scale_of, scores


def euclidean(
    X: Array,
    labelings: Sequence[Labeling],
    weight: Array | None,
    progress: Progress,
    entries: int,
    rows: np.ndarray | None = None,
) -> Array:
    """(labelings, n) float64: silhouettes with Euclidean distances, taken by differences, in float64.

    A tile has about ``entries`` distances. With ``rows``: (labelings, m), those of these m rows alone.
    """
    xp = namespace(X)
    X = xp.astype(X, xp.float64) * scale_of(X, progress)
    index = None if rows is None else xp.asarray(rows, device=compat.device(X))
    S = X if index is None else xp.take(X, index, axis=0)
    return _by_tiles(
        X.shape[0], labelings, weight, progress, entries, lambda i, j: xp.sqrt(squares(S[i, :], X[j, :])), index
    )


def precomputed(
    D: Array, labelings: Sequence[Labeling], weight: Array | None, progress: Progress, entries: int
) -> Array:
    """(labelings, n) float64: silhouettes with the distances of a matrix."""
    xp = namespace(D)
    return _by_tiles(
        D.shape[0], labelings, weight, progress, entries, lambda i, j: xp.astype(D[i, j], xp.float64, copy=False)
    )


def squares(A: Array, B: Array) -> Array:
    """Squared distances of the rows of A to those of B, by differences: equal rows are at 0."""
    xp = namespace(A)
    total = xp.zeros((A.shape[0], B.shape[0]), dtype=A.dtype, device=compat.device(A))
    for j in range(A.shape[1]):
        difference = A[:, j][:, None] - B[:, j][None, :]
        total += difference * difference
    return total


def members(labelings: Sequence[Labeling], part: slice, weight: Array | None) -> Array:
    """(rows, clusters of all labelings) float64: the weight of each row in the columns of its clusters, 0 elsewhere."""
    xp, device = namespace(labelings[0].labels), compat.device(labelings[0].labels)
    columns = []
    for labeling in labelings:
        label = xp.arange(labeling.k, dtype=labeling.labels.dtype, device=device)
        columns.append(xp.astype(labeling.labels[part][:, None] == label[None, :], xp.float64))
    members = xp.concat(columns, axis=1)
    return members if weight is None else members * weight[part][:, None]


def _by_tiles(
    n: int,
    labelings: Sequence[Labeling],
    weight: Array | None,
    progress: Progress,
    entries: int,
    distances: Callable[[slice, slice], Array],
    index: Array | None = None,
) -> Array:
    xp: Any = namespace(labelings[0].labels)
    device = compat.device(labelings[0].labels)
    clusters = sum(labeling.k for labeling in labelings)
    # Neither the tile, nor the columns of its rows' clusters, nor their sums are larger than `entries`.
    rows = max(1, min(n, round(entries**0.5), entries // clusters))
    found, asked = [], [each.labels if index is None else xp.take(each.labels, index) for each in labelings]
    for i in blocks(asked[0].shape[0], rows):
        total = xp.zeros((i.stop - i.start, clusters), dtype=xp.float64, device=device)
        for j in blocks(n, rows):
            total += distances(i, j) @ members(labelings, j, weight)
            progress(i.start * n + j.stop * (i.stop - i.start), asked[0].shape[0] * n)
        first, part = 0, []
        for labeling, labels in zip(labelings, asked, strict=True):
            sums = total[:, first : first + labeling.k]
            part.append(scores(sums / safe(labeling.counts), labels[i], labeling.counts))
            first += labeling.k
        found.append(xp.stack(part))
    return xp.concat(found, axis=1)


def safe(counts: Array) -> Array:
    """Counts as divisors: 1 in place of 0."""
    return namespace(counts).where(counts > 0, counts, 1.0)
