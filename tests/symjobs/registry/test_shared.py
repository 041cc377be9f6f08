"""Projects that processes share: nothing that any of them has learnt is lost, and all see it."""

import gc
import json
import os
import signal
import threading
import time
import weakref

import numpy as np
import pytest

import symjobs as sj
from symjobs._project import _home
from tests.symjobs.engine._jobs import WAIT
from tests.symjobs.registry._process import NAMES, Other, rows


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "files"


@pytest.fixture
def manager(shared_url, folder):
    with sj.JobManager(store=shared_url, folder=folder, grace=WAIT) as manager:
        yield manager


@pytest.fixture
def project(manager):
    manager.projects.add("c1", project := sj.Project("p"))
    return project


@pytest.fixture
def other(shared_url, folder, project):
    other = Other(shared_url, folder)
    yield other
    other.end()


def expected(seeds, **settings):
    project = sj.Project("p", **settings)
    for seed in seeds:
        project.learn(rows(seed))
    return project


def assert_same(project, seeds):
    want, have = expected(seeds).snapshot(), project.snapshot()
    assert have.n_rows == want.n_rows
    assert have.moments.covariance() == pytest.approx(want.moments.covariance(), rel=1e-12, abs=1e-12, nan_ok=True)


def files(folder):
    """The files of all versions of projects."""
    return sorted(path.name for path in folder.rglob("*.project"))


def test_what_one_process_learns_the_other_sees(project, other):
    assert other.say("project.n_rows") == 0
    project.learn(rows(1))
    assert other.say("project.n_rows") == 10
    other.say("project.learn(rows(2)).n_rows")
    assert_same(project, [1, 2])
    assert project.snapshot().hash == other.say("project.snapshot().hash")
    project.forget(rows(1))
    assert other.say("project.n_rows") == 10
    info = project.info()
    assert (info.persisted, info.autoSave) == (True, True)


def test_a_job_sees_what_another_process_has_learnt(manager, project, other):
    other.say("project.learn(rows(1)).n_rows")
    handle = manager.submit(sj.PCAJob(project), owner="c1")
    assert handle.result(WAIT).names == tuple(NAMES)
    assert handle.info().details["projectHash"] == other.say("project.snapshot().hash")
    created = sj.rest.submit_job(manager, "c1", "LearnJob", "p", data=rows(2))
    manager.get("c1", created.headers["sym-job-id"]).result(WAIT)
    assert other.say("project.n_rows") == 20


def test_models_and_wrappers_are_shared(project, other):
    project.learn(rows(1, 100))
    other.say("project.build('m', 'mahalanobis').modelId")
    assert project.models == ("m",)
    assert project.model_info("m").modelType == "mahalanobis"
    parameters = {"evt_warmup_size": 40, "evt_alpha": 0.01, "evt_quantile": 0.9}
    project.create_evt_wrapper("m", parameters=parameters)
    alone = expected([]).learn(rows(1, 100))
    alone.build("m", "mahalanobis")
    alone.create_evt_wrapper("m", parameters=parameters)
    for seed in range(2, 6):  # the rows of both processes are one stream
        mine = alone.predict("m", rows(seed, 30))
        if seed % 2:
            threshold = project.predict("m", rows(seed, 30)).columns()["evt_threshold"]
        else:
            threshold = other.say(
                f"project.predict('m', rows({seed}, 30)).columns()['evt_threshold'].astype(str).tolist()"
            )
        assert np.asarray(threshold, dtype=float) == pytest.approx(
            mine.columns()["evt_threshold"], rel=1e-9, nan_ok=True
        )
    other.say("project.delete_evt_wrapper('m')")
    assert "evt_is_anomaly" not in project.predict("m", rows(7)).columns()
    project.delete_model("m")
    with pytest.raises(RuntimeError, match="NoSuchModel"):
        other.say("project.model_info('m')")


def test_freeze_rename_and_delete_are_seen(manager, project, other):
    project.learn(rows(1))
    other.say("project.freeze()")
    with pytest.raises(sj.ProjectError, match="it is frozen"):
        project.learn(rows(2))
    other.say("project.unfreeze()")
    project.learn(rows(2))
    other.say("project.rename('q')")
    assert manager.projects.names("c1") == ["q"]
    assert project.deleted
    with pytest.raises(sj.NoSuchProject, match="there are: q"):
        manager.projects.get("c1", "p")
    renamed = manager.projects.get("c1", "q")
    assert_same(renamed, [1, 2])
    assert other.say("manager.projects.names('c1')") == ["q"]
    renamed.rename("p")
    assert other.say("project.n_rows") == 20
    other.say("manager.projects.delete('c1', 'p')")
    with pytest.raises(sj.ProjectError, match="was deleted"):
        renamed.learn(rows(3))
    assert manager.projects.names("c1") == []
    manager.projects.add("c1", sj.Project("p").learn(rows(4)))
    assert other.say("project.n_rows") == 10


def test_another_project_may_take_the_name_of_one_that_was_deleted(manager, project, other):
    project.learn(rows(1))
    other.say("manager.projects.delete('c1', 'p')")
    other.say("manager.projects.add('c1', sj.Project('p', params={'row_filter': 'a>=0'}))")
    with pytest.raises(sj.ProjectError, match="was deleted"):  # this one has no filter
        project.learn(rows(2))
    new = manager.projects.get("c1", "p")
    assert new.params == {"row_filter": "a>=0"}
    assert other.say("project.learn(rows(2)).n_rows") == new.n_rows == (rows(2)[0][:, 0] >= 0).sum()


def test_a_name_can_be_taken_once(manager, project, other, shared_url, folder):
    with pytest.raises(RuntimeError, match="ProjectExists: owner 'c1' has a project 'p' already"):
        other.say("manager.projects.add('c1', sj.Project('p'))")
    other.say("manager.projects.add('c1', sj.Project('q').learn(rows(1)))")
    with pytest.raises(sj.ProjectExists, match="'q' already"):
        project.rename("q")
    assert (project.name, project.deleted) == ("p", False)
    assert manager.projects.names("c1") == ["p", "q"]
    assert [one.n_rows for one in manager.projects.all("c1")] == [0, 10]
    with pytest.raises(sj.ProjectError, match="is shared already"):
        manager.projects.add("c2", project)
    manager.projects.add("c1", project)  # the same one is no conflict


def test_one_of_many_that_add_the_same_name_gets_it(shared_url, folder):
    managers = [sj.JobManager(store=shared_url, folder=folder) for _ in range(4)]
    outcomes, barrier = [], threading.Barrier(4)

    def add(manager, seed):
        project = sj.Project("p").learn(rows(seed))
        barrier.wait()
        try:
            manager.projects.add("c1", project)
            outcomes.append(project.snapshot().hash)
        except sj.ProjectExists:
            pass

    threads = [threading.Thread(target=add, args=(manager, seed)) for seed, manager in enumerate(managers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert len(outcomes) == 1
    for manager in managers:
        assert manager.projects.get("c1", "p").snapshot().hash == outcomes[0]
        manager.shutdown()


def test_projects_outlive_their_processes_and_owners_are_apart(shared_url, folder):
    names = ["iris", "Iris", "ä b", "a%2Fb", "x" * 300, "..p", " "[:0] + "日本"]
    with sj.JobManager(store=shared_url, folder=folder) as first:
        for i, name in enumerate(names):
            first.projects.add("Müller & Söhne" + "x" * 200, sj.Project(name).learn(rows(i)))
        first.projects.add("c2", sj.Project("iris"))
    with sj.JobManager(store=shared_url, folder=folder) as second:
        owner = "Müller & Söhne" + "x" * 200
        assert second.projects.names(owner) == names
        assert [project.name for project in second.projects.all(owner)] == names
        for i, name in enumerate(names):
            assert_same(second.projects.get(owner, name), [i])
        assert second.projects.names("c2") == ["iris"]
        assert second.projects.names("c3") == []
        for wrong in (5, None, "", "a/b"):
            with pytest.raises(sj.NoSuchProject):
                second.projects.get("c2", wrong)


def test_no_row_is_lost_when_processes_and_threads_write_at_once(manager, project, other, shared_url, folder, effort):
    count = 15 * effort
    third = Other(shared_url, folder)
    try:
        for process, start in ((other, 1000), (third, 2000)):
            process.begin(f"[project.learn(rows(s)).name for s in range({start}, {start + count})][-1]")
        threads = [
            threading.Thread(target=lambda k=k: [project.learn(rows(s)) for s in range(k, k + count)])
            for k in (3000, 4000)
        ]
        for thread in threads:
            thread.start()
        seen = 0
        while any(thread.is_alive() for thread in threads):  # a reader never sees less than before, or half a batch
            n = project.snapshot().n_rows
            assert n >= seen
            assert n % 10 == 0
            seen = n
        for process in (other, third):
            assert process.answer() == "p"
    finally:
        third.end()
    seeds = [s for k in (1000, 2000, 3000, 4000) for s in range(k, k + count)]
    assert_same(project, seeds)
    assert other.say("project.n_rows") == 40 * count
    assert len(files(folder)) == 1


def test_a_process_that_is_killed_while_it_writes_leaves_a_whole_project(manager, project, shared_url, folder, effort):
    rng = np.random.default_rng(effort)
    for _ in range({1: 3, 10: 10, 100: 50}[effort]):
        before = project.n_rows
        other = Other(shared_url, folder)
        other.say("project.n_rows")
        other.begin("[project.learn(rows(s)).name for s in range(100_000)]")
        while project.n_rows == before:
            pass
        time.sleep(0.05 * rng.random())
        other.process.send_signal(signal.SIGKILL)
        other.end()
        learnt = project.n_rows - before
        assert learnt % 10 == 0
        reference = expected(range(learnt // 10)).snapshot().moments
        project.learn(rows(5))  # the lock is free, and the next version follows
        project.forget(rows(5))
        assert project.n_rows == before + learnt
        if not before:
            assert project.snapshot().moments.covariance() == pytest.approx(reference.covariance())
    assert len(files(folder)) == 1


def test_a_slow_reader_does_not_replace_what_a_writer_builds_on(manager, shared_url, folder, monkeypatch):
    """The reader takes over an older version while the writer reads the newest one."""
    manager.projects.add("c1", project := sj.Project("p"))
    with sj.JobManager(store=shared_url, folder=folder) as second:
        same = second.projects.get("c1", "p")
        same.learn(rows(1))
        real, has_read, go_on = _home.Home.read, threading.Event(), threading.Event()

        def slow(home):
            found = real(home)
            if threading.current_thread() is reader:
                has_read.set()
                go_on.wait(WAIT)
            else:
                go_on.set()
                reader.join(WAIT)
            return found

        monkeypatch.setattr(_home.Home, "read", slow)
        reader = threading.Thread(target=project.snapshot)
        reader.start()
        assert has_read.wait(WAIT)
        same.learn(rows(2))
        project.learn(rows(3))
        assert_same(project, [1, 2, 3])
        assert_same(same, [1, 2, 3])


def test_a_reader_that_always_comes_too_late_takes_a_turn(project, other, monkeypatch):
    """Its versions may be gone each time that it has found their names."""
    other.say("project.learn(rows(1)).n_rows")
    real, missed = _home.read_file, []

    def late(path):
        if len(missed) < _home._ATTEMPTS:
            missed.append(path)
            raise FileNotFoundError(path)
        return real(path)

    monkeypatch.setattr(_home, "read_file", late)
    assert project.n_rows == 10
    assert len(missed) == _home._ATTEMPTS
    assert other.say("project.learn(rows(2)).n_rows") == 20  # the turn was given back


def test_a_job_that_waits_for_its_turn_can_be_killed(manager, project, other):
    assert other.say("project.n_rows") == 0
    other.begin("project.learn(rows(i) for i in range(6) if not time.sleep(0.7)).name")
    time.sleep(0.3)
    begin = time.monotonic()
    handle = manager.submit(sj.LearnJob(project, rows(9)), owner="c1")
    time.sleep(0.1)
    assert handle.kill()
    assert time.monotonic() - begin < 3.5
    assert project.n_rows == 0  # a reader does not wait
    other.answer()
    assert project.n_rows == 60


def test_a_write_that_cannot_be_stored_is_undone(project, other, monkeypatch, folder):
    project.learn(rows(1))
    before = project.snapshot().hash

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_home, "write_file", full)
    for write in (lambda: project.learn(rows(2)), lambda: project.build("m", "mahalanobis"), project.freeze):
        with pytest.raises(sj.StoreError, match="cannot keep project 'p': No space left on device"):
            write()
        assert (project.snapshot().hash, project.models, project.frozen) == (before, (), False)
    monkeypatch.undo()
    project.learn(rows(2))
    assert_same(project, [1, 2])
    assert other.say("project.n_rows") == 20


def test_a_damaged_version_is_an_error_that_names_it(manager, project, folder, shared_url):
    project.learn(rows(1))
    (file,) = folder.rglob("*.project")
    file.write_bytes(file.read_bytes()[:-100])
    with sj.JobManager(store=shared_url, folder=folder) as second, pytest.raises(sj.ProjectError, match=file.name):
        second.projects.get("c1", "p")
    (about,) = folder.rglob("about.json")
    about.write_text("{")
    with sj.JobManager(store=shared_url, folder=folder) as second, pytest.raises(sj.ProjectError, match=r"about\.json"):
        second.projects.get("c1", "p")


def test_what_a_crash_left_is_removed(manager, project, folder):
    project.learn(rows(1))
    (file,) = folder.rglob("*.project")
    (file.parent / ".4-x.project.tmp").write_bytes(b"half")
    half = file.parent.with_name(".half")
    half.mkdir()
    (half / "about.json").write_text(json.dumps({"owner": "c1", "name": "half", "added": 1}))
    assert manager.projects.names("c1") == ["p"]
    os.utime(half, (time.time() - 4000,) * 2)
    project.learn(rows(2))
    manager.projects.add("c1", sj.Project("q"))
    assert not half.exists()
    assert sorted(path.name for path in file.parent.iterdir())[1:] == ["about.json"]


def test_a_forked_child_shares_too(manager, project):
    project.learn(rows(1))
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            project.learn(rows(2))
            os.write(write, str(manager.projects.get("c1", "p").n_rows).encode())
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert os.read(read, 10) == b"20"
    assert_same(project, [1, 2])


def test_the_memory_of_one_process_is_a_choice(sqlite_url, tmp_path):
    with sj.JobManager(store=sqlite_url, projects="memory") as manager:
        manager.projects.add("c1", sj.Project("p"))
    with sj.JobManager(store=sqlite_url) as manager:
        assert manager.projects.names("c1") == []
    with pytest.raises(sj.InputError, match="projects must be 'auto', 'memory' or 'shared', got 'both'"):
        sj.JobManager(store=sqlite_url, projects="both")
    with pytest.raises(sj.InputError, match="projects='shared' needs a folder"):
        sj.JobManager(projects="shared")


def test_without_a_folder_projects_are_in_memory(postgresql_url):
    with sj.JobManager(store=postgresql_url) as manager:
        manager.projects.add("c1", sj.Project("p"))
    with sj.JobManager(store=postgresql_url) as manager:
        assert manager.projects.names("c1") == []


# Idle projects leave the memory.


def test_idle_projects_are_unloaded_and_read_again(manager):
    project = sj.Project("p").learn(rows(0))
    manager.projects.add("c1", project)
    kept, before = weakref.ref(project), project.snapshot().hash
    manager.projects.add("c1", sj.Project("used"))
    assert manager.projects.unload(60) == 0
    used = manager.projects.get("c1", "used")
    del project
    assert manager.projects.unload(0) == 2
    gc.collect()
    assert kept() is None
    assert manager.projects.names("c1") == ["p", "used"]
    assert manager.projects.get("c1", "used") is used  # as somebody holds it
    assert manager.projects.get("c1", "p").snapshot().hash == before


def test_what_is_unloaded_while_it_learns_loses_nothing(manager, project):
    """Another thread may hold a project that was unloaded, and learn into it: one name stays one object."""
    stop = threading.Event()

    def unload():
        while not stop.is_set():
            manager.projects.unload(0)

    threads = [threading.Thread(target=unload)]
    threads += [
        threading.Thread(target=lambda k=k: [manager.projects.get("c1", "p").learn(rows(k)) for _ in range(5)])
        for k in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads[1:]:
        thread.join()
    stop.set()
    threads[0].join()
    assert_same(manager.projects.get("c1", "p"), [k for k in range(4) for _ in range(5)])


def test_the_manager_unloads(shared_url, folder, monkeypatch):
    with sj.JobManager(store=shared_url, folder=folder, unload_after=0.0) as manager:
        manager.projects.add("c1", sj.Project("p"))
        time.sleep(1.1)
        manager.list("c1")
        assert manager.projects._projects["c1"] == []
        assert manager.projects.get("c1", "p").name == "p"
