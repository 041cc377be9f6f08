"""The compiled silhouettes equal the generic ones, whatever the sizes, and can be stopped."""

from __future__ import annotations

import numpy as np
import pytest

from symkernels import _parallel, silhouette_samples, silhouette_score
from symkernels._silhouette import _backends, _closed_form, _compiled, _generic, _labels
from symkernels._silhouette._labels import labeling
from tests.symkernels._matrices import EPS

SIZES = [
    (3, 1, (2,)),
    (150, 3, (2, 7)),
    (700, 5, (7,)),
    (700, 2, (690,)),
    (701, 9, (7, 2, 650, 3)),
    (300, 64, (4,)),
    (300, 130, (4,)),
    (300, 130, (3, 11)),
]


def quiet(done: int, total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture(params=["as it chooses", "each pair twice", "in small steps"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "each pair twice":
        monkeypatch.setattr(_compiled, "_BOTH_WAYS", 0)
    if request.param == "in small steps":  # many rounds, two threads, rows in several parts
        monkeypatch.setattr(_compiled, "_ROUND", 0.0)
        monkeypatch.setattr(_compiled, "_STEP", 1.0)
        monkeypatch.setattr(_compiled, "_CACHED", 1)
        monkeypatch.setattr(_compiled, "_PART", 64)
        monkeypatch.setattr(_compiled, "_BLOCK", 1)
        monkeypatch.setattr(_compiled, "_WORK_PER_THREAD", 1.0)
        monkeypatch.setattr(_parallel, "thread_count", lambda: 2)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "d", "ks"), SIZES)
def test_equal_to_the_generic_body(n: int, d: int, ks: tuple[int, ...], weighted: bool, dtype: str) -> None:
    rng = np.random.default_rng(0)
    X = (rng.standard_normal((n, d)) * 3 + 10).astype(dtype)
    X[n // 2] = X[0]
    weight = rng.integers(0, 4, n).astype(float) if weighted else None
    if weight is not None:
        weight[:3] = 2
    labels = [rng.integers(0, k, n).astype(np.int32) for k in ks]
    for each in labels:
        each[:3] = 0, 0, 1
    given = [labeling(each, weight) for each in labels]
    for fast, slow, tol in [
        (_compiled.euclidean, _generic.euclidean, 1e-6 if dtype == "float32" else 1e-12),
        (_compiled.squared_euclidean, _closed_form.squared_euclidean, 1e-12),
    ]:
        steps: list[tuple[int, int]] = []
        # Means of up to 700 distances in two orders: n eps is 2e-13. Distances of float32 rows are taken in float32.
        found = fast(X, given, weight, lambda done, total, steps=steps: steps.append((done, total)))
        np.testing.assert_allclose(found, slow(X, given, weight, quiet, 2**18), rtol=0, atol=tol)
        assert steps[-1][0] == steps[-1][1]
        assert all(0 <= done <= total for done, total in steps)


def test_rows_however_they_lie_in_memory() -> None:
    rng = np.random.default_rng(1)
    X, labels = rng.standard_normal((90, 6)), rng.integers(0, 3, 90)
    expected = silhouette_samples(X, labels)
    read_only = X.copy()
    read_only.flags.writeable = False
    for same in (np.asfortranarray(X), np.repeat(X, 2, axis=1)[:, ::2], read_only, X[::-1].copy()[::-1]):
        for metric in ("euclidean", "sqeuclidean"):
            np.testing.assert_array_equal(
                silhouette_samples(same, labels, metric=metric), silhouette_samples(X, labels, metric=metric)
            )
    np.testing.assert_array_equal(silhouette_samples(X, labels), expected)


def test_without_numba_the_answers_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    X, labels = rng.standard_normal((200, 6)), rng.integers(0, 3, 200)
    fast = [silhouette_score(X, labels, metric=metric) for metric in ("euclidean", "sqeuclidean")]
    monkeypatch.setattr(_backends, "uses_loops", lambda *_: False)
    slow = [silhouette_score(X, labels, metric=metric) for metric in ("euclidean", "sqeuclidean")]
    np.testing.assert_allclose(fast, slow, rtol=0, atol=200 * EPS)  # means over 200 rows: n eps


@pytest.mark.parametrize("numba", [True, False])
@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean", "precomputed"])
def test_every_step_can_be_the_last(metric: str, numba: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_compiled, "_ROUND", 0.0)
    monkeypatch.setattr(_compiled, "_STEP", 1.0)
    monkeypatch.setattr(_compiled, "_BLOCK", 1)
    monkeypatch.setattr(_backends, "_ENTRIES", 2**11)
    monkeypatch.setattr(_labels, "_PART", 50)
    monkeypatch.setattr(_backends, "uses_loops", lambda *_: numba)
    rng = np.random.default_rng(3)
    X, labels = np.abs(rng.standard_normal((130, 130))), rng.integers(0, 3, 130)
    np.fill_diagonal(X, 0.0)
    steps: list[tuple[int, int]] = []
    whole = silhouette_score(X, labels, metric=metric, checkpoint=lambda *now: steps.append(now))
    assert steps[-1][0] == steps[-1][1]
    assert len(steps) > 10

    class StopError(Exception):
        pass

    for last in range(0, len(steps), max(1, len(steps) // 9)):
        left = [last]

        def stop(done: int, total: int, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise StopError

        with pytest.raises(StopError):
            silhouette_score(X, labels, metric=metric, checkpoint=stop)
    assert silhouette_score(X, labels, metric=metric) == whole
