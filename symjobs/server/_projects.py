"""The routes of projects that no job type answers."""

from __future__ import annotations

import base64
import binascii
import tempfile
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import msgspec

from symjobs._entities import from_json
from symjobs._errors import InputError, NoSuchProject, ProjectError, ProjectExists
from symjobs._project import Project
from symjobs._state._params import ProjectParameters
from symjobs.rest import Response, envelope, project_of
from symjobs.server._call import Call, Route, Threads

_TYPES = {"cpu": "cpu", "gpu": "gpu", "dynamic": "cpu", "auto": "auto"}


def create(call: Call) -> Response:
    pid = call.required("pid")
    kind = call.query.get("type", "").strip().lower() or "auto"
    if kind not in _TYPES:
        raise InputError(f"unknown project type {kind!r}; allowed are cpu and gpu")
    known = {declared.wire for declared in ProjectParameters.declared()}
    params = {name: text for name, text in call.map().items() if name in known}
    histogram = call.flag("enableHistogram")
    call.flag("persist")  # checked, and without effect: where the store says so, every project is kept in files
    project = Project(pid, type=_TYPES[kind], histogram=histogram, params=params)
    return _add(call, project)


def names(call: Call) -> Response:
    return envelope(HTTPStatus.OK, "OK", stringList={"values": call.manager.projects.names(call.cid)})


def delete(call: Call) -> Response:
    pid = call.path["pid"]
    try:
        call.manager.projects.delete(call.cid, pid)
    except NoSuchProject:
        raise InputError(f"Customer[{call.cid}] does not have Project with id[{pid}]") from None
    return envelope(HTTPStatus.OK, f"deleted Project with id[{pid}] from Customer[{call.cid}] store")


def save(call: Call) -> Response:
    call.project.snapshot()  # a shared project is saved with every change; one in memory ends with the process
    return envelope(HTTPStatus.OK, "OK")


def rename(call: Call) -> Response:
    project, name = call.project, call.required("newName")
    if name != project.name and name in call.manager.projects.names(call.cid):
        return _conflict(call, name)
    try:
        project.rename(name)
    except ProjectExists:
        return _conflict(call, name)
    return envelope(HTTPStatus.OK, "OK")


def merge(call: Call) -> Response:
    other = project_of(call.manager, call.cid, call.required("otherProjectName"))
    call.project.merge(other)
    return envelope(HTTPStatus.OK, "OK")


def export(call: Call) -> Response:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "project"
        call.project.save(path)
        return envelope(HTTPStatus.OK, "OK", string=base64.b64encode(path.read_bytes()).decode())


def take(call: Call) -> Response:
    text = bytes(call.body).strip()
    if text[:1] == b'"':
        text = from_json(text, str).encode()
    elif text[:1] == b"{":
        text = _exported(text).encode()
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InputError("the body is not a project as /export returns it, in Base64") from None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "body"
        path.write_bytes(data)
        try:
            project = Project.load(path)
        except ProjectError as error:
            raise InputError(str(error).replace(str(path), "the body")) from None
    project.rename(call.path["pid"])
    return _add(call, project)


def routes() -> list[Route]:
    """Return the routes."""
    created = {201: "Project Created with id:{pid}", 409: "Customer [{cid}] already have SYMETRYML with id[{pid}]"}
    one = "/projects/{pid}"
    return [
        Route(
            method="POST",
            path="/projects",
            answer=create,
            summary="Create a project",
            body="map",
            query={
                "pid": "name of the project",
                "type": "cpu, gpu or auto",
                "persist": "true or false; the server's store decides",
                "enableHistogram": "true: keep a quantile sketch of each attribute",
            },
            answers=created,
        ),
        Route(
            method="GET",
            path="/projects/list",
            answer=names,
            summary="Names of all projects",
            answers={200: "OK"},
            values=("stringList",),
        ),
        Route(
            method="DELETE",
            path=one,
            answer=delete,
            summary="Delete a project",
            answers={200: "deleted Project with id[{pid}] from Customer[{cid}] store"},
        ),
        _change("/save", save, "Save a project", threads="long"),
        _change("/freeze", lambda call: _done(call.project.freeze), "Refuse learning and forgetting"),
        _change("/unfreeze", lambda call: _done(call.project.unfreeze), "Allow learning and forgetting again"),
        _change("/rename", rename, "Give a project another name", query={"newName": "the name"}),
        _change(
            "/merge",
            merge,
            "Add what another project has learnt",
            query={"otherProjectName": "its name"},
            threads="long",
        ),
        _change(
            "/export", export, "The project as a file, in Base64", values=("string",), threads="long", changes=False
        ),
        Route(
            method="POST",
            path=f"{one}/import",
            answer=take,
            summary="Create a project from what /export returned",
            body="text",
            answers=created,
            threads="long",
        ),
    ]


def _change(
    path: str,
    answer: Callable[[Call], Response],
    summary: str,
    *,
    query: dict[str, str] | None = None,
    values: tuple[str, ...] = (),
    threads: Threads = "short",
    changes: bool = True,
) -> Route:
    return Route(
        method="GET",
        path=f"/projects/{{pid}}{path}",
        answer=answer,
        summary=summary,
        query=query,
        answers={200: "OK"},
        values=values,
        threads=threads,
        changes=changes,
    )


def _done(change: Callable[[], object]) -> Response:
    change()
    return envelope(HTTPStatus.OK, "OK")


def _add(call: Call, project: Project) -> Response:
    try:
        call.manager.projects.add(call.cid, project)
    except ProjectExists:
        return _conflict(call, project.name)
    return envelope(HTTPStatus.CREATED, f"Project Created with id:{project.name}")


def _conflict(call: Call, pid: str) -> Response:
    return envelope(HTTPStatus.CONFLICT, f"Customer [{call.cid}] already have SYMETRYML with id[{pid}]")


class _Exported(msgspec.Struct):
    string: str


class _Envelope(msgspec.Struct):
    values: _Exported


def _exported(text: bytes) -> str:
    # Clients may send back the whole answer of /export, or its values.
    try:
        return from_json(text, _Envelope).values.string
    except InputError:
        return from_json(text, _Exported).string
