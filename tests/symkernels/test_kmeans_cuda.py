"""CudaPoints does what GenericPoints does: its host code and kernels, on a card or through the emulator."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from symkernels._kmeans import _cuda, _lloyd, _seeding
from symkernels._kmeans._generic import GenericPoints
from symkernels._rows import as_rows, no_poll
from tests.symkernels._backends import get
from tests.symkernels._cuda_rows import PLACES, Put, place
from tests.symkernels._matrices import EPS

pytestmark = pytest.mark.no_numba


@pytest.fixture(params=PLACES)
def put(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Put]:
    yield from place(request.param, monkeypatch, _cuda)


def both(put: Put, X: np.ndarray, weight: np.ndarray | None = None) -> tuple[_cuda.CudaPoints, GenericPoints]:
    moved = None if weight is None else put(weight)
    ours = _cuda.CudaPoints(as_rows(put(X), sample_weight=moved), no_poll)
    return ours, GenericPoints(as_rows(X, sample_weight=weight), no_poll)


def rows(n: int, d: int, dtype: str, seed: int = 0) -> np.ndarray:
    """Rows of small whole numbers and eighths: float32 has all sums of the scores exactly, so that ties are ties."""
    rng = np.random.default_rng(seed)
    return (rng.integers(-8, 9, (n, d)) / 8 + 3).astype(dtype)


SHAPES = [(1, 1, 1), (700, 3, 5), (300, 7, 65), (150, 16, 3), (600, 23, 9), (200, 32, 70)]  # one kernel a row of a card
SHAPES += [(130, 33, 3), (300, 36, 40), (140, 40, 130), (129, 45, 129), (40, 130, 65)]  # tiles, narrow and wide


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("n", "d", "k"), SHAPES)
def test_assignment_and_sums(put: Put, n: int, d: int, k: int, dtype: str) -> None:
    X = rows(n, d, dtype)
    rng = np.random.default_rng(1)
    weight = rng.integers(0, 4, n).astype(float) + (n == 1) if k % 2 else None
    ours, generic = both(put, X, weight)
    # The kernels subtract a rounded shift: whole centers about it have exact scores in both.
    ours.shift = put(np.full(d, 3.0))
    ours.__dict__.update(_rounded_shift=put(np.full(d, 3.0, dtype)), _rest=put(np.zeros(d)))
    generic.shift = np.full(d, 3.0)
    centers = rng.integers(-2, 3, (k, d)) / 2.0
    for repeat in range(3):
        found, expected = ours.assign(put(centers), no_poll), generic.assign(centers, no_poll)
        np.testing.assert_array_equal(get(ours.labels), generic.labels)
        np.testing.assert_array_equal(get(found.sums), expected.sums)
        np.testing.assert_array_equal(get(found.counts), expected.counts)
        assert found.changed == expected.changed == (n if repeat == 0 else 0 if repeat == 1 else found.changed)
        np.testing.assert_allclose(
            get(ours.cost(put(centers), no_poll)), generic.cost(centers, no_poll), rtol=1e-13, atol=1e-13
        )
        count = min(k, 5)
        np.testing.assert_array_equal(
            ours.farthest(put(centers), count, no_poll), generic.farthest(centers, count, no_poll)
        )
        if repeat == 1:
            centers = centers + rng.integers(-1, 2, (k, d)) / 2.0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("d", [5, 8, 33, 36])
def test_the_lowest_of_equal_centers(put: Put, d: int, dtype: str) -> None:
    ours, _ = both(put, rows(200, d, dtype))
    for k in (3, 70, 200):
        ours.assign(put(np.zeros((k, d))), no_poll)
        assert not get(ours.labels).any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_scores_keep_their_digits_whatever_the_offset(put: Put, dtype: str, offset: float) -> None:
    rng = np.random.default_rng(2)
    X = rng.standard_normal((150, 40)).astype("float32").astype(dtype) + np.array(offset, dtype)
    ours, generic = both(put, X)
    centers = rng.standard_normal((70, 40))
    ours.assign(put(centers), no_poll)
    Z = X.astype(float) - generic.shift
    squares = ((Z[:, None] - centers) ** 2).sum(axis=2)
    chosen = squares[np.arange(150), get(ours.labels)]
    # Scores are rounded to some eps of a squared row, and a center that is nearer by less than that is passed over.
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(chosen, squares.min(axis=1), rtol=tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "d"), [(5, 1), (1100, 3), (2100, 17)])
def test_seeding(put: Put, n: int, d: int, weighted: bool, dtype: str) -> None:
    X = rows(n, d, dtype)
    weight = np.random.default_rng(3).integers(0, 3, n).astype(float) if weighted else None
    if weight is not None:
        weight[0] = 1
    ours, generic = both(put, X, weight)
    rel = 2 * (n + d) * EPS  # sums of n distances of d squares, all positive, in two orders
    assert ours.seed_begin(1, no_poll) == pytest.approx(generic.seed_begin(1, no_poll), rel=rel)
    rng = np.random.default_rng(4)
    for count in (1, 2, 3, 13) if n > 5 else (1,):  # of five rows nothing is left after that
        u = rng.random(count)
        u[0] = 1 - 2**-53
        drawn = ours.seed_sample(u)
        np.testing.assert_array_equal(drawn, generic.seed_sample(u))
        tried = ours.seed_try(drawn, no_poll)
        np.testing.assert_allclose(tried, generic.seed_try(drawn, no_poll), rtol=rel)
        taken = ours.seed_take(int(drawn[-1]), no_poll)
        assert taken == pytest.approx(generic.seed_take(int(drawn[-1]), no_poll), rel=rel)
        assert taken == pytest.approx(tried[-1], rel=rel)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_seeding_goes_on_from_centers(put: Put, weighted: bool, dtype: str) -> None:
    X = rows(700, 5, dtype)
    ours, generic = both(put, X, np.random.default_rng(3).integers(0, 3, 700).astype(float) if weighted else None)
    centers = np.random.default_rng(4).standard_normal((3, 5))
    for points, c in ((ours, put(centers)), (generic, centers)):
        points.begin()
        points.assign(c, no_poll)
    rel = 2 * (700 + 5) * EPS  # sums of 700 distances of 5 squares
    expected = pytest.approx(generic.seed_from(centers, no_poll), rel=rel)
    assert ours.seed_from(put(centers), no_poll) == expected
    drawn = ours.seed_sample(np.array([0.0, 0.3, 0.7, 1 - 2**-53]))
    np.testing.assert_array_equal(drawn, generic.seed_sample(np.array([0.0, 0.3, 0.7, 1 - 2**-53])))
    np.testing.assert_allclose(ours.seed_try(drawn, no_poll), generic.seed_try(drawn, no_poll), rtol=rel)
    assert ours.seed_take(int(drawn[1]), no_poll) == pytest.approx(generic.seed_take(int(drawn[1]), no_poll), rel=rel)


def test_nothing_is_left_when_every_value_is_chosen(put: Put) -> None:
    X = np.repeat(np.array([[0.1, 7.3], [0.2, -5.0], [1e8, 3.0]]), 500, axis=0)
    ours, _ = both(put, X)
    assert ours.seed_begin(0, no_poll) > 0
    assert ours.seed_take(600, no_poll) > 0
    assert ours.seed_take(1400, no_poll) == 0.0
    assert len(_seeding.plus_plus(ours, 10, np.random.default_rng(0), no_poll)) == 3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_whole_run(put: Put, dtype: str) -> None:
    rng = np.random.default_rng(5)
    X = (rng.standard_normal((6, 40))[rng.integers(6, size=400)] * 3 + rng.standard_normal((400, 40))).astype(dtype)
    ours, generic = both(put, X)

    def run(points: Any, move: Any) -> _lloyd.Run:
        chosen = _seeding.plus_plus(points, 6, np.random.default_rng(1), no_poll)
        return _lloyd.run(points, points.rows(chosen), max_iter=50, tol=0.0, poll=no_poll, step=lambda _: None)

    found, expected = run(ours, put), run(generic, np.asarray)
    np.testing.assert_array_equal(get(found.labels), expected.labels)
    assert found.n_iter == expected.n_iter
    assert found.wssse == pytest.approx(expected.wssse, rel=1e-12)  # 16,000 squares: errors of n d eps mostly cancel
    np.testing.assert_allclose(get(found.centers), expected.centers, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_in_several_launches(put: Put, monkeypatch: pytest.MonkeyPatch, dtype: str) -> None:
    """Parts of a launch and of a sort: what differs from one part is rounding only, and poll is called between."""
    X = rows(3000, 6, dtype)
    weight = np.arange(3000) % 3.0
    whole, _ = both(put, X, weight)
    parts, _ = both(put, X, weight)
    centers = put(np.random.default_rng(6).standard_normal((9, 6)))
    polls: list[int] = []
    one = whole.assign(centers, no_poll), whole.cost(centers, no_poll), whole.seed_begin(5, no_poll)
    monkeypatch.setattr(_cuda, "_FEWEST_ROWS", 1024)
    monkeypatch.setattr(_cuda, "_LARGEST_WORK", 1.0)
    monkeypatch.setattr(_cuda, "_MOST_ROWS", 2048)
    many = parts.assign(centers, lambda: polls.append(1)), parts.cost(centers, no_poll), parts.seed_begin(5, no_poll)
    assert len(polls) == 5
    np.testing.assert_array_equal(get(whole.labels), get(parts.labels))
    np.testing.assert_allclose(get(one[0].sums), get(many[0].sums), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(get(one[0].counts), get(many[0].counts))
    assert one[0].changed == many[0].changed == 3000
    np.testing.assert_allclose(get(one[1]), get(many[1]), rtol=1e-12)
    assert one[2] == many[2]


def test_rows_of_any_layout_are_taken(put: Put) -> None:
    X = rows(90, 40, "float32")
    centers = np.random.default_rng(7).standard_normal((5, 40))
    labels = []
    for given in (put(X), put(np.asfortranarray(X)), put(np.hstack([X, X]))[:, :40], put(np.repeat(X, 2, axis=0))[::2]):
        points = _cuda.CudaPoints(as_rows(given), no_poll)
        points.assign(put(centers), no_poll)
        labels.append(get(points.labels))
    for other in labels[1:]:
        np.testing.assert_array_equal(labels[0], other)


def test_launches_cover_all_rows_and_columns() -> None:
    """Sizes far beyond what the emulator runs: 64-bit counts, grids within CUDA's limits, parts that meet."""
    for n, k, d in [(1, 1, 1), (2**33, 2, 1), (2**31 + 5, 10_000, 32), (10**6, 10_000, 5_000), (2**23, 1024, 128)]:
        parts = list(_cuda.row_parts(n, float(k) * d))
        assert parts[0][0] == 0
        assert parts[-1][1] == n
        assert all(a[1] == b[0] and b[0] % 1024 == 0 for a, b in itertools.pairwise(parts))
        most = max(stop - start for start, stop in parts)
        assert most * k * d <= max(_cuda._LARGEST_WORK, _cuda._FEWEST_ROWS * k * d)
        for itemsize in (4, 8):
            _, _, (grid, block) = _cuda.assign_launch(most, k, d, itemsize, aligned=True)
            assert 1 <= grid[0] < 2**31
            assert grid[0] * block[0] * 4 >= most
        (pieces, columns), (lanes, beside) = _cuda.columns_launch(most // 1024 + k, d)
        assert pieces < 2**31
        assert columns < 2**16
        assert lanes * beside == 256
        assert lanes * columns >= d
