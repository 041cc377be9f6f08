"""Projects on a GPU and their merging. Another array library stands in for the GPU: it takes no NumPy array either."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import array_api_strict as strict
import numpy as np
import pytest

from symjobs._cli._learn import learnt_line
from symjobs._project import Project, _project
from symjobs._state._backend import CPU, Backend
from symjobs._state._encode import slice_rows
from tests.symjobs.project._frames import TYPES, make

SOME = ["y", "color", "tags"]  # the other project lacks columns, has others first, and has a list column
CLUSTERED = {"cluster_features": "y:x", "cluster_num_centroids": 8, "cluster_warmup_period": 9}


@dataclass(frozen=True, slots=True)
class StandIn(Backend):
    """As `Backend`, with arrays of array-api-strict on a device that is not its default one."""

    def put(self, array: Any) -> Any:
        return array if not isinstance(array, np.ndarray) else strict.asarray(array, device=strict.Device("device1"))

    @staticmethod
    def get(array: Any) -> np.ndarray:
        return array if isinstance(array, np.ndarray) else np.asarray(array.to_device(strict.Device("CPU_DEVICE")))


STAND_IN = StandIn("array_api_strict")


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch):
    monkeypatch.setattr(_project, "choose", lambda kind: STAND_IN if kind == "gpu" else CPU)


def test_the_stand_in_is_another_device():
    gpu = Project("g", type="gpu").learn(make(1, 60)[["x", "y"]])
    assert (gpu.type, gpu.snapshot().backend) == ("gpu", "array_api_strict")
    assert "device1" in gpu.snapshot().moments.device


def test_a_project_on_a_gpu_says_so():
    for kind, where in (("cpu", ""), ("gpu", ", on the GPU")):
        project = Project("g", type=kind).learn(make(1, 60)[["x", "y"]])
        assert project.info().type == kind
        assert f"({kind})" in repr(project)
        assert learnt_line(project) == f"learnt 60 rows, 2 columns{where}"


@pytest.mark.parametrize("p", [1, 32, 1_000, 40_000])
def test_slices_on_a_gpu_are_large(p):
    """To learn a slice costs some hundred kernel launches, so that 256 MiB are learnt at a time."""
    assert 2**27 < 8 * p * slice_rows(p, on_gpu=True) <= 2**28
    assert 8 * p * slice_rows(p) <= 2**28


@pytest.mark.parametrize("missing", ["pairwise", "listwise"])
@pytest.mark.parametrize("other_is_empty", [False, True])
@pytest.mark.parametrize("is_empty", [False, True])
@pytest.mark.parametrize(("here", "there"), [("cpu", "gpu"), ("gpu", "cpu"), ("gpu", "gpu")])
def test_merging_across_devices(here, there, is_empty, other_is_empty, missing):
    def merged(here, there):
        first, second = (Project("p", type=kind, params={"missing": missing}) for kind in (here, there))
        if not is_empty:
            first.learn(make(1, 60), types=TYPES)
        if not other_is_empty:
            second.learn(make(2, 40)[SOME], types={"color": "T", "tags": "L"})
        before = second.snapshot().backend
        first.merge(second)
        assert second.snapshot().backend == before
        return first.learn(make(3, 50), types=TYPES).forget(make(3, 50)[:20], types=TYPES)

    expected, found = merged("cpu", "cpu"), merged(here, there)
    a, b = expected.snapshot(), found.snapshot()
    assert (b.type, b.backend) == (here, "numpy" if here == "cpu" else "array_api_strict")
    assert (b.names, b.n_rows) == (a.names, a.n_rows)
    get = found.snapshot()._state.backend.get
    # Two bodies sum up in two orders: 8 eps for each of 150 rows, of values below 30.
    for answer in ("mean", "covariance", "correlation"):
        np.testing.assert_allclose(get(getattr(b.moments, answer)()), getattr(a.moments, answer)(), rtol=0, atol=1e-10)
    np.testing.assert_array_equal(get(b.moments.pair_counts()), a.moments.pair_counts())
    np.testing.assert_array_equal(get(b.moments.min), a.moments.min)


@pytest.mark.parametrize("features", ["y:x", "x:y"])  # in the other's order, and in another
@pytest.mark.parametrize("is_empty", [False, True])
@pytest.mark.parametrize(("here", "there"), [("cpu", "gpu"), ("gpu", "cpu"), ("gpu", "gpu")])
def test_merging_what_else_a_project_keeps(here, there, is_empty, features, tmp_path):
    def saved(name, seed, params, rows):
        project = Project(name, type="cpu", histogram=True, params=params)
        if rows:
            project.learn(make(seed, rows, 0.1), types=TYPES)
        project.save(tmp_path / name)
        return tmp_path / name

    first = saved("first", 1, CLUSTERED | {"cluster_features": features}, 0 if is_empty else 60)
    second = saved("second", 2, CLUSTERED, 40)

    def merged(here, there):
        return Project.load(first, type=here).merge(Project.load(second, type=there))

    a, b = merged("cpu", "cpu").snapshot(), merged(here, there).snapshot()
    name = "numpy" if here == "cpu" else "array_api_strict"
    assert (b.backend, b.clusters.streaming.backend) == (name, name)
    assert (b.clusters.n_rows, b.clusters.n_missing) == (a.clusters.n_rows, a.clusters.n_missing)
    np.testing.assert_array_equal(b.clusters.coreset().centers, a.clusters.coreset().centers)  # merged on the host
    assert b.quantile("x", 0.5) == a.quantile("x", 0.5)


def test_merging_a_project_with_a_window():
    def merged(here, there):
        other = Project("o", type=there, params={"rolling_window": 30}).learn(make(2, 70), types=TYPES)
        return Project("p", type=here).learn(make(1, 60), types=TYPES).merge(other)

    a, b = merged("cpu", "cpu").snapshot(), merged("gpu", "cpu").snapshot()
    c = merged("cpu", "gpu").snapshot()
    assert (b.backend, c.backend) == ("array_api_strict", "numpy")
    for other, get in ((b, STAND_IN.get), (c, CPU.get)):
        np.testing.assert_allclose(get(other.moments.mean()), a.moments.mean(), rtol=0, atol=1e-10)
