"""Large results are files: whole or absent, and checked."""

import os
import time

import pytest

import symjobs as sj
from symjobs._engine._store._files import LARGE
from tests.symjobs.engine._jobs import WAIT, Gate, Tell, held

TEXT = "x" * LARGE


@pytest.fixture
def folder(tmp_path, shared_url):
    return tmp_path / "jobs.db.files" if shared_url.startswith("sqlite") else tmp_path / "files"


@pytest.fixture
def manager(shared_url, managers, folder):
    """By default the folder is beside SQLite's file; PostgreSQL needs a name."""
    return managers(workers=1, store=shared_url, folder=None if shared_url.startswith("sqlite") else folder)


def files(folder):
    return sorted((folder / "results").iterdir())


def large(manager, owner="c1"):
    handle = manager.submit(Tell(a=TEXT), owner=owner)
    assert handle.result(WAIT).pairs == {"a": TEXT}
    return handle


def test_a_large_result_is_a_file_and_any_process_reads_it(manager, shared_url, managers, folder):
    small = manager.submit(Tell(a="1"), owner="c1")
    small.result(WAIT)
    assert not folder.exists()
    handle = large(manager)
    (file,) = files(folder)
    assert file.name.startswith(f"{handle.id}-")
    values = manager.answer("c1", handle.id).values
    assert file.read_bytes() == values
    assert values.endswith(b'xxx"}]}}')
    other = managers(store=shared_url, folder=folder)
    assert other.get("c1", handle.id).result(WAIT).entities()["KSVSMap"].values == [{"a": TEXT}]
    assert other.answer("c1", small.id).values == manager.answer("c1", small.id).values


def test_without_a_folder_they_are_in_the_database(postgresql_url, managers):
    manager = managers(store=postgresql_url)
    assert TEXT in manager.answer("c1", large(manager).id).values.decode()


def test_the_file_goes_with_its_job(manager, shared_url, managers, folder):
    handle = large(manager)
    manager._store.shrink(0)
    with pytest.raises(sj.NoSuchJob):
        manager.answer("c1", handle.id)
    assert files(folder) == []
    reader = managers(store=shared_url, folder=folder, expire_on_read=True, expire_after=0.01)
    handle = large(manager)
    assert TEXT.encode() in reader.answer("c1", handle.id).values
    assert files(folder) == []
    reader.submit(Tell(a=TEXT), owner="c1")._execution.finished.wait(WAIT)
    time.sleep(0.02)
    reader._store.expire()
    assert files(folder) == []


def test_a_result_that_is_killed_leaves_no_file(manager, folder):
    gate = Gate(Tell(a=TEXT))
    with held(manager, "c1", gate) as (_, handle):
        # The kill comes between the result and the store: the store knows of it, the job does not.
        manager._runner.stop = lambda *_: None
        manager._runner._sync._on_kill = lambda *_: None
        manager._settings.__dict__["grace"] = 0.0
        assert handle.kill() is False
    assert handle._execution.finished.wait(WAIT)
    assert handle._execution.ended == "killed"
    assert files(folder) == []


@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_a_damaged_result_is_an_error_that_names_its_file(manager, folder, damage, caplog):
    handle = large(manager)
    (file,) = files(folder)
    if damage == "cut":
        os.truncate(file, 1000)
    elif damage == "changed":
        with open(file, "r+b") as opened:
            opened.seek(500)
            opened.write(b"y")
    else:
        file.unlink()
    with pytest.raises(sj.StoreError, match=f"the result.* {'lost' if damage == 'gone' else 'damaged'}: .*") as caught:
        manager.answer("c1", handle.id)
    assert file.name in str(caught.value)
    response = sj.rest.get_job(manager, "c1", handle.id)
    assert response.status == 500
    assert response.body["statusString"].startswith("Internal error ")
    assert manager.submit(Tell(a="1"), owner="c1").result(WAIT).pairs == {"a": "1"}


def test_a_folder_that_cannot_be_written_fails_the_job_and_nothing_else(manager, folder):
    folder.write_text("in the way")
    handle = manager.submit(Tell(a=TEXT), owner="c1")
    with pytest.raises(sj.JobFailed, match="the result could not be stored: cannot write a result to"):
        handle.result(WAIT)
    assert manager.submit(Tell(a="1"), owner="c1").result(WAIT).pairs == {"a": "1"}
    assert [info.details["state"] for info in manager.list("c1")] == ["failed", "done"]


def test_what_a_crash_left_is_removed_after_an_hour(manager, folder):
    handle = large(manager)
    (whole,) = files(folder)
    left = [whole.with_name("7-unknown.json"), whole.with_name("8-unknown.part")]
    fresh = whole.with_name("9-unknown.json")
    for path in [*left, fresh]:
        path.write_bytes(b"{}")
    for path in [whole, *left]:
        os.utime(path, (time.time() - 4000,) * 2)
    manager._store.sweep()
    assert files(folder) == sorted([whole, fresh])
    assert TEXT.encode() in manager.answer("c1", handle.id).values


@pytest.mark.parametrize("folder", [5, b"x", ["a"]])
def test_a_folder_is_a_path(sqlite_url, folder):
    with pytest.raises(sj.InputError, match=r"^folder must be a path, got"):
        sj.JobManager(store=sqlite_url, folder=folder)


def test_a_folder_needs_a_store(tmp_path):
    with pytest.raises(sj.InputError, match="give store=, too"):
        sj.JobManager(folder=tmp_path)
