"""The examples of docs/examples, each over HTTP in its own web framework."""

from __future__ import annotations

import importlib.util
import threading
from http.client import HTTPConnection
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

import symjobs as sj
from symjobs.server._signature import Message, signed_headers
from tests.symjobs.server._client import ROWS, SECRET, WAIT, Client, serving

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"


@pytest.fixture
def example(request, monkeypatch):
    """The module of an example."""
    monkeypatch.setenv("SECRET_OF_C1", SECRET)
    spec = importlib.util.spec_from_file_location(request.param, EXAMPLES / f"{request.param}.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(__import__("sys").modules, request.param, module)  # Django finds its urls by this name
    spec.loader.exec_module(module)
    yield module
    module.manager.shutdown(timeout=WAIT)


def use(port: int, before: str = "") -> None:
    """Learn rows and ask a job, as a client that signs the path that it sends."""
    with Client(port) as client:

        def send(method: str, path: str, body: bytes = b"", query: str = "") -> dict:
            path = f"{before}/symetry/rest/c1{path}"
            signed = signed_headers(Message(method, "c1", path, query, body), SECRET)
            return client.send(method, f"{path}?{query}" if query else path, body, signed)

        assert send("POST", "/projects", query="pid=p").status == 201
        assert send("POST", "/projects/p/learn", ROWS).status == 200
        created = send("POST", "/projects/p/vif", b'{"inputAttributeNames": ["a", "b"]}')
        assert created.status == 202
        assert created.headers["location"] == f"{before}/symetry/rest/c1/jobs/{created.headers['sym-job-id']}"
        found = send("GET", f"/jobs/{created.headers['sym-job-id']}", query="wait=30")
        assert (found.status, set(found.values["KSVSMap"]["values"][0])) == (200, {"a", "b"})
        stranger = client.send("GET", f"{before}/symetry/rest/c1/jobs")
        assert (stranger.status, stranger.text) == (400, "Authentication header is null")
        assert client.send("GET", "/health").raw in (b"ok", b'{"ok":true}')


@pytest.mark.parametrize(
    ("example", "app", "before"),
    [
        ("mount_fastapi", "app", ""),
        ("mount_starlette", "app", "/statistics"),
        ("mount_django", "application", ""),
    ],
    indirect=["example"],
)
def test_mounted(example, app, before):
    with serving(getattr(example, app)) as port:
        use(port, before)


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


@pytest.mark.parametrize("example", ["mount_flask"], indirect=True)
def test_flask(example):
    example.manager.projects.add("c1", sj.Project("p").learn(sj.from_json(ROWS, sj.DataFrame)))
    with make_server("127.0.0.1", 0, example.app, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()

        def send(method, path, body=None, user="c1"):
            connection = HTTPConnection("127.0.0.1", server.server_port, timeout=WAIT)
            connection.request(method, f"/symetry/rest/c1{path}", body, {"X-User": user})
            answer = connection.getresponse()
            found = answer.status, dict(answer.getheaders()), answer.read()
            connection.close()
            return found

        status, headers, _ = send("POST", "/projects/p/vif", b'{"values": [{"inputAttributeNames": ["a", "b"]}]}')
        assert (status, headers["Location"]) == (202, "/symetry/rest/c1/jobs/1")
        example.manager.get("c1", 1).result(WAIT)
        assert send("GET", "/jobs/1")[0] == 200
        assert send("GET", "/jobs")[0] == 200
        assert send("DELETE", "/jobs/1")[0] == 202
        assert send("POST", "/projects/none/vif", b'{"values": [{}]}')[0] == 400
        assert send("GET", "/jobs", user="c2")[0] == 401
        server.shutdown()
        thread.join(WAIT)
