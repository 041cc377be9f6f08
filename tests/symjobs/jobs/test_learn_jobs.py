"""LearnJob, ForgetJob and BuildJob: they change a project, or leave it as it was."""

import threading

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import symjobs as sj
from tests.symjobs.engine._jobs import WAIT, Gate, held
from tests.symjobs.engine.conftest import managers  # noqa: F401  a fixture

TABLE = pd.DataFrame({"a": [1.0, 2.5, 4.0, 7.0], "b": [0.5, -1.0, 3.0, 2.0], "c": ["x", "y", "x", "y"]})
TYPES = {"c": "T"}


@pytest.fixture
def manager(managers):  # noqa: F811
    return managers(workers=1)


def run(manager, job):
    handle = manager.submit(job, owner="c1")
    assert handle.result(WAIT) is None
    return handle.info()


def csv(path):
    TABLE.to_csv(path, index=False)
    return path


def sources(tmp_path):
    file = csv(tmp_path / "data.csv")
    upload = csv(tmp_path / "7f3a")
    pq.write_table(pa.Table.from_pandas(TABLE), tmp_path / "data.parquet")
    return {
        "frame": (TABLE, TYPES),
        "iterator": (iter([TABLE[:1], TABLE[1:]]), TYPES),
        "entity": (sj.DataFrame(list(TABLE), ["C", "C", "T"], [[str(v) for v in row] for row in TABLE.values]), None),
        "csv": (sj.sources.csv(file, types=TYPES), None),
        "parquet": (sj.sources.parquet(tmp_path / "data.parquet", types=TYPES), None),
        "dsinfo": (sj.sources.open({"type": "localfile", "name": "d", "info": {"path": str(file)}}, types=TYPES), None),
        "upload": (sj.sources.upload(upload, "data.csv", types=TYPES), None),
    }


@pytest.mark.parametrize("kind", ["frame", "iterator", "entity", "csv", "parquet", "dsinfo", "upload"])
def test_learning_and_forgetting_any_kind_of_data(manager, tmp_path, kind):
    project = sj.Project("p")
    data, types = sources(tmp_path)[kind]
    info = run(manager, sj.LearnJob(project, data, types=types))
    direct = sj.Project("d").learn(TABLE, types=TYPES).snapshot()
    assert project.snapshot().names == direct.names
    assert project.snapshot().moments.covariance() == pytest.approx(direct.moments.covariance(), nan_ok=True)
    assert info.details["rows"] == "4"
    assert info.details["projectHash"] == project.snapshot().hash
    assert info.current == info.maximum == (getattr(data, "total_bytes", 4) if kind != "iterator" else 4)
    assert (tmp_path / "7f3a").exists() == (kind != "upload")
    data, types = sources(tmp_path)[kind]
    assert run(manager, sj.ForgetJob(project, data, types=types)).details["rows"] == "4"
    assert project.n_rows == 0


def test_a_column_may_have_a_dollar_in_its_name(manager):
    project = sj.Project("p")
    table = pd.DataFrame({"price$": [1.5, 2.5, 4.0], "in$out": [3.0, 1.0, 2.5]})
    run(manager, sj.LearnJob(project, table))
    run(manager, sj.ForgetJob(project, table[["in$out", "price$"]]))
    assert project.n_rows == 0


def test_a_row_filter(manager):
    project = sj.Project("p")
    run(manager, sj.LearnJob(project, TABLE, row_filter="a>=2"))
    assert project.n_rows == 3
    run(manager, sj.ForgetJob(project, TABLE, row_filter="a>=4"))
    assert project.n_rows == 1


def test_a_request_makes_them(manager):
    manager.projects.add("c1", project := sj.Project("p"))
    for job_type, rows in (("LearnJob", 4), ("LearnJob", 8), ("ForgetJob", 4)):
        created = sj.rest.submit_job(manager, "c1", job_type, "p", data=TABLE)
        handle = manager.get("c1", created.headers["sym-job-id"])
        handle.result(WAIT)
        assert sj.rest.get_job(manager, "c1", handle.id).body["values"] == {}
        assert project.n_rows == rows
    context = sj.MLContext(inputAttributeNames=["a", "b"])
    created = sj.rest.submit_job(manager, "c1", "BuildJob", "p", context, {"modelid": "m", "algo": "mahalanobis"})
    info = manager.get("c1", created.headers["sym-job-id"]).info()
    manager.get("c1", info.jobId).result(WAIT)
    model = project.model_info("m")
    assert (model.modelType, model.attributeNames) == ("mahalanobis", ["a", "b"])
    details = manager.info("c1", info.jobId).details
    assert (details["modelid"], details["algo"]) == ("m", "mahalanobis")
    assert details["projectHash"] == model.info["projectHash"] == project.snapshot().hash


def frozen():
    project = sj.Project("p").learn(TABLE)
    project.freeze()
    return project


def learnt(**params):
    return sj.Project("p", params=params).learn(TABLE)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: sj.LearnJob(TABLE, TABLE), sj.InputError, "LearnJob takes a Project, got DataFrame"),
        (lambda: sj.LearnJob(sj.Project("p"), TABLE[:0]), sj.InputError, "the data has no rows; there is nothing to l"),
        (lambda: sj.LearnJob(sj.Project("p"), 5), sj.InputError, "int"),
        (lambda: sj.LearnJob(sj.Project("p"), TABLE, types={"a": "Q"}), sj.InputError, "types"),
        (lambda: sj.LearnJob(frozen(), TABLE), sj.ProjectError, "cannot run LearnJob on project 'p': it is frozen"),
        (lambda: sj.ForgetJob(frozen(), TABLE), sj.ProjectError, "cannot run ForgetJob on project 'p': it is frozen"),
        (lambda: sj.ForgetJob(learnt(rolling_window=2), TABLE), sj.ProjectError, "has a rolling window"),
        (lambda: sj.BuildJob(learnt(), "m", "oosp"), sj.InputError, "oospca"),
        (lambda: sj.BuildJob(learnt(), "a/b", "oospca"), sj.InputError, "the model name"),
        (lambda: sj.BuildJob(learnt(), "m", "oospca", ["z"]), sj.UnknownAttribute, "'z'"),
        (lambda: sj.BuildJob(learnt(), "m", "oospca", "a"), sj.InputError, "inputs must be a list"),
        (
            lambda: sj.BuildJob(learnt(), "m", "ecod", None, None, {"ecod_anomaly_threshold": "x"}),
            sj.InputError,
            "ecod",
        ),
        (lambda: sj.BuildJob.from_context(learnt(), sj.MLContext()), sj.InputError, "modelid"),
        (lambda: sj.LearnJob.from_context(learnt()), sj.InputError, "the request has no data"),
    ],
)
def test_what_can_be_known_before_is_refused_before(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_types_of_a_source_are_given_where_it_is_opened(tmp_path):
    source = sj.sources.csv(csv(tmp_path / "d.csv"))
    with pytest.raises(sj.InputError, match="types of a source are given where it is opened"):
        sj.LearnJob(sj.Project("p"), source, types=TYPES)


def test_a_project_that_is_frozen_while_the_job_waits(manager):
    project = learnt()
    with held(manager):
        handle = manager.submit(sj.LearnJob(project, TABLE))
        project.freeze()
    with pytest.raises(sj.JobFailed, match="it is frozen"):
        handle.result(WAIT)
    assert project.n_rows == 4
    job = sj.LearnJob(other := learnt(), TABLE)
    other.freeze()
    with pytest.raises(sj.ProjectError, match="it is frozen"):
        manager.submit(job)


def test_a_forget_is_submitted_while_its_learn_waits(manager):
    project = sj.Project("p")
    with held(manager):
        handles = [manager.submit(job(project, TABLE)) for job in (sj.LearnJob, sj.LearnJob, sj.ForgetJob)]
    for handle in handles:
        handle.result(WAIT)
    assert project.n_rows == len(TABLE)


def test_columns_that_were_never_learnt_cannot_be_forgotten(manager):
    project = learnt()
    before = project.snapshot().hash
    handle = manager.submit(sj.ForgetJob(project, TABLE.rename(columns={"a": "A"})))
    with pytest.raises(sj.JobFailed, match="cannot forget the column 'A', which was never learnt; did you mean 'a'"):
        handle.result(WAIT)
    assert project.snapshot().hash == before


class Slow:
    """Tables, the second of which waits."""

    def __init__(self):
        self.waits, self.go = threading.Event(), threading.Event()

    def __iter__(self):
        yield TABLE
        self.waits.set()
        self.go.wait(WAIT)
        yield TABLE


@pytest.mark.parametrize("job_type", [sj.LearnJob, sj.ForgetJob])
def test_a_job_that_is_killed_leaves_the_project_as_it_was(manager, job_type):
    project = sj.Project("p").learn(TABLE).learn(TABLE).learn(TABLE)
    before, slow = project.snapshot().hash, Slow()
    handle = manager.submit(job_type(project, iter(slow)), owner="c1")
    assert slow.waits.wait(WAIT)
    killer = threading.Thread(target=handle.kill)
    killer.start()
    while manager.info("c1", handle.id).details.get("kill") != "pending":
        pass
    slow.go.set()
    killer.join(WAIT)
    with pytest.raises(sj.JobKilled):
        handle.result(WAIT)
    assert project.snapshot().hash == before


def test_a_bad_row_fails_the_job_with_its_place_and_leaves_the_project_as_it_was(manager, tmp_path):
    project = sj.Project("p").learn(TABLE)
    before = project.snapshot().hash
    stored = tmp_path / "7f3a"
    stored.write_text("a,b\n1,2\n3,4\n5,high\n")
    handle = manager.submit(sj.LearnJob(project, sj.sources.upload(stored, "my data.csv")), owner="c1")
    with pytest.raises(sj.JobFailed):
        handle.result(WAIT)
    error = manager.answer("c1", handle.id).error
    assert error.startswith("my data.csv, line 4, column 'b'")
    assert str(tmp_path) not in error
    assert "leave it empty if it is missing, or declare the column S (text)" in error  # not as in Python
    assert "types=" not in error
    assert project.snapshot().hash == before
    assert not stored.exists()


@pytest.mark.parametrize("content", [b"", b"a\n", b"\x1f\x8bzip", b"PAR1 no", b"a,b\n1\n2\n"])
def test_an_upload_that_cannot_be_read_says_the_clients_name_and_is_removed(manager, tmp_path, content):
    stored = tmp_path / "7f3a"
    stored.write_bytes(content)

    def make():
        return sj.LearnJob(sj.Project("p"), sj.sources.upload(stored, "my data.csv"))

    created = sj.rest.create_job(manager, "c1", make)
    if created.status == 202:
        handle = manager.get("c1", created.headers["sym-job-id"])
        with pytest.raises(sj.JobFailed):
            handle.result(WAIT)
        text = manager.answer("c1", handle.id).error
    else:
        assert created.status == 400
        text = created.body["statusString"]
    assert "my data.csv" in text
    assert "7f3a" not in text
    assert not stored.exists()


def test_a_request_that_makes_no_job_removes_the_upload(manager, tmp_path):
    manager.projects.add("c1", frozen())
    for pid, status in (("p", 400), ("unknown", 400)):
        upload = sj.sources.upload(csv(tmp_path / "7f3a"), "data.csv")
        created = sj.rest.submit_job(manager, "c1", "LearnJob", pid, data=upload)
        assert created.status == status
        assert not (tmp_path / "7f3a").exists()


def test_a_refused_or_killed_job_removes_the_upload(tmp_path, managers):  # noqa: F811
    manager = managers(workers=1, queue_size=1)

    def job(stored):
        return sj.LearnJob(sj.Project("p"), sj.sources.upload(csv(stored), "data.csv"))

    waits, refused = tmp_path / "1", tmp_path / "2"
    with held(manager, gate=Gate()):
        handle = manager.submit(job(waits))
        with pytest.raises(sj.QueueFull):
            manager.submit(job(refused))
        assert waits.exists()
        assert not refused.exists()
        assert handle.kill()
        assert not waits.exists()


@pytest.mark.parametrize("job", ["predict", "kmeans"])
def test_other_jobs_that_take_rows_remove_an_upload_too(manager, tmp_path, job):
    project = sj.Project("p").learn(TABLE)
    project.build("m", "mahalanobis", ["a", "b"])
    upload = sj.sources.upload(csv(tmp_path / "7f3a"), "data.csv")
    made = sj.DSPredictDataFrameJob(project, "m", upload) if job == "predict" else sj.OptimizedKmeansJob(upload, 1, 2)
    manager.submit(made).result(WAIT)
    assert not (tmp_path / "7f3a").exists()


def test_a_model_that_cannot_be_built_fails_the_job_and_nothing_else(manager):
    project = sj.Project("p").learn(pd.DataFrame({"a": [1.0, 1.0], "b": [2.0, 2.0]}))
    handle = manager.submit(sj.BuildJob(project, "m", "oospca"), owner="c1")
    with pytest.raises(sj.JobFailed):
        handle.result(WAIT)
    assert manager.answer("c1", handle.id).error == handle.info().details["error"] != "Internal error 1"
    assert project.models == ()
