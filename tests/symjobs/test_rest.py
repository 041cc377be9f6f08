"""The wire contract's sections 1 and 2, word for word, on every kind of store."""

import json
import math
import re
import sqlite3
from contextlib import suppress
from pathlib import Path

import pytest
from moto import mock_aws

import symjobs as sj
from symjobs import rest
from symjobs._engine import State
from symjobs._entities import DataFrame, KSVDMap
from symjobs._jobs import JOB_TYPES
from tests.symjobs.engine._jobs import WAIT, Deaf, Fail, Nothing, Tell, held


@pytest.fixture
def manager(store_url):
    manager = sj.JobManager(workers=1, queue_size=1, store=store_url, grace=0.05)
    yield manager
    manager.shutdown(timeout=0)


def envelope(code, text, values):
    return {"statusCode": code, "statusString": text, "values": values}


NO_SUCH_JOB = (400, envelope("BAD_REQUEST", "No such job", {}))
INFO = [
    "current",
    "details",
    "isDone",
    "isOnBoundedExecutor",
    "isStarted",
    "jobId",
    "jobType",
    "maximum",
    "owner",
    "startingDate",
]


def test_the_status_of_each_state():
    assert {state: status.value for state, status in rest.JOB_STATUS.items()} == {
        State.QUEUED: 202,
        State.RUNNING: 202,
        State.DONE: 200,
        State.FAILED: 500,
        State.KILLED: 400,
    }


def answer(response):
    """Status and body, after checking that the body is what the bytes say, in strict JSON."""

    def refuse(constant):
        raise AssertionError(f"bare {constant}")

    assert json.loads(response.json, parse_constant=refuse) == response.body
    assert list(response.body) == ["statusCode", "statusString", "values"]
    return response.status, response.body


def submit(manager, job, cid="c1"):
    response = rest.create_job(manager, cid, job)
    assert answer(response) == (202, envelope("ACCEPTED", "Job Created", {}))
    jobid = response.headers["sym-job-id"]
    assert response.headers == {"Location": f"/symetry/rest/{cid}/jobs/{jobid}", "sym-job-id": jobid}
    return jobid


def ended(manager, jobid, cid="c1"):
    with suppress(sj.JobFailed):
        manager.get(cid, jobid).result(WAIT)
    return jobid


def test_a_finished_job(manager):
    jobid = ended(manager, submit(manager, Tell(a="1")))
    finished = (200, envelope("OK", "Job is finished", {"KSVSMap": {"values": [{"a": "1"}]}}))
    assert answer(rest.get_job(manager, "c1", jobid)) == finished
    assert answer(rest.get_job(manager, "c1", int(jobid))) == finished
    empty = ended(manager, submit(manager, Nothing()))
    assert answer(rest.get_job(manager, "c1", empty)) == (200, envelope("OK", "Job is finished", {}))


def test_a_running_and_a_queued_job(manager):
    with held(manager) as (_, running):
        queued = submit(manager, Nothing())
        for jobid, started in ((running.id, True), (queued, False)):
            status, body = answer(rest.get_job(manager, "c1", jobid))
            assert (status, body["statusCode"], body["statusString"]) == (202, "ACCEPTED", "Job still running")
            info = body["values"]["jobinfo"]
            assert sorted(info) == INFO
            assert (info["jobId"], info["owner"]) == (int(jobid), "c1")
            assert (info["isStarted"], info["isDone"], info["isOnBoundedExecutor"]) == (started, False, True)
            assert (info["startingDate"] > 0) is started


def test_a_malformed_or_unknown_id(manager):
    ended(manager, submit(manager, Tell(a="1")))
    for jobid in ["", "0", "01", "-1", " 1", "1.0", "1e0", "x", "../1", "9" * 400, 0, 1.0, True, None, 10**40]:
        assert answer(rest.get_job(manager, "c1", jobid)) == NO_SUCH_JOB
        assert answer(rest.kill_job(manager, "c1", jobid)) == NO_SUCH_JOB


def test_another_customer_s_job(manager):
    with held(manager, "c1") as (_, running):
        for cid in ("c2", "C1", "", "c1\x00", "\ud800", None):
            assert answer(rest.get_job(manager, cid, running.id)) == NO_SUCH_JOB
            assert answer(rest.kill_job(manager, cid, running.id)) == NO_SUCH_JOB
            assert answer(rest.list_jobs(manager, cid))[1]["values"] == {"jobinfoList": {"values": []}}
        assert rest.get_job(manager, "c1", running.id).status == 202


def test_a_failed_job(manager):
    jobid = ended(manager, submit(manager, Fail(sj.InputError("no attribute 'x';\n did you mean 'y'?"))))
    status, body = answer(rest.get_job(manager, "c1", jobid))
    assert (status, body["statusCode"]) == (500, "INTERNAL_SERVER_ERROR")
    assert body["statusString"] == "no attribute 'x'; did you mean 'y'?"
    info = body["values"]["jobinfo"]
    assert (info["isStarted"], info["isDone"]) == (True, True)
    status, body = answer(rest.kill_job(manager, "c1", jobid))
    assert (status, body["statusString"], body["values"]["jobinfo"]) == (202, "Job cannot be killed", info)


def test_the_list(manager):
    first = ended(manager, submit(manager, Tell(a="1")))
    with held(manager) as (_, running):
        killed = submit(manager, Nothing())
        rest.kill_job(manager, "c1", killed)
        queued = submit(manager, Nothing())
        submitted = [int(first), running.id, int(queued)]
        status, body = answer(rest.list_jobs(manager, "c1"))
    assert (status, body["statusCode"], body["statusString"]) == (200, "OK", "Job is finished")
    infos = body["values"]["jobinfoList"]["values"]
    assert list(body["values"]["jobinfoList"]) == ["values"]
    assert [info["jobId"] for info in infos] == submitted
    assert [(info["isStarted"], info["isDone"]) for info in infos] == [(True, True), (True, False), (False, False)]
    assert all(sorted(info) == INFO for info in infos)


def test_killing(manager):
    was_killed = (200, envelope("OK", "Job was killed", {}))
    with held(manager) as (_, running):
        queued = submit(manager, Nothing())
        assert answer(rest.kill_job(manager, "c1", queued)) == was_killed
        assert answer(rest.kill_job(manager, "c1", str(running.id))) == was_killed
        for jobid in (queued, running.id):
            assert answer(rest.get_job(manager, "c1", jobid)) == NO_SUCH_JOB
            assert answer(rest.kill_job(manager, "c1", jobid)) == NO_SUCH_JOB


def test_what_cannot_be_killed(manager):
    with held(manager, gate=Deaf()) as (_, deaf):
        status, body = answer(rest.kill_job(manager, "c1", deaf.id))
        assert (status, body["statusCode"], body["statusString"]) == (202, "ACCEPTED", "Job cannot be killed")
        assert body["values"]["jobinfo"]["isDone"] is False
    deaf._execution.finished.wait(WAIT)
    assert answer(rest.get_job(manager, "c1", deaf.id)) == NO_SUCH_JOB
    finished = ended(manager, submit(manager, Tell(a="1")))
    status, body = answer(rest.kill_job(manager, "c1", finished))
    assert (status, body["statusString"]) == (202, "Job cannot be killed")
    assert body["values"]["jobinfo"]["isDone"] is True
    assert rest.get_job(manager, "c1", finished).status == 200


def test_a_job_that_stops_just_after_the_grace_time_was_killed(manager, monkeypatch):
    with held(manager, gate=Deaf()) as (gate, deaf):
        info = manager.info

        def late(owner, job_id):
            gate.go.set()
            assert deaf._execution.finished.wait(WAIT)
            return info(owner, job_id)

        monkeypatch.setattr(manager, "info", late)
        assert answer(rest.kill_job(manager, "c1", deaf.id)) == (200, envelope("OK", "Job was killed", {}))


def test_a_full_queue(manager):
    with held(manager):
        submit(manager, Nothing())
        response = rest.create_job(manager, "c1", Nothing())
        refused = (500, envelope("INTERNAL_SERVER_ERROR", "Job execution was refused by server.", {}))
        assert answer(response) == refused
        assert response.headers == {"Retry-After": "1"}
    manager.shutdown()
    assert answer(rest.create_job(manager, "c1", Nothing())) == refused


class Picky(Nothing):
    def __init__(self, column):
        if column != "a":
            raise sj.UnknownAttribute(f"no attribute {column!r};\nthere are: 'a'")


def test_invalid_input(manager):
    line = (400, envelope("BAD_REQUEST", "no attribute 'b'; there are: 'a'", {}))
    assert answer(rest.create_job(manager, "c1", lambda: Picky("b"))) == line
    assert rest.create_job(manager, "c1", lambda: Picky("a")).status == 202
    status, body = answer(rest.create_job(manager, "", Nothing()))
    assert (status, body["statusCode"]) == (400, "BAD_REQUEST")
    assert "owner ''" in body["statusString"]


def test_the_location_is_one_path_segment(manager):
    response = rest.create_job(manager, "a b%ä?", Nothing())
    jobid = response.headers["sym-job-id"]
    assert response.headers["Location"] == f"/symetry/rest/a%20b%25%C3%A4%3F/jobs/{jobid}"


class Numbers(Nothing):
    def run(self, context):
        class Result:
            def entities(self):
                frame = DataFrame(["x"], ["C"], [[math.nan], [0.1], [math.inf]])
                return {
                    "KSVDMap": KSVDMap([{"a": math.nan, "b": -math.inf, "c": 0.1}]),
                    "dataframe": frame,
                    "n": math.nan,
                }

        return Result()


def test_numbers_that_are_not_finite(manager):
    jobid = ended(manager, submit(manager, Numbers()))
    _, body = answer(rest.get_job(manager, "c1", jobid))
    assert body["values"]["KSVDMap"] == {"values": [{"a": None, "b": None, "c": 0.1}]}
    assert body["values"]["dataframe"]["data"] == [["NaN"], ["0.1"], ["Infinity"]]
    assert body["values"]["n"] is None


@pytest.mark.parametrize("show_errors", [False, True])
def test_a_store_that_fails_is_an_answer_too(tmp_path, caplog, show_errors):
    manager = sj.JobManager(store=f"sqlite:///{tmp_path}/jobs.db", show_errors=show_errors)
    connection = sqlite3.connect(tmp_path / "jobs.db")
    connection.execute("DROP TABLE symjobs_jobs")
    connection.close()
    for response in (
        rest.get_job(manager, "c1", 1),
        rest.list_jobs(manager, "c1"),
        rest.create_job(manager, "c1", Nothing()),
    ):
        status, body = answer(response)
        assert (status, body["statusCode"], body["values"]) == (500, "INTERNAL_SERVER_ERROR", {})
        if show_errors:
            assert "no such table" in body["statusString"]
        else:
            assert re.fullmatch("Internal error [0-9]+", body["statusString"])
            assert body["statusString"] in caplog.text
            assert "no such table" in caplog.text
    manager.shutdown(timeout=0)


def test_a_fault_while_a_job_is_made_is_an_internal_error(manager, caplog):
    status, body = answer(rest.create_job(manager, "c1", lambda: 1 / 0))
    assert (status, body["statusCode"], body["values"]) == (500, "INTERNAL_SERVER_ERROR", {})
    assert re.fullmatch("Internal error [0-9]+", body["statusString"])
    assert "ZeroDivisionError" in caplog.text


# --- one way in for every job type ------------------------------------------------------------------------------------

TABLE = sj.DataFrame(["a", "b"], ["C", "C"], [["1", "2"], ["2", "3"], ["3", "5"], ["4", "4"], ["5", "1"], ["6", "9"]])
INPUTS = sj.MLContext(inputAttributeNames=["a", "b"])
KEYS = {"aws_access_key": "AKIAIOSFODNN7EXAMPLE", "aws_secret_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
REQUESTS = {
    "AwsInfoJob": (sj.MLContext(extraParameters={**KEYS, "aws_region": "eu-west-1"}), {}, None, {"awsInfo"}),
    "BuildJob": (INPUTS, {"modelid": "n", "algo": "mahalanobis"}, None, set()),
    "ForgetJob": (None, {}, TABLE, set()),
    "LearnJob": (None, {}, TABLE, set()),
    "DSUpdateJob": (
        sj.MLContext(extraParameters={"errorHandling": "missing"}),
        {},
        sj.DSInfo("localfile", "d", {"path": str(Path(__file__).parents[1] / "data" / "excel-sep.csv")}),
        {"smlInfo"},
    ),
    "DSPredictDataFrameJob": (sj.MLContext(), {"modelid": "m", "evt_warmup_size": "1000"}, TABLE, {"dataframe"}),
    "ExploreJob": (sj.ExploreContext([INPUTS]), {"metric": "ttest"}, None, {"KSVDMap", "smlInfo"}),
    "ExploreVIFJob": (INPUTS, {}, None, {"KSVSMap"}),
    "ListProjectsInfoJob": (None, {}, None, {"smlInfoList"}),
    "OptimizedKmeansJob": (sj.MLContext(), {"kmeans_k_min": "1", "kmeans_k_max": "2"}, TABLE, {"KSVSMap"}),
    "PCAJob": (INPUTS, {"pcaNumDimension": "1"}, None, {"pcaVectors", "pcaValues", "pcaSumValues"}),
    "ProjectInfoJob": (None, {}, None, {"smlInfo"}),
    "SVDFeatureSelectionJob": (INPUTS, {}, None, {"KSVSMap"}),
    "SVDJob": (INPUTS, {}, None, {"KSVSMap"}),
}


@pytest.fixture
def with_project(manager):
    project = sj.Project("p").learn(TABLE)
    project.build("m", "mahalanobis")
    manager.projects.add("c1", project)
    return manager


@pytest.mark.parametrize("job_type", sorted(set(JOB_TYPES) - {"SparkDSUpdateJob"}))  # tests/symjobs/spark has it
@mock_aws
def test_every_job_type_has_one_way_in(with_project, job_type):
    context, query, data, keys = REQUESTS.get(job_type, (INPUTS, {}, None, None))  # by default inputs are enough
    created = rest.submit_job(with_project, "c1", job_type, "p", context, query, data=data)
    assert (created.status, created.body["statusString"]) == (202, "Job Created")
    found = rest.get_job(with_project, "c1", ended(with_project, created.headers["sym-job-id"]))
    assert found.status == 200
    assert set(found.body["values"]) == keys if keys is not None else found.body["values"]
    assert with_project.list("c1")[-1].jobType == job_type


@pytest.mark.parametrize(
    ("job_type", "pid", "context", "message"),
    [
        ("PcaJob", "p", INPUTS, "unknown job type 'PcaJob'; did you mean 'PCAJob'?"),
        (None, "p", INPUTS, "unknown job type None"),
        ("PCAJob", "q", INPUTS, "Cannot Find SYMETRYML id[q] for Customer id [c1]"),
        ("PCAJob", None, INPUTS, "PCAJob needs a project, and the request names none"),
        ("PCAJob", "p", None, "the request is an MLContext or an ExploreContext, got NoneType"),
        ("ProjectInfoJob", None, None, "ProjectInfoJob needs a project"),
        ("DSPredictDataFrameJob", "p", sj.MLContext(), "the request has no data"),
    ],
)
def test_a_request_that_makes_no_job(with_project, job_type, pid, context, message):
    found = rest.submit_job(with_project, "c1", job_type, pid, context)
    assert found.status == 400
    assert found.body["statusString"].startswith(message)
    assert with_project.list("c1") == []


@pytest.mark.parametrize(
    ("job_type", "context"),
    [("PCAJob", INPUTS), ("ExploreVIFJob", INPUTS), ("ProjectInfoJob", None), ("ExploreJob", INPUTS)],
)
def test_rows_are_refused_by_a_job_that_has_no_use_for_them(with_project, job_type, context):
    found = rest.submit_job(with_project, "c1", job_type, "p", context, {"metric": "uni"}, data=TABLE)
    words = f"{job_type} is about a project, and the request has rows; learn them into the project first"
    assert (found.status, found.body["statusString"]) == (400, words)


@pytest.mark.parametrize(
    "make",
    [sj.PCAJob, sj.ExploreVIFJob, sj.SVDJob, sj.SVDFeatureSelectionJob, sj.ProjectInfoJob,
     lambda table: sj.ExploreJob(table, "uni", [["a"]])],
)  # fmt: skip
def test_a_table_is_no_project(make):
    with pytest.raises(sj.InputError, match="Job takes a Project, got DataFrame; learn a table first"):
        make(TABLE)


def test_a_project_is_its_owner_s(with_project):
    found = rest.submit_job(with_project, "c2", "ProjectInfoJob", "p")
    assert (found.status, found.body["statusString"]) == (400, "Cannot Find SYMETRYML id[p] for Customer id [c2]")


def test_a_model_that_is_not_there(with_project):
    found = rest.submit_job(
        with_project, "c1", "DSPredictDataFrameJob", "p", sj.MLContext(), {"modelid": "x"}, data=TABLE
    )
    assert (found.status, found.body["statusString"]) == (500, "Error no such model <x>")
