"""Writers wait for each other; readers see whole states and do not wait for a writer."""

import threading
import time

import numpy as np
import pandas as pd
import pytest

from symjobs._errors import ProjectError
from symjobs._project import Project

NAMES = ["a", "b", "c"]


def run(*works):
    failures = []

    def guarded(work):
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures, failures


def test_no_write_is_lost():
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=(n, 3)) for n in (1, 2, 50, 3000) for _ in range(20)]
    project = Project("p")
    run(*(lambda mine=parts[i::4]: [project.learn((part, NAMES)) for part in mine] for i in range(4)))
    X = np.concatenate(parts)
    s = project.snapshot()
    assert s.n_rows == len(X)
    np.testing.assert_allclose(s.moments.covariance(), np.cov(X.T, ddof=0), atol=1e-10)


def test_new_columns_from_many_threads():
    project = Project("p")
    works = [
        lambda i=i: [project.learn(pd.DataFrame({"x": [1.0], f"c{i}": pd.Categorical([f"v{k}"])})) for k in range(10)]
        for i in range(4)
    ]
    run(*works)
    s = project.snapshot()
    assert s.n_rows == 40
    assert len(s.names) == 1 + 4 * 10


def test_readers_see_whole_states():
    # every batch has mean 0 and its rows come in pairs, so that any half-learnt state would show
    project = Project("p")
    stop = threading.Event()
    X = np.repeat([[1.0, 2.0, 3.0], [-1.0, -2.0, -3.0]], 500, axis=0)

    def write():
        for _ in range(100):
            project.learn((X, NAMES))
            project.learn((X[499:501], NAMES))
            project.forget((X, NAMES))
        stop.set()

    def read():
        while not stop.is_set():
            s = project.snapshot()
            if s.n_rows:
                np.testing.assert_allclose(s.moments.mean(), 0, atol=1e-12)
                np.testing.assert_allclose(s.moments.covariance(), np.outer([1, 2, 3], [1, 2, 3]))
                assert s.hash == s.hash

    run(write, read, read)
    assert project.n_rows == 200


def test_readers_do_not_wait_for_a_writer():
    project = Project("p").learn((np.zeros((1, 3)), NAMES))
    inside, go_on = threading.Event(), threading.Event()

    def batches():
        yield (np.ones((10, 3)), NAMES)
        inside.set()
        go_on.wait(30)
        yield (np.ones((10, 3)), NAMES)

    def read():
        inside.wait(30)
        start = time.monotonic()
        s = project.snapshot()
        waited = time.monotonic() - start
        go_on.set()
        assert s.n_rows == 1
        assert waited < 1

    run(lambda: project.learn(batches()), read)
    assert project.n_rows == 21


def test_projects_may_be_merged_into_each_other_at_once():
    a, b = (Project(n).learn((np.full((5, 3), float(i)), NAMES)) for i, n in enumerate("ab"))
    run(*(lambda: a.merge(b) for _ in range(3)), *(lambda: b.merge(a) for _ in range(3)))
    assert a.n_rows > 5
    assert b.n_rows > 5


def test_an_iterator_must_not_write_to_the_project_that_learns_it():
    project = Project("p")

    def batches():
        yield (np.ones((2, 3)), NAMES)
        project.learn((np.ones((2, 3)), NAMES))

    with pytest.raises(ProjectError, match="while the same thread is writing to it"):
        project.learn(batches())
    assert project.n_rows == 0
    assert project.learn((np.ones((2, 3)), NAMES)).n_rows == 2


def test_freezing_waits_for_a_write():
    project = Project("p")
    inside = threading.Event()

    def batches():
        yield (np.ones((10, 3)), NAMES)
        inside.set()
        time.sleep(0.05)
        yield (np.ones((10, 3)), NAMES)

    def freeze():
        inside.wait(30)
        project.freeze()
        assert project.n_rows == 20

    run(lambda: project.learn(batches()), freeze)
