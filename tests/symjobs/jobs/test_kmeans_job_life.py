"""OptimizedKmeansJob in a manager: the statuses that a client sees, progress, and a kill at every stage."""

from __future__ import annotations

import time

import numpy as np
import pytest

import symjobs as sj

NAMES = [f"c{j}" for j in range(8)]
WAIT = 60.0


@pytest.fixture(scope="module")
def rows():
    """Rows without clusters, so that Lloyd's algorithm takes its time; one of them is incomplete."""
    X = np.random.default_rng(1).normal(size=(30_000, 8))
    X[17, 3] = np.nan
    return X


class Watched(sj.JobContext):
    """Counts the checkpoints, and stops at one of them."""

    def __init__(self, stop_at: int | None = None) -> None:
        super().__init__()
        self.seen: list[tuple[int, int]] = []
        self.stop_at = stop_at

    def checkpoint(self) -> None:
        self.seen.append(self.read_progress())
        if len(self.seen) == self.stop_at:
            self.stop("enough")
        super().checkpoint()


def job(rows, **options):
    return sj.OptimizedKmeansJob(
        (rows, NAMES), 2, 4, **{"n_init": 2, "max_iterations": 20, "metric": "sqeuclidean", "seed": 0, **options}
    )


def test_progress_rises_over_all_k_to_its_end(rows):
    context = Watched()
    job(rows).run(context)
    currents, maximums = zip(*context.seen, strict=True)
    assert list(currents) == sorted(currents)
    begun = [maximum for current, maximum in context.seen if current]
    assert len(set(begun)) == 1
    assert begun[0] >= 3 * 2 * 20  # every iteration of every start of every k is a step
    assert context.read_progress()[0] == context.read_progress()[1]
    assert len(set(currents)) > 20
    assert set(maximums) == {1, begun[0]}


@pytest.mark.parametrize("options", [{}, {"scale": "standard"}, {"metric": "euclidean"}])
def test_it_stops_at_whichever_checkpoint_it_is_told_to(rows, options):
    rows = rows[:6000]
    whole = Watched()
    expected = job(rows, **options).run(whole)
    before = rows.copy()
    again = job(rows, **options)
    stops = sorted({1, 2, 3, len(whole.seen) // 2, len(whole.seen) // 4, len(whole.seen) - 8})
    for stop_at in stops:
        context = Watched(stop_at)
        with pytest.raises(sj.StopJob, match="enough"):
            again.run(context)
        assert len(context.seen) == stop_at
    np.testing.assert_array_equal(rows, before)
    np.testing.assert_array_equal(again.run(sj.JobContext()).wssse, expected.wssse)


def test_a_client_sees_it_run_and_finish(rows):
    with sj.JobManager(workers=1, store=None) as manager:
        created = sj.rest.create_job(manager, "c1", lambda: job(rows))
        assert (created.status, created.body["statusString"]) == (202, "Job Created")
        number = created.headers["sym-job-id"]
        answer, last = sj.rest.get_job(manager, "c1", number), -1
        while answer.status == 202:
            info = answer.body["values"]["jobinfo"]
            assert info["jobType"] == "OptimizedKmeansJob"
            assert last <= info["current"] <= info["maximum"]
            last = info["current"]
            time.sleep(0.005)
            answer = sj.rest.get_job(manager, "c1", number)
        assert (answer.status, answer.body["statusString"]) == (200, "Job is finished")
        (entries,) = answer.body["values"]["KSVSMap"]["values"]
        assert [name for name in entries if name[7].isdigit()] == [
            f"kmeans_{k}_{what}" for k in (2, 3, 4) for what in ("wssse", "silhouette")
        ]
        assert all(isinstance(text, str) for text in entries.values())
        info = manager.info("c1", number)
        assert info.current == info.maximum
        assert (info.details["rows"], info.details["rowsMissing"]) == ("29999", "1")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (
            {"kmeans_k_min": "0", "kmeans_k_max": "3"},
            "k_min (kmeans_k_min) must be a whole number of at least 1, got '0'",
        ),
        ({"kmeans_k_min": "2"}, "k_max (kmeans_k_max) is required; give it a whole number of at least 1"),
    ],
)
def test_a_bad_request_is_a_400_and_makes_no_job(query, words):
    project = sj.Project("p", params={"cluster_features": "sepal_length"}).learn(sj.datasets.load_iris())
    with sj.JobManager(workers=1, store=None) as manager:
        make = lambda: sj.OptimizedKmeansJob.from_context(project, sj.MLContext(), query)  # noqa: E731
        answer = sj.rest.create_job(manager, "c1", make)
        assert (answer.status, answer.body["statusString"]) == (400, words)
        assert manager.list("c1") == []


def test_what_only_the_data_can_tell_fails_the_job(rows):
    X = rows.copy()
    X[12_345, 6] = -np.inf
    with sj.JobManager(workers=1, store=None) as manager:
        handle = manager.submit(job(X), owner="c1")
        with pytest.raises(sj.JobFailed):
            handle.result(WAIT)
        answer = sj.rest.get_job(manager, "c1", handle.id)
        assert answer.status == 500
        assert answer.body["statusString"].startswith("column 'c6', row 12345: -inf is infinite")


@pytest.mark.parametrize("metric", ["sqeuclidean", "euclidean"])
@pytest.mark.parametrize("after", [0, 1, 500, 2000])
def test_a_kill_stops_it_at_every_stage(rows, metric, after):
    """A grace that a loaded machine keeps, too; benchmarks say how fast it is on a quiet one."""
    endless = job(rows, metric=metric, n_init=1000, max_iterations=10**6)
    with sj.JobManager(workers=1, store=None, grace=WAIT) as manager:
        handle = manager.submit(endless, owner="c1")
        while handle.info().current < after:
            time.sleep(0.002)
        answer = sj.rest.kill_job(manager, "c1", handle.id)
        assert (answer.status, answer.body["statusString"]) == (200, "Job was killed")
        assert sj.rest.get_job(manager, "c1", handle.id).status == 400
        follower = manager.submit(job(rows[:500]), owner="c1")  # the worker is free again
        assert follower.result(WAIT).n_rows == 499


def test_a_kill_stops_the_silhouettes(rows):
    """Exact ones of so many rows take longer than the test may."""
    many = np.tile(rows[:20_000], (10, 1)) + np.random.default_rng(2).normal(size=(200_000, 8))
    slow = job(many, metric="euclidean", n_init=1, max_iterations=1)
    last_step = 3 + 2  # one iteration of each k's start, and of each start from the k before
    with sj.JobManager(workers=1, store=None, grace=WAIT) as manager:
        handle = manager.submit(slow, owner="c1")
        while handle.info().current < last_step:
            time.sleep(0.002)
        assert not handle.done()
        assert handle.kill()
