"""Rows for tests of moments: Hypothesis strategies, and how two states are compared."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from symkernels import Moments


def values(*, gaps: bool) -> st.SearchStrategy[float]:
    """Numbers of ordinary and of large size, on and off a coarse grid, and gaps."""
    sizes = st.one_of(
        st.integers(-4, 4).map(float),
        # Columns of smaller numbers alone are refused: test_deep_sums.
        st.floats(-1e3, 1e3).map(lambda x: x if abs(x) > 1e-140 else 0.0),
        st.sampled_from([1e6, -1e6 + 0.25, 0.1, 1e-3]),
    )
    return st.one_of(sizes, st.just(np.nan)) if gaps else sizes


@st.composite
def tables(draw: Any, *, gaps: bool = True, min_rows: int = 0, max_rows: int = 40, columns: int | None = None) -> Any:
    """(n, p) float64 arrays, the last column 0/1."""
    p = columns or draw(st.integers(1, 5))
    n = draw(st.integers(min_rows, max_rows))
    X = draw(hnp.arrays(np.float64, (n, p), elements=values(gaps=gaps)))
    X[:, -1] = np.where(np.isnan(X[:, -1]), np.nan, X[:, -1] > 0)
    return X


@st.composite
def split_tables(draw: Any, parts: int, **options: Any) -> list[np.ndarray]:
    """Tables of equal width."""
    p = draw(st.integers(1, 5))
    return [draw(tables(columns=p, **options)) for _ in range(parts)]


def learnt(X: np.ndarray, **options: Any) -> Moments:
    """A state of the rows of a table as `tables` makes them."""
    return Moments(X.shape[1], binary=[X.shape[1] - 1], **options).learn(X)


def scale_of(*tables: np.ndarray) -> np.ndarray:
    """The largest distance between two values in each column; 1 in the last one, which is 0/1."""
    X = np.concatenate(tables)
    if not len(X):
        return np.ones(X.shape[1])
    low = np.min(np.where(np.isnan(X), np.inf, X), axis=0)
    high = np.max(np.where(np.isnan(X), -np.inf, X), axis=0)
    return np.append(np.where(high > low, high - low, 0.0)[:-1], 1.0)


def assert_same_answers(a: Moments, b: Moments, scale: np.ndarray, *, tol: float = 1e-12) -> None:
    """Every answer agrees to ``tol`` of the largest scale that the states have held.

    Sums of 120 rows, the most that there are, are right to n eps in any order: 3e-14 of the scale.
    """
    size = np.abs(np.nan_to_num(a.mean())) * 2.0**-50
    assert a.n_rows == b.n_rows
    np.testing.assert_array_equal(a.pair_counts(), b.pair_counts())
    compare(a.mean(), b.mean(), tol * scale + size)
    compare(a.covariance(), b.covariance(), tol * np.outer(scale, scale))
    for j in np.flatnonzero(a.binary):
        mine, theirs = a.condition(int(j)), b.condition(int(j))
        np.testing.assert_allclose(mine.count, theirs.count, atol=1e-9)
        compare(mine.mean, theirs.mean, tol * scale + size)
        compare(mine.var, theirs.var, tol * scale**2)


def compare(a: np.ndarray, b: np.ndarray, atol: np.ndarray) -> None:
    np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
    wrong = np.abs(np.nan_to_num(a) - np.nan_to_num(b)) > atol
    assert not wrong.any(), f"{a[wrong]} against {b[wrong]}, allowed {np.broadcast_to(atol, a.shape)[wrong]}"
