"""The CUDA silhouettes equal the generic ones: host code and kernels, on a card or through the emulator."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from symkernels._silhouette import _cuda, _generic
from symkernels._silhouette._labels import labeling
from tests.symkernels._backends import get
from tests.symkernels._cuda_rows import PLACES, Put, place

pytestmark = pytest.mark.no_numba


@pytest.fixture(params=PLACES)
def put(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Put]:
    yield from place(request.param, monkeypatch, _cuda)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "d", "ks"), [(3, 1, (2,)), (150, 3, (2, 7)), (200, 12, (3,)), (140, 21, (90,))])
def test_equal_to_the_generic_body(
    put: Put, monkeypatch: pytest.MonkeyPatch, n: int, d: int, ks: tuple[int, ...], weighted: bool, dtype: str
) -> None:
    rng = np.random.default_rng(0)
    X = (rng.standard_normal((n, d)) * 1e3 + 1e4).astype(dtype)
    X[n // 2] = X[0]
    weight = rng.integers(0, 4, n).astype(float) if weighted else None
    if weight is not None:
        weight[:2] = 2
    labels = [rng.integers(0, k, n).astype(np.int32) for k in ks]
    for each in labels:
        each[:2] = 0, 1
    moved = None if weight is None else put(weight)
    done: list[tuple[int, int]] = []
    expected = _generic.euclidean(X, [labeling(each, weight) for each in labels], weight, lambda a, b: None, 2**16)
    given = [labeling(put(each), moved) for each in labels]
    found = _cuda.euclidean(put(X), given, moved, lambda a, b: done.append((a, b)))
    assert found.shape == (len(ks), n)
    # Means of up to 200 distances in two orders: n eps is 4e-14. Rows of float32, far from 0, lose digits of theirs.
    np.testing.assert_allclose(get(found), expected, rtol=0, atol=1e-5 if dtype == "float32" else 1e-12)
    assert done[-1][0] == done[-1][1]
    monkeypatch.setattr(_cuda, "_LARGEST_WORK", 1.0)  # a launch a tile: clusters go on from one to the next
    np.testing.assert_allclose(
        get(_cuda.euclidean(put(X), given, moved, lambda a, b: None)), get(found), rtol=0, atol=1e-13
    )


def test_tiles_keep_to_their_clusters() -> None:
    starts, stops, clusters = _cuda.tiles_of(np.array([65, 0, 64, 1]))
    assert starts.tolist() == [0, 64, 65, 129, 130]
    assert stops.tolist() == [64, 65, 129, 130, 130]
    assert clusters.tolist() == [0, 0, 2, 3, -1]
