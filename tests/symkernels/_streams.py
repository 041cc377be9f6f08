"""Streams for tests, and what must be true of any micro-clusters of theirs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from symkernels import StreamingKMeans, kmeans
from symkernels._streaming._features import Features


def blobs(n: int, d: int = 4, k: int = 5, seed: int = 0, spread: float = 8.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(k, d)) * spread)[rng.integers(0, k, n)] + rng.normal(size=(n, d))


def streams(n: int, d: int = 8) -> Iterator[tuple[str, np.ndarray]]:
    """Data that micro-clusters find easy and hard."""
    rng = np.random.default_rng(1)
    yield "blobs", blobs(n, d)
    yield "uniform", rng.random((n, d))
    yield "drifting", rng.normal(size=(n, d)) + np.linspace(0, 10, n)[:, None]
    rows = blobs(n, d)
    yield "sorted", rows[np.argsort(rows[:, 0])]
    yield "heavy tails", rng.standard_t(2, size=(n, d))


def learnt(X: np.ndarray, batch: int = 1000, weight: np.ndarray | None = None, **options: object) -> StreamingKMeans:
    stream = StreamingKMeans(**options)  # type: ignore[arg-type]
    for start in range(0, len(X), batch):
        part = slice(start, start + batch)
        stream.learn(X[part], None if weight is None else weight[part])
    return stream


def total(stream: StreamingKMeans) -> Features:
    """Weight, mean and sum of squares of all rows, from the state itself: about its shift, which an offset spares."""
    features = stream._state.features
    return features.grouped(np.zeros(features.size, np.intp), 1)


def assert_totals(stream: StreamingKMeans, X: np.ndarray, weight: np.ndarray | None = None, tol: float = 1e-10) -> None:
    """Weight, mean and sum of squares are those of the rows, to ``tol`` of their size about the state's shift.

    There are up to 6,000 rows: n eps is 1e-12.
    """
    w = np.ones(len(X)) if weight is None else weight
    frame, found = stream._state.frame, total(stream)
    Z = (X - frame.shift) * frame.factor
    mean = (w / w.sum()) @ Z
    size = np.abs(Z).max(axis=0)
    np.testing.assert_allclose(found.weight[0], w.sum(), rtol=1e-12)
    np.testing.assert_allclose(found.mean[0], mean, rtol=0, atol=tol * size.max(initial=0.0))
    scatter = w @ (Z - mean) ** 2
    assert (np.abs(found.scatter[0] - scatter) <= tol * scatter + tol * 1e-6 * w.sum() * size**2).all()


def cost(X: np.ndarray, centers: np.ndarray) -> float:
    """WSSSE of rows by themselves."""
    return float(sum(((row - centers) ** 2).sum(axis=1).min() for row in X))


def best(X: np.ndarray, k: int) -> float:
    """WSSSE of k-means on the rows."""
    return kmeans(X, k, n_init=3).wssse
