"""Silhouettes of a sample of rows: each as with all rows, their mean without bias, its standard error honest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkernels import kmeans_sweep, silhouette_samples
from symkernels._silhouette import _backends, mean_silhouettes
from symkernels._silhouette._labels import labeling
from tests.symkernels._backends import get, put

EPS32 = float(np.finfo(np.float32).eps)


def _three(n: int, d: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows of three clusters of different sizes that touch each other, and their labels."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, n, p=[0.6, 0.3, 0.1])
    return rng.normal(size=(n, d)) + 1.5 * labels[:, None], labels.astype(np.int32)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("size", [1, 7, 64, 200])
@pytest.mark.parametrize("loops", [True, False])
def test_each_score_is_that_of_all_rows(
    xp: Any, dtype: type, weighted: bool, size: int, loops: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not loops:
        monkeypatch.setattr(_backends, "uses_loops", lambda *_: False)
    X, labels = _three(600)
    rng = np.random.default_rng(1)
    other = rng.integers(0, 4, 600).astype(np.int32)
    X, weight = put(xp, X, np.dtype(dtype).name), put(xp, rng.integers(1, 4, 600).astype(float)) if weighted else None
    rows = np.sort(rng.choice(600, size))  # some come twice, as rows with weights may
    both = [labeling(put(xp, each, "int32"), weight) for each in (labels, other)]
    found = _backends.scores_of(X, both, "euclidean", weight, lambda done, total: None, rows)
    for i, each in enumerate((labels, other)):
        right = get(silhouette_samples(X, put(xp, each, "int32"), sample_weight=weight))[rows]
        # Both sum 600 distances of the precision of X, in another order.
        np.testing.assert_allclose(get(found[i, :]), right, rtol=0, atol=1e-13 if dtype is np.float64 else 600 * EPS32)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_mean_has_no_bias_and_its_interval_holds(weighted: bool) -> None:
    """1000 samples: the intervals of 95% hold the mean of all rows, and so does the mean of their means."""
    n, size, times = 900, 120, 1000
    X, labels = _three(n, seed=3)
    weight = np.random.default_rng(4).integers(1, 6, n).astype(float) if weighted else None
    scores = silhouette_samples(X, labels, sample_weight=weight)
    right = float(np.average(scores, weights=weight))
    found = np.array(
        [mean_silhouettes(X, [labels], "euclidean", weight, sample=size, seed=(k,))[0] for k in range(times)]
    )
    means, errors = found.T
    # Four standard errors of the mean of 1000 means, and of a share of 1000; the t law of 120 rows is within 0.5%.
    assert abs(means.mean() - right) <= 4 * means.std() / times**0.5
    covered = (np.abs(means - right) <= 1.96 * errors).mean()
    assert abs(covered - 0.95) <= 4 * (0.95 * 0.05 / times) ** 0.5 + 0.005
    assert errors.mean() == pytest.approx(means.std(), rel=0.1)


def test_only_more_than_twice_as_many_rows_are_sampled() -> None:
    X, labels = _three(200)
    exact = float(silhouette_samples(X, labels).mean())
    for metric, sample in (("euclidean", None), ("euclidean", 100), ("sqeuclidean", 50)):
        ((value, error),) = mean_silhouettes(X, [labels], metric, sample=sample)
        assert error == 0.0
        assert metric == "sqeuclidean" or value == pytest.approx(exact, rel=1e-13)
    ((value, error),) = mean_silhouettes(X, [labels], "euclidean", sample=99)
    assert 0 < error < 0.1
    assert value != exact


def test_a_sweep_says_the_standard_error() -> None:
    X, _ = _three(3000)
    exact = kmeans_sweep(X, [1, 2, 3])
    assert exact.silhouette_error[1:].tolist() == [0.0, 0.0]
    assert np.isnan(exact.silhouette_error[0])
    sampled = kmeans_sweep(X, [1, 2, 3], silhouette_sample=500)
    np.testing.assert_array_equal(sampled.wssse, exact.wssse)
    assert (sampled.silhouette_error[1:] > 0).all()
    assert (np.abs(sampled.silhouette - exact.silhouette)[1:] <= 5 * sampled.silhouette_error[1:]).all()
    again = kmeans_sweep(X, [1, 2, 3], silhouette_sample=500)
    np.testing.assert_array_equal(sampled.silhouette, again.silhouette)


@pytest.mark.parametrize("sample", [1, 0, -5])
def test_too_small_a_sample(sample: int) -> None:
    with pytest.raises(ValueError, match="silhouette_sample must be"):
        kmeans_sweep([[0.0], [1.0], [5.0]], [2], silhouette_sample=sample)
