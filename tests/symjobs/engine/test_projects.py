"""Projects and jobs: the registry, the two light jobs about projects, and deleted projects."""

import numpy as np
import pytest

import symjobs as sj
from symjobs import rest
from tests.symjobs.engine._jobs import WAIT, held


@pytest.fixture
def project():
    return sj.Project("iris").learn((np.array([[1.0, 2.0], [3.0, 5.0], [4.0, 4.0]]), ["a", "b"]))


def test_the_registry(managers, project):
    projects = managers().projects
    projects.add("c1", project)
    projects.add("c1", project)  # the same one is no conflict
    projects.add("c1", sj.Project("other"))
    projects.add("c2", sj.Project("iris"))
    assert projects.get("c1", "iris") is project
    assert projects.get("c2", "iris") is not project
    assert projects.names("c1") == ["iris", "other"]
    assert projects.all("c2") == [projects.get("c2", "iris")]
    assert projects.names("c3") == []
    with pytest.raises(sj.ProjectExists, match="owner 'c1' has a project 'iris' already"):
        projects.add("c1", sj.Project("iris"))
    with pytest.raises(sj.NoSuchProject, match="owner 'c1' has no project 'x'; there are: iris, other"):
        projects.get("c1", "x")
    with pytest.raises(sj.NoSuchProject, match="there are: none"):
        projects.delete("c3", "iris")
    with pytest.raises(sj.InputError, match="an owner is a string"):
        projects.add("", project)


def test_deleting_a_project(managers, project):
    manager = managers()
    manager.projects.add("c1", project)
    manager.projects.delete("c1", "iris")
    assert project.deleted
    assert manager.projects.names("c1") == []
    with pytest.raises(sj.NoSuchProject):
        manager.projects.get("c1", "iris")
    manager.projects.add("c1", sj.Project("iris"))
    manager.projects.get("c1", "iris").delete()  # directly: it is gone from the registry too
    assert manager.projects.names("c1") == []
    manager.projects.add("c1", sj.Project("iris"))


def test_the_info_of_a_project(manager, project):
    handle = manager.submit(sj.ProjectInfoJob(project), owner="c1")
    info = handle.result(WAIT).info
    assert info.pid == "iris"
    assert info.attributeNames == ["a", "b"]
    response = rest.get_job(manager, "c1", handle.id)
    assert response.body["values"].keys() == {"smlInfo"}
    assert response.body["values"]["smlInfo"]["attributeNames"] == ["a", "b"]
    assert handle.info().isOnBoundedExecutor is False
    assert handle.info().details["projectHash"] == project.snapshot().hash == info.hash


def test_the_info_of_all_projects(manager, project):
    manager.projects.add("c1", project)
    manager.projects.add("c1", sj.Project("other"))
    handle = manager.submit(sj.ListProjectsInfoJob(manager.projects.all("c1")), owner="c1")
    assert [info.pid for info in handle.result(WAIT).infos] == ["iris", "other"]
    values = rest.get_job(manager, "c1", handle.id).body["values"]
    assert [info["pid"] for info in values["smlInfoList"]["values"]] == ["iris", "other"]
    empty = manager.submit(sj.ListProjectsInfoJob([]), owner="c1")
    empty.result(WAIT)
    assert rest.get_job(manager, "c1", empty.id).body["values"] == {"smlInfoList": {"values": []}}


def test_from_a_request(project):
    assert sj.ProjectInfoJob.from_context(project, sj.MLContext(), {}).project is project
    assert sj.ListProjectsInfoJob.from_context([project]).projects == (project,)


def test_a_job_on_a_deleted_project_is_refused(manager, project):
    project.delete()
    for job in (sj.ProjectInfoJob(project), sj.ListProjectsInfoJob([project])):
        with pytest.raises(sj.ProjectError, match="project 'iris' was deleted"):
            manager.submit(job, owner="c1")
        response = rest.create_job(manager, "c1", job)
        assert (response.status, response.body["statusCode"]) == (400, "BAD_REQUEST")
        assert "project 'iris' was deleted" in response.body["statusString"]
    assert manager.list("c1") == []


def test_a_project_that_is_deleted_while_its_job_waits(managers, project):
    class Heavy(sj.ProjectInfoJob):
        bounded = True

    manager = managers(workers=1)
    with held(manager):
        handle = manager.submit(Heavy(project))
        project.delete()
    with pytest.raises(sj.JobFailed, match="project 'iris' was deleted; no job can run on it"):
        handle.result(WAIT)
