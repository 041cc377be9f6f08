"""Large answers are written as JSON in parts, and can be killed meanwhile."""

import numpy as np
import pytest

import symjobs as sj
from tests.symjobs.engine._jobs import WAIT

NAMES = [f"x{i}" for i in range(6)]


@pytest.fixture(scope="module")
def project():
    project = sj.Project("p").learn((np.random.default_rng(0).standard_normal((500, 6)), NAMES))
    project.build("m", "oospca")
    return project


def rows(n):
    values = np.random.default_rng(1).standard_normal((n, 6))
    values[::97, 2] = np.nan
    return values, NAMES


@pytest.mark.parametrize("n", [1, 2000, 16_384, 40_000])
@pytest.mark.parametrize("scores", [False, True])
def test_flags_in_parts_are_the_same_json(project, n, scores):
    job = sj.DSPredictDataFrameJob(project, "m", rows(n), include_scores=scores)
    result, calls = job.run(sj.JobContext()), []
    assert result.encode(lambda: calls.append(1)) == sj.to_json(result.entities())
    assert len(calls) == -(-n // 16_384)


@pytest.mark.parametrize("p", [1, 3, 450])
def test_vectors_in_parts_are_the_same_json(p):
    values = np.random.default_rng(2).standard_normal((600, p))
    names = [f"'\"é{i}" for i in range(p)]
    result, calls = sj.PCAJob(sj.Project("p").learn((values, names))).run(sj.JobContext()), []
    assert result.encode(lambda: calls.append(1)) == sj.to_json(result.entities())
    assert len(calls) == -(-p // 200)


def test_a_kill_comes_while_the_answer_is_written(project):
    class Encodes(sj.Job):
        def run(self, context):
            return Result(context)

    class Result:
        def __init__(self, context):
            self.context = context

        def entities(self):
            raise AssertionError("encode goes first")

        def encode(self, checkpoint):
            self.context.details["encodes"] = "true"
            while True:
                checkpoint()

    with sj.JobManager(grace=WAIT) as manager:
        handle = manager.submit(Encodes())
        while "encodes" not in handle.info().details:
            pass
        assert handle.kill()
        with pytest.raises(sj.JobKilled):
            handle.result(WAIT)
