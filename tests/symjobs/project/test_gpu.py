"""Projects on a GPU answer as those on the CPU do (``make gpu``)."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest

from symjobs._project import Project
from symjobs._state._backend import Backend
from tests.symjobs.project._frames import TYPES, make

pytestmark = pytest.mark.gpu


@pytest.fixture
def cupy():
    cupy = pytest.importorskip("cupy")
    try:
        if not cupy.cuda.runtime.getDeviceCount():
            pytest.skip("no CUDA device")
    except cupy.cuda.runtime.CUDARuntimeError as error:
        pytest.skip(f"no CUDA device: {error}")
    return cupy


def both(**options):
    return Project("c", type="cpu", **options), Project("g", type="gpu", **options)


def alike(a, b):
    a, b = a.snapshot(), b.snapshot()
    assert a.names == b.names
    assert a.n_rows == b.n_rows
    assert (b.backend, b.type) == ("cupy", "gpu")
    np.testing.assert_allclose(b.moments.count.get(), a.moments.count)
    np.testing.assert_allclose(b.moments.mean().get(), a.moments.mean(), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(b.moments.covariance().get(), a.moments.covariance(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("params", [{}, {"rolling_window": 70}, {"missing": "listwise"}, {"row_filter": "x>4"}])
def test_learning(cupy, params):
    cpu, gpu = both(params=params, histogram=True)
    for seed in (1, 2):
        frame = make(seed, 60)
        cpu.learn(frame, types=TYPES)
        gpu.learn(frame, types=TYPES)
    alike(cpu, gpu)
    assert cpu.snapshot().quantile("x", 0.5) == gpu.snapshot().quantile("x", 0.5)


def test_forgetting_merging_and_widening(cupy):
    cpu, gpu = both()
    for project in (cpu, gpu):
        project.learn(make(1, 60), types=TYPES).forget(make(1, 60)[:20], types=TYPES)
        project.learn(pd.DataFrame({"flag": [0.5]}))
        other = Project("o", type=project.type).learn(make(3, 30)[["y", "color"]], types={"color": "T"})
        project.merge(other)
    alike(cpu, gpu)


@pytest.mark.parametrize("missing", ["pairwise", "listwise"])
def test_clusters(cupy, missing, tmp_path):
    params = {"missing": missing, "cluster_features": "y:color$red:x", "cluster_num_centroids": 8}
    cpu, gpu = both(params={**params, "cluster_warmup_period": 9})
    for seed in (1, 2):
        for project in (cpu, gpu):
            project.learn(make(seed, 60), types=TYPES).forget(make(seed, 60)[:5], types=TYPES)
    gpu.save(tmp_path / "g")
    for project in (gpu, Project.load(tmp_path / "g"), Project.load(tmp_path / "g", type="cpu")):
        a, b = cpu.snapshot().clusters, project.learn(make(3, 60), types=TYPES).snapshot().clusters
        assert b.streaming.backend == ("numpy" if project.type == "cpu" else "cupy")
        assert (b.n_forgotten, b.unseen) == (a.n_forgotten, a.unseen)
    cpu.learn(make(3, 60), types=TYPES)
    a, b = cpu.snapshot().clusters, gpu.snapshot().clusters
    assert (b.n_rows, b.n_missing) == (a.n_rows, a.n_missing)
    np.testing.assert_allclose(b.coreset().mean(), a.coreset().mean(), rtol=1e-10)
    np.testing.assert_allclose(b.coreset().std(), a.coreset().std(), rtol=1e-10)
    rows = 2 * a.n_rows
    empty = Project("e", type="cpu", params=cpu.params).merge(gpu)
    assert empty.merge(cpu).learn(make(3, 60), types=TYPES).snapshot().clusters.n_rows > rows
    gpu.build("m", "kmeans", parameters={"kmeans_k": 3})
    assert gpu.predict("m", make(4, 60)).n_rows == 60


@pytest.mark.parametrize("is_empty", [False, True])
@pytest.mark.parametrize(("here", "there"), [("cpu", "gpu"), ("gpu", "cpu")])
def test_merging_across_devices(cupy, here, there, is_empty):
    """As tests/symjobs/project/test_devices.py does with a stand-in for the GPU."""

    def merged(here, there):
        params = {"cluster_features": "y:x", "cluster_num_centroids": 8, "cluster_warmup_period": 9}
        first, second = (Project("p", type=kind, histogram=True, params=params) for kind in (here, there))
        if not is_empty:
            first.learn(make(1, 60), types=TYPES)
        second.learn(make(2, 40)[["y", "x", "color"]], types={"color": "T"})
        before = second.snapshot().backend
        first.merge(second)
        assert second.snapshot().backend == before
        return first.learn(make(3, 50), types=TYPES).forget(make(3, 50)[:20], types=TYPES).snapshot()

    a, b = merged("cpu", "cpu"), merged(here, there)
    assert (b.type, b.backend) == (here, "numpy" if here == "cpu" else "cupy")
    assert b.clusters.streaming.backend == b.backend
    assert (b.names, b.n_rows, b.clusters.n_rows) == (a.names, a.n_rows, a.clusters.n_rows)
    np.testing.assert_allclose(Backend.get(b.moments.mean()), a.moments.mean(), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(Backend.get(b.moments.covariance()), a.moments.covariance(), rtol=1e-9, atol=1e-9)
    assert b.quantile("x", 0.5) == a.quantile("x", 0.5)


def test_auto_takes_the_gpu_and_says_so(cupy):
    project = Project("a").learn(make(1, 60), types=TYPES)
    assert (project.type, project.info().type, project.snapshot().backend) == ("gpu", "gpu", "cupy")


def test_a_pickle_comes_back_on_the_host(cupy):
    gpu = Project("g", type="gpu").learn(make(1, 60), types=TYPES).snapshot().moments
    assert (copy.copy(gpu).backend, copy.deepcopy(gpu).backend) == ("cupy", "cupy")
    host = pickle.loads(pickle.dumps(gpu))
    assert host.backend == "numpy"
    np.testing.assert_array_equal(host.to(cupy.empty(0)).mean().get(), gpu.mean().get())


def test_arrays_on_the_device(cupy):
    X = np.random.default_rng(0).normal(size=(100, 3))
    cpu, gpu = both()
    cpu.learn((X, ["a", "b", "c"])).learn((X, ["a", "b", "c"])).learn((X[:, ::-1], ["c", "b", "a"]))
    for columns, names in (
        (slice(None), ["a", "b", "c"]),
        (slice(None), ["a", "b", "c"]),
        (slice(None, None, -1), ["c", "b", "a"]),
    ):
        gpu.learn((cupy.asarray(X)[:, columns], names))
    alike(cpu, gpu)
    cpu.learn((cupy.asarray(X), ["a", "b", "c"]))
    assert cpu.n_rows == 400


def test_a_file_is_loaded_to_either(cupy, tmp_path):
    gpu = Project("g", type="gpu").learn(make(1, 60), types=TYPES)
    gpu.save(tmp_path / "p")
    assert Project.load(tmp_path / "p").snapshot().backend == "cupy"
    loaded = Project.load(tmp_path / "p", type="cpu")
    assert loaded.snapshot().hash == gpu.snapshot().hash
    assert loaded.learn(make(2, 60), types=TYPES).n_rows == 120
    again = Project.load(tmp_path / "p", type="gpu")
    assert again.snapshot().backend == "cupy"
    alike(loaded, again.learn(make(2, 60), types=TYPES))
