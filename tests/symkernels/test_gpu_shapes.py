"""Shapes, orders and values that a card may treat otherwise than NumPy does (``make gpu``)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkernels import Moments, kmeans, silhouette_samples
from tests.symkernels._backends import Backend

pytestmark = pytest.mark.gpu

# One row, one column, a row more than a tile, more columns than a block of the kernel, and more than 2^16 of either.
SHAPES = [(1, 1), (1, 5), (9, 1), (9, 33), (500, 7), (257, 300), (70_001, 3), (12, 1_000)]


@pytest.fixture(scope="module")
def cupy() -> Any:
    if not Backend.CUPY.available:
        pytest.skip("no CUDA device")
    import cupy

    return cupy


def rows(n: int, p: int, dtype: str = "float64") -> np.ndarray:
    return np.random.default_rng(n + p).normal(2, 3, size=(n, p)).astype(dtype)


def assert_same_moments(found: Moments, expected: Moments) -> None:
    """Two bodies sum up in two orders: a part in 1e10 is far above their rounding, and far below any fault."""
    assert (found.backend, found.n_rows) == ("cupy", expected.n_rows)
    for answer in ("mean", "var", "covariance", "pair_counts"):
        theirs = getattr(expected, answer)()
        np.testing.assert_allclose(getattr(found, answer)().get(), theirs, rtol=1e-10, atol=1e-10)
    for answer in ("skewness", "kurtosis"):
        np.testing.assert_allclose(
            getattr(found, answer)().get(), getattr(expected, answer)(), rtol=1e-7, atol=1e-7, equal_nan=True
        )
    np.testing.assert_array_equal(found.min.get(), expected.min)
    np.testing.assert_array_equal(found.max.get(), expected.max)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_triangle_that_is_read(cupy: Any, shape: tuple[int, int], order: str) -> None:
    from symkernels._moments._cuda import _gram

    Z = rows(*shape)
    found = _gram(cupy.asarray(Z, order=order)).get()
    expected = Z.T @ Z
    np.testing.assert_allclose(np.triu(found), np.triu(expected), rtol=0, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_moments(cupy: Any, shape: tuple[int, int], dtype: str, missing: float) -> None:
    X = rows(*shape, dtype)
    X[np.random.default_rng(0).random(shape) < missing] = np.nan
    p = shape[1]
    assert_same_moments(Moments(p).learn(cupy.asarray(X)), Moments(p).learn(X))


@pytest.mark.parametrize("view", ["fortran", "every other row", "reversed", "some columns"])
def test_views(cupy: Any, view: str) -> None:
    whole = rows(701, 12)
    part = {
        "fortran": lambda X: X,
        "every other row": lambda X: X[::2],
        "reversed": lambda X: X[::-1, ::-1],
        "some columns": lambda X: X[:, 3:8],
    }[view]
    on_card = part(cupy.asarray(whole, order="F" if view == "fortran" else "C"))
    X = part(whole)
    assert_same_moments(Moments(X.shape[1]).learn(on_card), Moments(X.shape[1]).learn(X))
    start = X[:4]
    labels = kmeans(on_card, 4, init=cupy.asarray(start)).labels
    np.testing.assert_array_equal(labels.get(), kmeans(X, 4, init=start).labels)
    # Distances of float64 rows, summed up in float64: 1e-10 is far above their rounding.
    scores = silhouette_samples(on_card, labels)
    np.testing.assert_allclose(scores.get(), silhouette_samples(X, labels.get()), rtol=0, atol=1e-10)


def test_learning_in_batches_of_any_size(cupy: Any) -> None:
    X = rows(1_000, 9)
    found, expected = Moments(9), Moments(9)
    for start, stop in ((0, 1), (1, 1), (1, 3), (3, 40), (40, 1_000)):
        found.learn(cupy.asarray(X[start:stop]))
        expected.learn(X[start:stop])
    assert_same_moments(found, expected)
    assert_same_moments(found.forget(cupy.asarray(X[3:40])), expected.forget(X[3:40]))


@pytest.mark.parametrize("missing", [False, True])
def test_a_subnormal_float32_counts_as_zero(cupy: Any, missing: bool) -> None:
    """CuPy compiles with -ftz=true (docs/numerics.md, what is not promised); float64 rows keep theirs."""
    X = np.array([[1e-40, 1.0], [1.0, np.nan if missing else 1.0]], dtype=np.float32)
    assert Moments(2).learn(X).min[0] == X[0, 0]
    assert Moments(2).learn(cupy.asarray(X)).min[0] == 0.0
    assert Moments(2).learn(cupy.asarray(X.astype(np.float64))).min[0] == X[0, 0]
