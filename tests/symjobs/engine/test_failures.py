"""Jobs that fail: one line for the client, the rest for the log, and the worker lives on."""

import logging
import time

import pytest

import symjobs as sj
from symkernels._errors import ShapeError
from tests.symjobs.engine._jobs import WAIT, Fail, Nothing, Tell


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (sj.InputError("column 'a', row 3:\n  'x' is not a number"), "column 'a', row 3: 'x' is not a number"),
        (sj.UnsupportedTest("'a' is constant"), "'a' is constant"),
        (sj.ProjectError("project 'p' was deleted"), "project 'p' was deleted"),
        (ShapeError("R has shape (2, 3)"), "R has shape (2, 3)"),
        (ValueError("two\nlines \x00\x1b[31m \ud800"), "ValueError: two lines [31m"),
        (ZeroDivisionError(), "ZeroDivisionError"),
        (KeyError("x"), "KeyError: 'x'"),
        (MemoryError(), "MemoryError"),
        (SystemExit(3), "SystemExit: 3"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (sj.JobKilled("not by us"), "not by us"),
        (RuntimeError("x" * 5000), "RuntimeError: " + "x" * 900),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_the_line_names_what_went_wrong(managers, error, line):
    manager = managers(workers=1)
    handle = manager.submit(Fail(error))
    with pytest.raises(sj.JobFailed) as caught:
        handle.result(WAIT)
    assert str(caught.value).startswith(line)
    assert len(str(caught.value)) < 1100
    assert str(caught.value).isprintable()
    assert caught.value.__cause__ is error
    answer = manager.answer("local", handle.id)
    assert answer.state is sj._engine.State.FAILED
    public = isinstance(error, sj.InputError | sj.ProjectError | ShapeError)
    assert answer.error == answer.info.details["error"] == (str(caught.value) if public else "Internal error 1")
    assert manager.submit(Tell(a="1")).result(WAIT).pairs == {"a": "1"}


def test_a_failure_reads_the_same_from_every_store(manager):
    handle = manager.submit(Fail(sj.InputError("no column 'é'")), owner="c1")
    with pytest.raises(sj.JobFailed, match="no column 'é'"):
        handle.result(WAIT)
    assert manager.answer("c1", handle.id).error == "no column 'é'"


@pytest.mark.parametrize(
    "error", [sj.MissingDependency("x", "files"), sj.StoreError("disk"), sj.JobKilled("not by us")]
)
def test_the_log_explains_every_internal_error(managers, error, caplog):
    manager = managers()
    with caplog.at_level(logging.WARNING, "symjobs"), pytest.raises(sj.JobFailed):
        manager.submit(Fail(error)).result(WAIT)
    assert manager.answer("local", 1).error == "Internal error 1"
    (record,) = caplog.records
    assert record.getMessage() == "Internal error 1: Fail 1 failed"
    assert record.exc_info[1] is error


@pytest.mark.parametrize("show_errors", [False, True])
def test_only_a_setting_shows_clients_what_is_not_about_their_input(managers, store_url, show_errors, caplog):
    manager = managers(store=store_url, show_errors=show_errors)
    handle = manager.submit(Fail(FileNotFoundError("/srv/uploads/7f3a")), owner="c1")
    with pytest.raises(sj.JobFailed, match="FileNotFoundError: /srv/uploads/7f3a"):
        handle.result(WAIT)
    seen = "FileNotFoundError: /srv/uploads/7f3a" if show_errors else "Internal error 1"
    assert manager.answer("c1", 1).error == seen
    assert [info.details["error"] for info in manager.list("c1")] == [seen]
    assert "Internal error 1: Fail 1 failed" in caplog.text


def test_a_failed_job_can_be_told_from_a_finished_one(manager):
    done, failed = (manager.submit(job, owner="c1") for job in (Nothing(), Fail(sj.InputError("no column 'é'"))))
    done.result(WAIT)
    with pytest.raises(sj.JobFailed):
        failed.result(WAIT)
    first, second = (info.details for info in manager.list("c1"))
    assert (first["state"], second["state"], second["error"]) == ("done", "failed", "no column 'é'")
    assert "error" not in first
    assert 0 < int(first["finishedDate"]) <= int(second["finishedDate"]) <= time.time() * 1000


def test_an_unexpected_error_goes_to_the_log_with_its_traceback(managers, caplog):
    manager = managers()
    with caplog.at_level(logging.INFO, "symjobs"), pytest.raises(sj.JobFailed):
        manager.submit(Fail(ZeroDivisionError("oh"))).result(WAIT)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info[0] is ZeroDivisionError
    caplog.clear()
    with caplog.at_level(logging.INFO, "symjobs"), pytest.raises(sj.JobFailed):
        manager.submit(Fail(sj.InputError("no"))).result(WAIT)
    (record,) = caplog.records
    assert (record.levelno, record.exc_info) == (logging.INFO, None)


class Mute(Exception):
    def __str__(self):
        raise ValueError("I will not say")


def test_an_error_that_cannot_say_what_it_is(managers):
    manager = managers(workers=1)
    with pytest.raises(sj.JobFailed, match=r"^Mute$"):
        manager.submit(Fail(Mute())).result(WAIT)
    manager.submit(Nothing()).result(WAIT)


class Returns(Nothing):
    def __init__(self, result):
        self.result = result

    def run(self, context):
        return self.result


class Wrong:
    def __init__(self, values):
        self.values = values

    def entities(self):
        if isinstance(self.values, Exception):
            raise self.values
        return self.values


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (5, "TypeError: run() returned int; a result has entities(), or is None"),
        (Wrong({"a": object()}), "dict cannot be written as JSON: builtins.object has no JSON"),
        (Wrong(ValueError("oh")), "ValueError: oh"),
        (Wrong([1]), "TypeError: entities() returned list; it returns a dict of entities by their key"),
        (Wrong(None), "TypeError: entities() returned NoneType"),
        (Wrong({"a": "\ud800"}), "dict cannot be written as JSON"),
    ],
)
def test_a_result_that_cannot_be_kept_fails_the_job(managers, result, line):
    handle = managers().submit(Returns(result))
    with pytest.raises(sj.JobFailed) as caught:
        handle.result(WAIT)
    assert str(caught.value).startswith(line)
    assert handle.info().current != handle.info().maximum
