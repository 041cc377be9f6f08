"""What a stream is given: bad rows, small ones, other libraries, interruptions, files."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import Any

import numpy as np
import pytest

from symkernels import BackendError, DataError, ShapeError, StreamingKMeans
from symkernels._streaming import _backends, _streaming
from symkernels._streaming._compiled import CompiledBlock
from symkernels._streaming._features import Frame
from symkernels._streaming._generic import GenericBlock
from tests.symkernels._backends import assert_kind, get, put
from tests.symkernels._streams import assert_totals, blobs, learnt

X = blobs(1500, 3)


def assert_unchanged(stream: StreamingKMeans, before: dict[str, np.ndarray]) -> None:
    now = stream.arrays()
    assert now.keys() == before.keys()
    for name, array in now.items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"n_centroids": 0}, ValueError, "n_centroids must be 1 or more"),
        ({"n_centroids": 2.5}, TypeError, "n_centroids must be a whole number"),
        ({"warmup": 100}, ValueError, r"warmup must be more than n_centroids \(100\), got 100"),
        ({"max_iter": 0}, ValueError, "max_iter must be 1 or more"),
        ({"seed": -1}, ValueError, "seed must be 0 or more"),
        ({"scale": "both"}, ValueError, "scale must be one of none, standard, got 'both'"),
        ({"nonfinite": "keep"}, ValueError, "nonfinite must be one of error, drop, got 'keep'"),
    ],
)
def test_bad_settings(options: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        StreamingKMeans(**options)


@pytest.mark.parametrize(
    ("rows", "weight", "error", "words"),
    [
        (X[:, :2], None, ShapeError, "X must have 3 columns, as the rows before it"),
        (X[0], None, ShapeError, "2 dimension"),
        ([["a", "b", "c"]], None, ShapeError, "real numbers"),
        (np.where(np.arange(len(X))[:, None] == 7, np.nan, X), None, DataError, "row 7, column 0"),
        (X, -np.ones(len(X)), DataError, "weights must be finite and 0 or more"),
        (X, np.ones(3), ShapeError, "sample_weight"),
        (np.where(np.arange(len(X))[:, None] == 1400, 1e200, X), None, DataError, "overflow"),
    ],
)
@pytest.mark.parametrize("before", [20, 300])
def test_bad_rows_change_nothing(before: int, rows: Any, weight: Any, error: type[Exception], words: str) -> None:
    stream = StreamingKMeans(10, warmup=100).learn(X[:before])
    state = stream.arrays()
    with pytest.raises(error, match=words):
        stream.learn(rows, weight)
    assert_unchanged(stream, state)


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("scale", ["none", "standard"])
def test_rows_whose_squared_distances_underflow_change_nothing(before: int, scale: Any) -> None:
    """The row that ends the warm-up is refused, as are both rows in one batch."""
    rows = np.array([[0.0], [8.7e-288]])
    stream = StreamingKMeans(1, warmup=2, scale=scale).learn(rows[:before])
    state = stream.arrays()
    with pytest.raises(DataError, match="rows that differ by so little that their squared distances underflow"):
        stream.learn(rows[before:])
    assert_unchanged(stream, state)
    assert (stream.n_rows, stream.ready) == (before, False)


def test_merged_rows_whose_squared_distances_underflow_change_nothing() -> None:
    one, two = (StreamingKMeans(1, warmup=2).learn([[value]]) for value in (0.0, 8.7e-288))
    before = one.arrays()
    with pytest.raises(DataError, match="rows that differ by so little that their squared distances underflow"):
        one.merge(two)
    assert_unchanged(one, before)


def test_rows_that_are_not_finite_are_dropped_and_counted() -> None:
    rows = X.copy()
    rows[5, 1], rows[70, 0], rows[1200, 2] = np.nan, np.inf, -np.inf
    good = np.isfinite(rows).all(axis=1)
    weight = np.random.default_rng(0).random(len(X))
    stream = learnt(rows, 200, weight=weight, n_centroids=10, warmup=50, nonfinite="drop")
    assert (stream.n_rows, stream.n_dropped) == (len(X) - 3, 3)
    assert_totals(stream, rows[good], weight[good])
    stream.learn(np.full((4, 3), np.nan))
    assert (stream.n_rows, stream.n_dropped) == (len(X) - 3, 7)


def test_nothing_learnt_nothing_to_tell() -> None:
    stream = StreamingKMeans()
    assert (stream.n_rows, stream.n_features, stream.ready, len(stream.coreset())) == (0, 0, False, 0)
    for ask in (lambda: stream.kmeans(1), lambda: stream.sweep([1, 2]), lambda: stream.coreset().std()):
        with pytest.raises(DataError, match="no rows have been learnt"):
            ask()
    stream.learn(np.empty((0, 2)))
    assert (stream.n_features, stream.n_rows) == (2, 0)
    with pytest.raises(DataError, match="no rows have been learnt"):
        stream.kmeans(1)


def test_one_row() -> None:
    stream = StreamingKMeans().learn([[1.0, 2.0]])
    result = stream.kmeans(1)
    assert (result.wssse, result.centers.tolist(), result.counts.tolist()) == (0.0, [[1.0, 2.0]], [1.0])
    with pytest.raises(DataError, match="k = 2"):
        stream.kmeans(2)
    assert stream.sweep([1])[0].reason == "k = 1: one cluster has no silhouette"


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"k": 0}, ValueError, "k must be 1 or more"),
        ({"k": 2, "spread": 0}, ValueError, "spread must be 1 or more"),
        ({"k": 2, "scale": [1.0, 2.0]}, ShapeError, "a divisor for each of 3 columns"),
        ({"k": 2, "scale": [1.0, 0.0, 1.0]}, DataError, "finite and above 0"),
        ({"k": 2, "init": [[0.0, 0.0, 0.0]]}, ShapeError, "init"),
        ({"k": 99}, DataError, "k = 99"),
    ],
)
def test_bad_questions(arguments: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        learnt(X, n_centroids=20, warmup=21).kmeans(**arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"ks": []}, ValueError, "ks is empty"),
        ({"ks": 3}, TypeError, "ks must be an iterable"),
        ({"ks": [2], "metric": "cosine"}, ValueError, "metric must be"),
        ({"ks": [2], "n_init": 0}, ValueError, "n_init must be 1 or more"),
    ],
)
def test_bad_sweeps(arguments: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        learnt(X, n_centroids=20, warmup=21).sweep(**arguments)


@pytest.mark.parametrize(("columns", "words"), [([3], "no column 3"), ([-1], "no column -1"), ([], "one at least")])
def test_bad_columns(columns: list[int], words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        learnt(X).coreset().select(columns)


# --- merging ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("a", [0, 30, 90, 700])
@pytest.mark.parametrize("b", [0, 30, 90, 700])
def test_states_of_any_age_merge(a: int, b: int) -> None:
    one, two = StreamingKMeans(40, warmup=100).learn(X[:a]), StreamingKMeans(40, warmup=100).learn(X[a : a + b])
    before = two.arrays()
    one.merge(two)
    assert_unchanged(two, before)
    assert one.n_rows == a + b
    assert one.ready == (a == 700 or b == 700 or a + b >= 100)
    assert len(one.coreset()) == (a + b if not one.ready else 40)
    if a + b:
        assert_totals(one, X[: a + b])
    one.learn(X)
    assert_totals(one, np.concatenate([X[: a + b], X]))


def test_merging_with_itself_counts_twice() -> None:
    for n in (40, 900):
        stream = StreamingKMeans(20, warmup=60).learn(X[:n])
        stream.merge(stream)
        assert stream.n_rows == 2 * n
        assert_totals(stream, np.concatenate([X[:n], X[:n]]))


def test_merging_keeps_the_settings_of_the_first() -> None:
    few, many = learnt(X, n_centroids=5, warmup=50, scale="standard"), learnt(X, n_centroids=60, warmup=61)
    few.merge(many)
    assert len(few.coreset()) == 5
    assert few.scale == "standard"
    assert_totals(few, np.concatenate([X, X]))
    young = StreamingKMeans(5, warmup=50, scale="standard").learn(X[:3]).merge(many)
    assert young.ready
    np.testing.assert_allclose(young._state.frame.factor, 1 / np.r_[X, X[:3]].std(axis=0), rtol=1e-9)


def test_what_cannot_be_merged() -> None:
    stream = learnt(X)
    before = stream.arrays()
    with pytest.raises(ShapeError, match="rows of 2 columns into rows of 3"):
        stream.merge(learnt(X[:, :2]))
    with pytest.raises(ShapeError, match="expected a StreamingKMeans, got list"):
        stream.merge([])  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        stream + 1
    assert_unchanged(stream, before)


# --- interruptions and threads ----------------------------------------------------------------------------------------


class Stop(Exception):
    pass


@pytest.mark.parametrize("before", [0, 50, 500])
def test_a_checkpoint_that_raises_leaves_the_state(before: int) -> None:
    stream = StreamingKMeans(20, warmup=100).learn(X[:before])
    state = stream.arrays()
    reports: list[tuple[int, int]] = []
    stream.copy().learn(X, checkpoint=lambda *at: reports.append(at))
    assert reports[-1] == (len(X), len(X))
    assert reports == sorted(reports)
    for stop in range(len(reports)):
        calls = iter(range(stop + 1))

        def checkpoint(done: int, n: int, calls: Any = calls, stop: int = stop) -> None:
            if next(calls) == stop:
                raise Stop

        with pytest.raises(Stop):
            stream.learn(X, checkpoint=checkpoint)
        assert_unchanged(stream, state)


@pytest.mark.parametrize("place", ["assign", "saved", "take", "sums"])
def test_whatever_fails_inside_leaves_the_state(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    stream = learnt(X, n_centroids=20, warmup=40)
    before = stream.arrays()

    def fail(*args: object) -> None:
        raise MemoryError

    for block in (CompiledBlock, GenericBlock):
        monkeypatch.setattr(block, place, fail)
    with pytest.raises(MemoryError):
        stream.learn(X + 1e4)
    assert_unchanged(stream, before)


def test_a_checkpoint_that_learns_is_told_so() -> None:
    stream = learnt(X, n_centroids=20, warmup=40)
    with pytest.raises(RuntimeError, match="the checkpoint called learn"):
        stream.learn(X, checkpoint=lambda done, n: done == n and stream.learn(X[:5]) and None)
    assert stream.n_rows == len(X) + 5


def test_questions_report_and_can_be_stopped() -> None:
    stream = learnt(X, n_centroids=20, warmup=40)
    for ask in (lambda c: stream.kmeans(3, n_init=2, checkpoint=c), lambda c: stream.sweep([2, 4, 30], checkpoint=c)):
        reports: list[tuple[int, int]] = []
        ask(lambda *at, reports=reports: reports.append(at))
        assert reports == sorted(reports)
        assert reports[-1][0] == reports[-1][1]
        assert len({maximum for _, maximum in reports}) == 1

        def stop(*_: int) -> None:
            raise Stop

        with pytest.raises(Stop):
            ask(stop)


def test_threads_lose_no_rows_and_readers_see_whole_batches() -> None:
    stream = StreamingKMeans(10, warmup=20)
    wrong: list[float] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            weight = float(stream.coreset().weight.sum())
            if weight % 100:
                wrong.append(weight)

    def write() -> None:
        for start in range(0, 1000, 100):
            stream.learn(X[start : start + 100])

    readers, writers = [threading.Thread(target=read)], [threading.Thread(target=write) for _ in range(3)]
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    readers[0].join()
    assert not wrong
    assert_totals(stream, np.concatenate([X[:1000]] * 3))


def test_opposite_merges_do_not_lock_each_other_out() -> None:
    a, b = learnt(X, n_centroids=20, warmup=40), learnt(X, n_centroids=20, warmup=40)
    threads = [threading.Thread(target=lambda p=p, q=q: [p.merge(q) for _ in range(20)]) for p, q in ((a, b), (b, a))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


# --- the same again ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 60, 1000])
def test_what_was_saved_goes_on_bit_for_bit(n: int) -> None:
    stream = StreamingKMeans(20, warmup=100, max_iter=50, seed=3, scale="standard", nonfinite="drop").learn(X[:n])
    loaded = StreamingKMeans.from_arrays(stream.arrays())
    for other in (loaded, stream.copy(), copy.deepcopy(stream), pickle.loads(pickle.dumps(stream))):
        assert (other.n_centroids, other.warmup, other.max_iter, other.seed) == (20, 100, 50, 3)
        assert (other.scale, other.nonfinite) == ("standard", "drop")
        assert_unchanged(other, stream.arrays())
    later = X[1000:] + 3
    assert_unchanged(loaded.learn(later), stream.copy().learn(later).arrays())
    if n:
        np.testing.assert_array_equal(loaded.kmeans(5).centers, stream.copy().learn(later).kmeans(5).centers)


def test_a_copy_is_independent() -> None:
    stream = learnt(X)
    before = stream.arrays()
    stream.copy().learn(X)
    stream.coreset().centers[:] = 0
    for array in stream.arrays().values():
        array[...] = 0
    assert_unchanged(stream, before)


@pytest.mark.parametrize("ready", [False, True])
def test_damaged_arrays_are_refused(ready: bool) -> None:
    good = StreamingKMeans(20, warmup=30).learn(X[: 500 if ready else 10]).arrays()
    for name, array in good.items():
        with pytest.raises(DataError, match=f"{name!r} is absent|damaged"):
            StreamingKMeans.from_arrays({other: x for other, x in good.items() if other != name})
        with pytest.raises(DataError, match=r"damaged|no saved|version"):
            StreamingKMeans.from_arrays(good | {name: array.astype(str)})
    for name, value in [
        ("version", [9]), ("weight", -good["weight"]), ("scatter", good["scatter"] - 1e9),
        ("factor", good["factor"] * 0), ("mean", good["mean"] * np.nan), ("scale", [2]),
        ("nonfinite", [-1]), ("ready", [not ready]), ("warmup", [3]),
        ("n_rows", [-1]), ("seed", [-1]), ("n_centroids", [0]),
    ]:  # fmt: skip
        if name == "ready" and not ready:
            continue  # ten rows are as good as ten micro-clusters
        with pytest.raises(DataError, match=r"damaged|version"):
            StreamingKMeans.from_arrays(good | {name: np.array(value)})


def test_the_callers_arrays_are_left_alone() -> None:
    rows, weight = X.copy(), np.ones(len(X))
    rows.flags.writeable = weight.flags.writeable = False
    StreamingKMeans(10, warmup=20).learn(rows, weight).learn(rows[::2]).learn(rows.T.copy().T)
    np.testing.assert_array_equal(rows, X)


# --- backends ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_library(xp: Any, dtype: str) -> None:
    rows = X.astype(dtype)
    stream = StreamingKMeans(20, warmup=30, nonfinite="drop")
    plain = StreamingKMeans(20, warmup=30, nonfinite="drop")
    weight = np.random.default_rng(0).random(len(X)) + 0.5
    for part in (slice(0, 20), slice(20, 700), slice(700, 1500)):
        stream.learn(put(xp, rows[part], dtype), put(xp, weight[part]))
        plain.learn(rows[part], weight[part])
    core = stream.coreset()
    for array in (core.centers, core.weight, core.scatter, core.mean(), core.std(), core.select([1]).centers):
        assert_kind(array, put(xp, [0.0]))
    assert_totals(stream, rows.astype(np.float64), weight)
    assert stream.backend == core.backend
    result = stream.kmeans(4, n_init=3)
    assert_kind(result.centers, put(xp, [0.0]))
    assert result.wssse == pytest.approx(plain.kmeans(4, n_init=3).wssse, rel=0.02)
    sweep = stream.sweep([2, 4, 25], scale=core.std())
    assert_kind(sweep[1].centers, put(xp, [0.0]))
    assert np.isfinite(sweep.silhouette[:2]).all()
    merged = stream.copy().merge(plain)
    assert_kind(merged.coreset().centers, put(xp, [0.0]))
    loaded = StreamingKMeans.from_arrays(stream.arrays())
    assert loaded.backend == "numpy"
    np.testing.assert_array_equal(loaded.coreset().centers, get(core.centers))
    assert loaded.to(put(xp, [0.0])).learn(put(xp, rows, dtype)).n_rows == 2 * len(X)


def test_libraries_are_not_mixed() -> None:
    import array_api_strict

    stream = learnt(X)
    before = stream.arrays()
    with pytest.raises(BackendError, match=r"of numpy on cpu, X is of array_api_strict.*to\(X\)"):
        stream.learn(array_api_strict.asarray(X))
    assert_unchanged(stream, before)


@pytest.mark.parametrize("n", [1, 31, 32, 33, 1000])
@pytest.mark.parametrize("d", [1, 3, 16])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_compiled_and_generic_blocks_agree(n: int, d: int, dtype: type) -> None:
    rng = np.random.default_rng(n + d)
    rows = (rng.normal(size=(n, d)) + 50).astype(dtype)
    weight = rng.random(n)
    frame = Frame(np.full(d, 50.0), rng.random(d) + 0.5)
    centers = rng.normal(size=(7, d))
    candidates = rng.normal(size=(4, d))
    blocks = [body(rows, weight, frame) for body in (CompiledBlock, GenericBlock)]
    found = []
    for block in blocks:
        block.assign(centers)
        away, counts = block.distance.copy(), block.counts(7)
        gains = block.saved(candidates)
        best = int(gains.argmax())
        block.take(best, 7)
        all_centers = np.concatenate([centers, candidates[[best]]])
        found.append((away, counts, gains, block.distance, *block.sums(all_centers), block.rows(np.array([n - 1]))))
    # Sums of up to 1,000 rows of size 50, added up in two orders: n eps of them is 1e-11.
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
    Z = (rows.astype(np.float64) - frame.shift) * frame.factor
    direct = ((Z[:, None] - centers) ** 2).sum(axis=2)
    np.testing.assert_allclose(found[0][0], direct.min(axis=1), rtol=1e-12)
    np.testing.assert_allclose(found[0][1], np.bincount(direct.argmin(axis=1), weight, 7), rtol=1e-12)
    with_one_more = np.minimum(direct.min(axis=1)[:, None], ((Z[:, None] - candidates) ** 2).sum(axis=2))
    np.testing.assert_allclose(
        found[0][2], weight @ (direct.min(axis=1)[:, None] - with_one_more), rtol=1e-9, atol=1e-12
    )


def test_ties_go_to_the_first() -> None:
    rows = np.zeros((40, 2))
    for body in (CompiledBlock, GenericBlock):
        block = body(rows, None, Frame.of_rows(2))
        block.assign(np.array([[3.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))
        assert block.counts(5).tolist() == [0, 40, 0, 0, 0]


def test_without_numba_the_generic_body_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_backends, "uses_loops", lambda *_: False)
    assert isinstance(_backends.block_of(X, None, Frame.of_rows(3)), GenericBlock)
    stream = learnt(X)
    assert_totals(stream, X)


def test_blocks_are_bounded_however_many_rows_come() -> None:
    stream = learnt(X)
    assert stream._length(stream._state, 3) == len(X)
    assert stream._length(stream._state, 2**22) == 1
    many = StreamingKMeans(2, warmup=3).learn(np.arange(30_000.0)[:, None])
    assert many._length(many._state, 1) == _streaming._LAST_BLOCK
