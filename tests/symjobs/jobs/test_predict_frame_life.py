"""DSPredictDataFrameJob in a manager: requests and answers, the model as it was, progress, and a kill."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

import symjobs as sj

NAMES = ["a", "b"]
WAIT = 60.0


def drawn(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, 2))


@pytest.fixture
def project() -> sj.Project:
    project = sj.Project("p").learn((drawn(2000), NAMES))
    project.build("m", "mahalanobis")
    return project


class Stopped(sj.JobContext):
    """Stops at one of its checkpoints."""

    def __init__(self, stop_at: int = 0) -> None:
        super().__init__()
        self.seen: list[tuple[int, int]] = []
        self.stop_at = stop_at

    def checkpoint(self) -> None:
        self.seen.append(self.read_progress())
        if len(self.seen) == self.stop_at:
            self.stop("enough")
        super().checkpoint()


def test_a_client_gets_the_frame(project):
    data = sj.DataFrame(NAMES, data=[[str(v) for v in row] for row in drawn(1500, seed=1).tolist()])
    body = sj.MLContext(extraParameters={"modelid": "m", "evt_warmup_size": "300", "evt_alpha": "0.01"})
    query = {"include_scores": "true", "simple_rule": "q95", "evt_quantile": "0.9"}
    with sj.JobManager(workers=1, store=None) as manager:
        created = sj.rest.create_job(
            manager, "c1", lambda: sj.DSPredictDataFrameJob.from_context(project, body, query, data=data)
        )
        assert (created.status, created.body["statusString"]) == (202, "Job Created")
        number = created.headers["sym-job-id"]
        while (answer := sj.rest.get_job(manager, "c1", number)).status == 202:
            assert answer.body["values"]["jobinfo"]["jobType"] == "DSPredictDataFrameJob"
            time.sleep(0.005)
        assert (answer.status, answer.body["statusString"]) == (200, "Job is finished")
        info = manager.info("c1", number)
    (frame,) = answer.body["values"].values()
    assert frame["attributeNames"] == ["id", "res", "q95", "q98", "q99", "evt", "score"]
    assert len(frame["data"]) == 1500
    assert all(type(cell) is str for row in frame["data"] for cell in row)
    same = sj.DSPredictDataFrameJob(
        project,
        "m",
        data,
        0.01,
        {"evt_warmup_size": 300, "evt_quantile": 0.9},
        "q95",
        include_scores=True,
    ).run(sj.JobContext())
    assert frame == {k: getattr(same.entities()["dataframe"], k) for k in frame}
    details = info.details
    assert info.current == info.maximum
    assert (details["model"], details["algo"], details["evt_quantile"]) == ("m", "mahalanobis", "0.9")
    assert (details["rows"], details["rowsMissing"], details["rowsWarmup"]) == ("1500", "0", "300")
    assert (details["remaining"], details["flagged"]) == ("0", str(same.n_flagged))
    assert details["projectHash"] == project.snapshot().hash


@pytest.mark.parametrize(
    ("given", "status", "words"),
    [
        ({"modelid": "none"}, 500, "Error no such model <none>"),
        ({}, 400, "model (modelid) is required; give it a text that is not empty"),
        ({"modelid": "m", "evt_alpha": "1.5"}, 400, "alpha"),
        ({"modelid": "m", "include_scores": "maybe"}, 400, "include_scores must be true or false, got 'maybe'"),
        ({"modelid": "m", "simple_rule": "q9"}, 400, "simple_rule must be one of q95, q98, q99, got 'q9'"),
    ],
)
def test_a_bad_request_makes_no_job(project, given, status, words):
    with sj.JobManager(workers=1, store=None) as manager:
        make = lambda: sj.DSPredictDataFrameJob.from_context(  # noqa: E731
            project, sj.MLContext(extraParameters=given), data=(drawn(5), NAMES)
        )
        answer = sj.rest.create_job(manager, "c1", make)
        assert answer.status == status
        assert words in answer.body["statusString"]
        assert manager.list("c1") == []


def test_a_request_needs_data_and_names_no_inputs(project):
    context = sj.MLContext(extraParameters={"modelid": "m"})
    with pytest.raises(sj.InputError, match="has no data"):
        sj.DSPredictDataFrameJob.from_context(project, context)
    context.inputAttributeNames = ["a"]
    with pytest.raises(sj.InputError, match="a model has those it was built on"):
        sj.DSPredictDataFrameJob.from_context(project, context, data=(drawn(5), NAMES))


def test_the_model_is_the_one_of_the_start(project):
    X = drawn(4000, seed=2)
    before = project.predict("m", (X, NAMES)).scores
    started, changed = threading.Event(), threading.Event()

    def rows():
        yield (X[:2000], NAMES)
        started.set()
        assert changed.wait(WAIT)
        yield (X[2000:], NAMES)

    with sj.JobManager(workers=1, store=None) as manager:
        handle = manager.submit(sj.DSPredictDataFrameJob(project, "m", rows()))
        assert started.wait(WAIT)
        project.learn((1e3 * drawn(500, seed=3), NAMES))
        project.build("m", "mahalanobis")
        project.delete_model("m")
        changed.set()
        np.testing.assert_allclose(handle.result(WAIT).score, before, rtol=1e-12)


def test_a_model_that_goes_before_the_start_fails_the_job(project):
    job = sj.DSPredictDataFrameJob(project, "m", (drawn(10), NAMES))
    project.delete_model("m")
    with pytest.raises(sj.NoSuchModel):
        job.run(sj.JobContext())
    with sj.JobManager(workers=1, store=None) as manager, pytest.raises(sj.NoSuchModel):
        manager.submit(job)


def test_progress_rises_to_its_end_and_a_stop_is_heard_at_every_checkpoint(project):
    X = drawn(300_000, seed=4)
    whole = Stopped()
    expected = sj.DSPredictDataFrameJob(project, "m", (X, NAMES)).run(whole)
    currents, maximums = zip(*whole.seen, strict=True)
    assert list(currents) == sorted(currents)
    assert all(current <= maximum for current, maximum in whole.seen)
    assert set(maximums) <= {1, 600_000}
    assert whole.read_progress() == (600_000, 600_000)
    job = sj.DSPredictDataFrameJob(project, "m", (X, NAMES))
    for stop_at in (1, 2, len(whole.seen) // 2, len(whole.seen) - 1, len(whole.seen)):
        with pytest.raises(sj.StopJob, match="enough"):
            job.run(Stopped(stop_at))
    np.testing.assert_array_equal(job.run(sj.JobContext()).evt, expected.evt)  # a job may run twice


def test_a_kill_stops_a_stream_that_never_ends(project):
    def endless():
        while True:
            yield (drawn(1000), NAMES)

    with sj.JobManager(workers=1, store=None, grace=WAIT) as manager:
        handle = manager.submit(sj.DSPredictDataFrameJob(project, "m", endless()), owner="c1")
        while handle.info().current < 5000:
            time.sleep(0.002)
        answer = sj.rest.kill_job(manager, "c1", handle.id)
        assert (answer.status, answer.body["statusString"]) == (200, "Job was killed")
        assert sj.rest.get_job(manager, "c1", handle.id).status == 400
