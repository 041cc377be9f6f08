"""DSUpdateJob: sources of every kind, all or nothing, killed at any batch, and secrets that nobody reads."""

from __future__ import annotations

import logging
import sqlite3
import threading

import numpy as np
import pytest

import symjobs as sj
from symjobs.sources import Access
from symjobs.sources._source import Source

ROWS = 200_000


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "d.csv"
    X = np.random.default_rng(5).normal(size=(ROWS, 4)).round(6)
    path.write_text("a,b,c,d\n" + "".join(",".join(map(repr, row)) + "\n" for row in X.tolist()))
    return path


@pytest.fixture
def manager():
    with sj.JobManager(workers=2, store=None) as manager:
        yield manager


def _info(path, **info):
    return {"type": "localfile", "name": "sales", "info": {"path": str(path), **info}}


@pytest.mark.parametrize("form", ["path", "text", "mapping", "dsinfo", "source"])
def test_every_way_to_name_a_source(path, manager, form):
    source = {
        "path": path,
        "text": str(path),
        "mapping": _info(path),
        "dsinfo": sj.DSInfo("localfile", "sales", {"path": str(path)}),
        "source": sj.sources.csv(path),
    }[form]
    project = sj.Project("p")
    handle = manager.submit(sj.DSUpdateJob(project, source))
    result = handle.result(timeout=60)
    info = handle.info()
    assert (result.rows, project.n_rows) == (ROWS, ROWS)
    assert info.jobType == "DSUpdateJob"
    assert info.current == info.maximum == path.stat().st_size
    assert info.details["rows"] == str(ROWS)
    assert info.details["dataSource"] == ("sales" if form in ("mapping", "dsinfo") else str(path))
    assert info.details["projectHash"] == project.snapshot().hash
    assert result.entities()["smlInfo"] == project.info()


def test_learn_and_forget_leave_nothing(path, manager):
    project = sj.Project("p", params={"exact": True})
    empty = project.snapshot().hash
    manager.submit(sj.DSUpdateJob(project, path)).result(timeout=60)
    manager.submit(sj.DSUpdateJob(project, path, forget=True)).result(timeout=60)
    assert project.n_rows == 0
    assert project.snapshot().hash != empty  # the columns are known
    np.testing.assert_array_equal(project.snapshot().moments.count, 0)


def test_progress_is_bytes_and_grows_while_it_reads(path, manager):
    seen = set()
    job = sj.DSUpdateJob(sj.Project("p"), path)

    class Watching(sj.JobContext):
        def progress(self, current, maximum=None):
            seen.add((current, maximum))
            super().progress(current, maximum)

    job.run(Watching())
    size = path.stat().st_size
    assert {maximum for _, maximum in seen} == {size}
    assert len(seen) > 4
    assert max(seen)[0] == size


class _Kill(Exception):
    pass


@pytest.mark.parametrize("forget", [False, True])
@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("after", [0, 1, 3])
def test_stopped_at_any_batch(path, forget, keep, after):
    project = sj.Project("p")
    if forget:
        project.learn(sj.sources.csv(path))
    before = project.snapshot()
    calls = 0

    class Stopping(sj.JobContext):
        def progress(self, current, maximum=None):
            nonlocal calls
            if calls == after + 1:
                raise _Kill
            calls += 1
            super().progress(current, maximum)

    source = sj.sources.csv(path, memory_budget="4MiB")
    context = Stopping()
    with pytest.raises(_Kill):
        sj.DSUpdateJob(project, source, forget=forget, keep_read=keep).run(context)
    if keep:
        read = int(context.details["rows"])
        assert 0 < read < ROWS
        assert project.n_rows == (ROWS - read if forget else read)
    else:
        assert project.snapshot().hash == before.hash


def test_a_kill_leaves_the_project_as_it_was(path, manager, monkeypatch):
    reached, go = threading.Event(), threading.Event()
    batches = Source.tables

    def slowly(self, checkpoint=None):
        for number, table in enumerate(batches(self, checkpoint)):
            if number == 2:
                reached.set()
                while not go.wait(0.01):
                    checkpoint(1, 2)
            yield table

    monkeypatch.setattr(Source, "tables", slowly)
    project = sj.Project("p").learn(([[1.0, 2.0]], ["a", "b"]))
    before = project.snapshot().hash
    handle = manager.submit(sj.DSUpdateJob(project, sj.sources.csv(path, memory_budget="4MiB")), owner="c1")
    assert reached.wait(30)
    assert sj.rest.kill_job(manager, "c1", handle.id).body["statusString"] == "Job was killed"
    go.set()
    with pytest.raises(sj.JobKilled):
        handle.result(timeout=30)
    assert project.snapshot().hash == before


def test_types_and_errors_of_the_request(tmp_path, manager):
    path = tmp_path / "d.csv"
    path.write_text("x,t\n1,a\nmany,b\n3,a\n")
    project = sj.Project("p")
    request = sj.MLContext(extraParameters={"types": '{"t": "T"}', "errorHandling": "missing", "colour": "red"})
    response = sj.rest.submit_job(manager, "c1", "DSUpdateJob", None, request, data=_info(path))
    assert (response.status, response.body["statusString"]) == (
        400,
        "DSUpdateJob needs a project, and the request names none",
    )
    manager.projects.add("c1", project)
    response = sj.rest.submit_job(manager, "c1", "DSUpdateJob", "p", request, data=_info(path))
    handle = manager.get("c1", response.headers["sym-job-id"])
    assert handle.result(timeout=60).rows == 3
    assert project.snapshot().names == ("x", "t$a", "t$b")
    assert handle.info().details["badValues"] == "x: 1 (the first in line 3: 'many')"
    assert handle.info().details["ignored"] == "colour"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda p: sj.DSUpdateJob(p, 3),
            "takes a Source, a DSInfo, a mapping or a path, got int; a LearnJob learns a table",
        ),
        (lambda p: sj.DSUpdateJob("p", "d.csv"), "DSUpdateJob takes a Project, got str"),
        (
            lambda p: sj.DSUpdateJob(p, {"type": "floppy", "name": "d"}),
            "has the type 'floppy'; supported: localfile, http",
        ),
        (lambda p: sj.DSUpdateJob(p, {"type": "s3", "name": "d", "info": {"path": "x"}}), "has no info.s3bucket"),
        (lambda p: sj.DSUpdateJob(p, "d.csv", errors="ignore"), "errorHandling|errors"),
        (lambda p: sj.DSUpdateJob(p, "d.csv", types={"a": "Q"}), "unknown type 'Q'"),
        (lambda p: sj.DSUpdateJob(p, sj.datasets.open("iris"), types={"a": "C"}), "are given where it is opened"),
        (lambda p: sj.DSUpdateJob(p, _info("d.csv", types="[1]")), "it must be a JSON object"),
        (lambda p: sj.DSUpdateJob(p, _info("d.csv", csv_decimal=";")), "decimal is ';'"),
    ],
)
def test_what_is_refused_at_once(make, words):
    with pytest.raises(sj.InputError, match=words):
        make(sj.Project("p"))


def test_a_frozen_project_and_a_window(path):
    frozen = sj.Project("p")
    frozen.freeze()
    with pytest.raises(sj.ProjectError, match="it is frozen"):
        sj.DSUpdateJob(frozen, path)
    with pytest.raises(sj.ProjectError, match="has a rolling window"):
        sj.DSUpdateJob(sj.Project("p", params={"rolling_window": 10}), path, forget=True)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        (b"", "is empty"),
        (b"a,b\n", "no rows below it"),
        (b"a,b\n1,2\n3\n", "line 3: 1 values in the row"),
        (b"a,b\n1,2\n3,x\n5,6\n7,8\n", "line 3, column 'b': 'x' is not a number"),
        (b"a,t\n1,x\n2,\xff\n", "line 3: the byte 0xff is not utf-8"),
        (b"t\nx\ny\n", "no column of the data is learnt"),
    ],
)
def test_bad_data_is_a_failed_job_in_one_line(tmp_path, manager, content, words):
    path = tmp_path / "d.csv"
    if content is not None:
        path.write_bytes(content)
    project = sj.Project("p").learn(([[1.0, 2.0]], ["a", "b"]))
    before = project.snapshot().hash
    handle = manager.submit(sj.DSUpdateJob(project, _info(path)))
    with pytest.raises(sj.JobFailed, match=words):
        handle.result(timeout=60)
    assert "\n" not in handle.info().details["error"]
    assert project.snapshot().hash == before


SECRETS = {"s3accessKey": "AKIA-NOBODY-READS", "s3secretKey": "s3cr3t-nobody-reads", "password": "pass-nobody-reads"}


@pytest.mark.parametrize(
    "dsinfo",
    [
        {"type": "s3", "info": {"path": "k", "s3bucket": "b", "s3endpoint": "http://127.0.0.1:1", **SECRETS}},
        {
            "type": "jdbc",
            "info": {
                "driver": "postgresql",
                "host": "127.0.0.1",
                "port": "1",
                "database": "d",
                "table": "t",
                "user": "u",
                **SECRETS,
            },
        },
        {"type": "http", "info": {"path": "http://u:pass-nobody-reads@127.0.0.1:1/d.csv"}},
        {"type": "localfile", "info": {"path": "pass-nobody-reads.csv", **SECRETS}},
    ],
    ids=lambda one: one["type"],
)
def test_secrets_are_in_no_error_log_detail_or_text(manager, caplog, dsinfo):
    caplog.set_level(logging.DEBUG)
    job = sj.DSUpdateJob(sj.Project("p"), {"name": "d", **dsinfo}, access=None)
    handle = manager.submit(job)
    with pytest.raises(sj.JobFailed) as caught:
        handle.result(timeout=60)
    everything = "\n".join(
        (caplog.text, str(caught.value), repr(handle.info()), repr(job), repr(job._source), repr(vars(job)))
    )
    assert not any(secret in everything for secret in SECRETS.values())


def test_a_server_opens_what_it_allows(path, manager, tmp_path):
    access = Access(roots=(path.parent,))
    assert manager.submit(sj.DSUpdateJob(sj.Project("p"), _info("d.csv"), access=access)).result(60).rows == ROWS
    link = path.parent / "link.csv"
    outside = tmp_path / "outside.csv"
    outside.write_text("x\n1\n")
    link.symlink_to(outside)
    with pytest.raises(sj.InputError, match=rf"outside of the folders that this server opens: {link.name} is a link"):
        Access(roots=[link.parent]).find("*")
    for name in ("link.csv", "../outside.csv", str(outside), "/etc/passwd", "*/../../*"):
        handle = manager.submit(sj.DSUpdateJob(sj.Project("p"), _info(name), access=access))
        with pytest.raises(sj.JobFailed, match=r"outside of the folders|no such file|no file matches") as caught:
            handle.result(timeout=60)
        assert str(path.parent) not in str(caught.value)
    link.unlink()


def test_a_database_is_a_source_too(tmp_path, manager):
    with sqlite3.connect(tmp_path / "d.db") as connection:
        connection.execute("CREATE TABLE t (x REAL)")
        connection.executemany("INSERT INTO t VALUES (?)", [(1.0,), (2.0,), (6.0,)])
    connection.close()
    info = {"type": "jdbc", "name": "d", "info": {"driver": "sqlite", "database": str(tmp_path / "d.db"), "table": "t"}}
    project = sj.Project("p")
    handle = manager.submit(sj.DSUpdateJob(project, info))
    assert handle.result(timeout=60).rows == 3
    assert project.snapshot().moments.mean().tolist() == [3.0]
    assert handle.info().current == handle.info().maximum > 0


@pytest.mark.parametrize("form", [str, _info], ids=["path", "description"])
def test_errors_that_count_as_missing(tmp_path, manager, form):
    path = tmp_path / "d.csv"
    path.write_text("x\n1\nmany\n3\n")
    handle = manager.submit(sj.DSUpdateJob(sj.Project("p"), form(path), errors="missing"))
    assert handle.result(timeout=60).rows == 3
    assert handle.info().details["badValues"] == "x: 1 (the first in line 3: 'many')"
    with pytest.raises(sj.JobFailed, match="'many' is not a number"):
        manager.submit(sj.DSUpdateJob(sj.Project("p"), form(path), errors="raise")).result(timeout=60)
