"""A project in a forked child, as servers that fork have it, while threads of the parent use it."""

import os
import threading

import numpy as np
import pytest

import symjobs as sj
from tests.symkernels.test_forks import Held, in_child

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
X = np.random.default_rng(0).normal(size=(300, 2))
ROWS = (X, ["a", "b"])


@pytest.fixture
def project():
    project = sj.Project("p", params={"cluster_features": "a:b", "cluster_num_centroids": "5"}).learn(ROWS)
    project.build("m", "mahalanobis")
    project.create_evt_wrapper("m", "score", {"evt_alpha": "0.01", "evt_quantile": "0.9", "evt_warmup_size": "100"})
    return project


def works(project):
    """Whether everything that a child does with a project goes well."""
    other = sj.Project("q", params=project.params).learn(ROWS)
    before = project.n_rows
    project.predict("m", ROWS)
    project.learn(ROWS).merge(other)
    project.build("n", "oospca")
    return project.snapshot().n_rows == before + 600 and len(project.models) == 2


def test_a_child_uses_a_project_while_another_thread_writes(project):
    there, go = threading.Event(), threading.Event()

    def batches():
        yield ROWS
        there.set()
        go.wait(60)
        yield ROWS

    thread = threading.Thread(target=lambda: project.learn(batches()))
    thread.start()
    assert there.wait(20)
    assert in_child(lambda: project.n_rows in (300, 600) and works(project))
    go.set()
    thread.join()
    assert project.n_rows == 900
    assert works(project)


def test_a_fork_waits_for_a_change_in_place(project):
    held = Held(project._guard.swapping)
    with held:
        threading.Timer(0.1, held.go.set).start()
        assert in_child(lambda: works(project))
    assert works(project)


def test_a_child_uses_a_wrapper_that_judges_in_another_thread(project):
    (wrapper,) = project._catalogue.wrappers.values()
    with Held(wrapper._guard.writing):
        assert in_child(lambda: works(project))
    assert works(project)


def test_forks_while_threads_learn(project):
    """Whatever a fork meets, the child sees whole rows."""
    done = threading.Event()

    def learn():
        while not done.is_set():
            project.learn((X[:7], ["a", "b"]))

    threads = [threading.Thread(target=learn) for _ in range(2)]
    for thread in threads:
        thread.start()

    def whole():
        moments = project.snapshot().moments
        return (project.n_rows - 300) % 7 == 0 and (moments.count == project.n_rows).all() and works(project)

    try:
        assert all(in_child(whole) for _ in range(20))
    finally:
        done.set()
        for thread in threads:
            thread.join()
