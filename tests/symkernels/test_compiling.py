"""When loops are compiled: not before NumPy would be done, in the background for more work, at once if asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from symkernels import (
    DriftSpot,
    Moments,
    Spot,
    StreamingKMeans,
    _numba,
    _on_disk,
    compile_loops,
    compile_mode,
    fit_gpd,
    kmeans,
    pot_threshold,
    projected_squares,
    silhouette_score,
    vif,
)
from symkernels._jit import before_each_loop
from symkernels._moments import _backends

ROOT = Path(__file__).parents[2]


def _run(script: str, mode: str | None, cache: Path | None = None) -> str:
    """Run a script in a process of its own."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "kernels")])}
    env.pop("SYMKERNELS_COMPILE", None)
    if mode is not None:
        env["SYMKERNELS_COMPILE"] = mode
    if cache is not None:
        env["NUMBA_CACHE_DIR"] = str(cache)
    command = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


LITTLE_WORK = """
import sys
import numpy as np
from symkernels import Moments, Spot, kmeans, pca, silhouette_score, vif

X = np.random.default_rng(0).normal(size=(1000, 5))
m = Moments(5).learn(X).learn(X)
pca(m.correlation()), vif(m), m.skewness()
silhouette_score(X, kmeans(X, 3, n_init=1).labels)
Spot(1e-2, warmup=500).update(X[:, 0])
print("numba" in sys.modules)
"""

MUCH_WORK = """
import sys, time
import numpy as np
from symkernels import Moments, _numba

X = np.random.default_rng(0).normal(size=(200_000, 40))
right = Moments(40).learn(X).covariance()
end = time.monotonic() + 200
while "moments" not in _numba._ready and time.monotonic() < end:
    found = Moments(40).learn(X).covariance()
    time.sleep(0.05)
print("moments" in _numba._ready)
found = Moments(40).learn(X).covariance()
np.testing.assert_allclose(found, right, rtol=1e-12, atol=1e-12)
"""

AT_THE_END = """
import numpy as np
from symkernels import Moments, _numba

Moments(40).learn(np.ones((10, 40)))
_numba._ask_for("pareto")
_numba._ask_for("moments")
"""

IN_A_CHILD = """
import os, time
import numpy as np
from symkernels import Moments, _numba

_numba._ask_for("exact")
X = np.random.default_rng(0).normal(size=(50, 3))
pid = os.fork()
if pid == 0:
    for _ in range(3):
        Moments(3).learn(X)
    nothing = _numba._asked == [] and _numba._thread is None
    _numba._ask_for("exact")  # the child can, too
    asked = _numba._thread is not None
    _numba._pause()
    os._exit(0 if nothing and asked and _numba._asked == ["exact"] else 1)
began = time.monotonic()
print(os.waitpid(pid, 0)[1], time.monotonic() - began < 20, _numba._thread is not None)
"""


@pytest.mark.parametrize("mode", [None, "auto", "never"])
def test_little_work_does_not_even_load_numba(mode: str | None) -> None:
    assert _run(LITTLE_WORK, mode) == "False\n"


def test_now_compiles_at_the_first_call() -> None:
    assert _run(LITTLE_WORK, "now") == "True\n"


def test_more_work_is_taken_over_by_compiled_loops() -> None:
    assert _run(MUCH_WORK, None) == "True\n"


def test_never_is_never() -> None:
    script = MUCH_WORK.replace("while", "while False and").replace("in _numba._ready)\nfound", "in sys.modules)\nfound")
    assert _run(script.replace('print("moments"', 'print("numba"'), "never") == "False\n"


def test_python_may_end_while_loops_are_compiled(tmp_path: Path) -> None:
    assert _run(AT_THE_END, None, tmp_path) == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot fork here")
def test_a_fork_waits_for_one_loop_and_both_sides_can_go_on(tmp_path: Path) -> None:
    script = "import warnings; warnings.simplefilter('ignore', DeprecationWarning)\n" + IN_A_CHILD
    assert _run(script, None, tmp_path) == "0 True True\n"


def test_a_change_of_the_body_within_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first block by the generic body, the rest by compiled loops."""
    asked: list[int] = []

    def at_the_second_block(kernel: str, seconds: float | None = None) -> bool:
        asked.append(1)
        return len(asked) > 12

    monkeypatch.setattr(_backends, "_LITTLE_WORK", 0.0)
    monkeypatch.setattr(_backends, "_BLOCK_BYTES", 2**12)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 5))
    X[rng.random(X.shape) < 0.05] = np.nan
    right = Moments(5).learn(X)
    done: list[tuple[int, int]] = []
    monkeypatch.setattr(_backends, "uses_loops", at_the_second_block)
    found = Moments(5).learn(X, checkpoint=lambda now, n: done.append((now, n)))
    assert len(asked) > 12
    np.testing.assert_allclose(found.covariance(), right.covariance(), rtol=1e-12)
    np.testing.assert_allclose(found.skewness(), right.skewness(), rtol=1e-11)
    assert found.n_rows == 2000
    assert done == sorted(done)
    assert done[-1] == (2000, 2000)


def test_after_compile_loops_no_call_compiles() -> None:
    """In a process that loads machine code from the disk, the same calls would only add files of it."""
    steps: list[tuple[int, int]] = []
    compiled: list[int] = []
    assert compile_loops(lambda done, n: steps.append((done, n)))
    before_each_loop(lambda: compiled.append(1))
    rng = np.random.default_rng(0)
    for dtype in (np.float64, np.float32):
        X = rng.normal(size=(4000, 8)).astype(dtype)
        gaps = np.where(rng.random(X.shape) < 0.05, np.nan, X).astype(dtype)
        for exact in (False, True):
            m = Moments(8, exact=exact).learn(X).learn(gaps).learn(X[:1])
            m.forget(X).merge(m)
            vif(m), m.skewness(), m.correlation()
        wide = rng.normal(size=(1500, 400)).astype(dtype)
        Moments(400).learn(wide).learn(wide)
        weight = rng.integers(1, 4, len(X)).astype(float)
        for sample_weight in (None, weight):
            labels = kmeans(X, 12, n_init=2, sample_weight=sample_weight).labels
            for metric in ("euclidean", "sqeuclidean"):
                silhouette_score(X, labels, metric=metric, sample_weight=sample_weight)
            StreamingKMeans(30).learn(X, sample_weight=sample_weight)
        projected_squares(X, np.zeros(8), np.eye(8), 3)
    x = rng.exponential(size=5000)
    fit_gpd(x), fit_gpd(x.reshape(50, 100)), pot_threshold(x, alpha=1e-3)
    for spot in (Spot(), Spot(two_sides=True, window=2000), DriftSpot(depth=50)):
        spot.update(x)
    assert compiled == []
    assert steps[0] == (0, len(_numba.KERNELS))
    assert steps[-1] == (len(_numba.KERNELS), len(_numba.KERNELS))
    assert set(_numba.KERNELS) <= _numba._ready


@pytest.mark.parametrize("value", ["always", "1", "NOW"])
def test_another_mode_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SYMKERNELS_COMPILE", value)
    compile_mode.cache_clear()
    try:
        with pytest.raises(ValueError, match=rf"SYMKERNELS_COMPILE is '{value}'; allowed are never, auto, now"):
            compile_mode()
    finally:
        monkeypatch.undo()
        compile_mode.cache_clear()


def test_a_loop_that_cannot_be_compiled_leaves_the_generic_body(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("no space")

    monkeypatch.setattr(_numba, "_ready", set())
    monkeypatch.setattr(_numba, "_spent", {})
    monkeypatch.setattr(_numba, "_asked", ["scores"])
    monkeypatch.setitem(_numba._warm_ups, "scores", fail)
    monkeypatch.setattr(_numba, "compile_mode", lambda: "auto")
    with pytest.warns(UserWarning, match="the loops of scores cannot be compiled"):
        _numba._compile_in_background()
    assert not _numba.uses_loops("scores", 5.0)
    assert _numba._asked == []


DECISIONS = """
import json
import numpy as np
from symkernels import DriftSpot, Spot, kmeans

flags, thresholds, labels = [], [], []
for seed in range(6):
    rng = np.random.default_rng(seed)
    scores = [rng.normal, rng.exponential, rng.gumbel][seed % 3](size=3000)
    if seed >= 3:
        scores = np.round(scores, 1)  # ties
    spot = DriftSpot(1e-2, warmup=600, depth=20) if seed % 2 else Spot(1e-2, warmup=600)
    found = spot.update(scores)
    flags.append(np.flatnonzero(found.flags).tolist())
    thresholds.append(found.threshold[-1])
    labels.append(kmeans(rng.normal(size=(2000, 4)), 6, n_init=2, seed=seed).labels.tolist())
print(json.dumps([flags, labels, thresholds]))
"""


def test_flags_and_seeds_do_not_depend_on_the_body() -> None:
    """The last digits of a threshold do: logarithms are added in two orders."""
    (flags, labels, some), (same, again, others) = (json.loads(_run(DECISIONS, mode)) for mode in ("never", "now"))
    assert flags == same
    assert sum(map(len, flags)) > 30
    assert labels == again
    np.testing.assert_allclose(some, others, rtol=1e-9)


ON_THE_DISK = """
import sys
from symkernels import DelimitedParser, _numba, _on_disk

parser = DelimitedParser(["number"])
print(_on_disk.is_noted("delimited"), "numba" in sys.modules)
parser.expect(10_000_000)  # a small file: nothing is asked for
print(parser.parse(b"1.5\\n") is None, "numba" in sys.modules)
parser.expect(100_000_000)
cells = parser.parse(b"1.5\\n")
print(cells is None or cells.numbers[0].tolist())
"""


def test_loops_that_are_on_the_disk_are_used_at_once(tmp_path):
    assert _run(ON_THE_DISK, "auto", tmp_path).split("\n")[:2] == ["False False", "True False"]
    _run('from symkernels._numba import compile_now; compile_now("delimited")', None, tmp_path)
    assert _run(ON_THE_DISK, "auto", tmp_path).split("\n")[:3] == ["True False", "True False", "[1.5]"]
    assert _run(ON_THE_DISK, "never", tmp_path).split("\n")[2] == "True"


def test_a_note_is_for_these_sources_and_this_numba(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert not _on_disk.is_noted("moments")
    _on_disk.note("moments")
    assert _on_disk.is_noted("moments")
    assert not _on_disk.is_noted("exact")
    monkeypatch.setattr(_on_disk, "_key", lambda: "another")
    assert not _on_disk.is_noted("moments")
    _on_disk.note("moments")
    assert [path.name for path in tmp_path.iterdir()] == ["symkernels-moments-another"]
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "none"))
    _on_disk.note("moments")  # where nothing can be written, nothing is noted
    assert not _on_disk.is_noted("moments")


def test_two_threads_do_not_wait_for_each_other_to_load(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(_numba, "compile_mode", lambda: "auto")
    monkeypatch.setattr(_numba, "_ready", set())
    monkeypatch.setattr(_numba, "_spent", {})
    _on_disk.note("delimited")
    with _numba._loading:  # as if another thread imported Numba
        assert not _numba.uses_loops("delimited", 1.0)
    assert _numba.uses_loops("delimited", 0.0) == _numba.numba_works()
