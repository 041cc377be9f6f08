"""What a server meets: compression, slow and vanished clients, bodies without end, streams, other origins."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import threading
import time
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symjobs as sj
import symjobs.server
from symjobs.server._jobs import job_routes
from symjobs.server._signature import Message, signed_headers
from tests.symjobs.server._client import ROWS, SECRET, USERS, WAIT, Client, serving

LIMIT = 1 << 20  # of the fixture's server


class Held(sj.Job):
    """Runs until it is let go."""

    isolable = False

    def __init__(self, go: threading.Event, steps: int = 4) -> None:
        self.go, self.steps = go, steps

    def run(self, context: sj.JobContext) -> None:
        for step in range(self.steps):
            context.progress(step, self.steps)
            time.sleep(0.02)
        while not self.go.wait(0.01):
            context.checkpoint()


@pytest.fixture
def held(manager: sj.JobManager):
    go = threading.Event()
    handle = manager.submit(Held(go), "c1")
    yield handle, go
    go.set()
    assert handle.done() or handle.result(WAIT) is None


@pytest.fixture
def project(client: Client):
    client.post("/projects", query="pid=h")
    yield "/projects/h"
    client.delete("/projects/h")


def raw(port: int, text: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=WAIT)
    connection.sendall(text)
    return connection


def head(path: str, body: bytes, *, length: object = None, extra: str = "", method: str = "POST") -> bytes:
    url = f"/symetry/rest/c1{path}"
    signed = signed_headers(Message(method, "c1", url, "", body), SECRET)
    lines = [f"{method} {url} HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in signed.items())]
    lines += [f"Content-Length: {len(body) if length is None else length}"] if length != "" else []
    return ("\r\n".join(lines) + "\r\n" + extra + "\r\n").encode()


# Bodies.


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "x-gzip"])
def test_compressed_bodies(client, project, encoding):
    packed = zlib.compress(ROWS) if encoding == "deflate" else gzip.compress(ROWS)
    sent = client.post(f"{project}/learn", ROWS, headers={"Content-Encoding": encoding}, sent=packed)
    assert sent.status == 200, sent.raw
    cut = client.post(f"{project}/learn", ROWS, headers={"Content-Encoding": encoding}, sent=packed[:-9])
    assert (cut.status, "ends before" in cut.text) == (400, True)
    wrong = client.post(f"{project}/learn", ROWS, headers={"Content-Encoding": encoding})
    assert (wrong.status, "not compressed" in wrong.text) == (400, True)
    assert client.post(f"{project}/learn", ROWS, headers={"Content-Encoding": "br"}).status == 400


def test_a_compressed_body_that_grows_without_end(client, project):
    bomb = gzip.compress(b" " * (64 << 20))
    refused = client.post(f"{project}/learn", ROWS, headers={"Content-Encoding": "gzip"}, sent=bomb)
    assert (refused.status, refused.text.startswith("the body is larger than 1,048,576 bytes")) == (400, True)


def test_a_body_that_is_too_large_is_not_read(port, client, project):
    connection = raw(port, head("/projects/h/learn", b"", length=1 << 40))
    assert b"400 Bad Request" in connection.recv(4096)
    connection.close()
    refused = client.post(f"{project}/learn", b" " * (LIMIT + 1))
    assert refused.status == 400
    assert refused.headers["connection"] == "close"


def test_a_body_in_chunks_without_end(port):
    connection = raw(port, head("/projects/h/learn", b"", length="", extra="Transfer-Encoding: chunked\r\n"))
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    answer = b""
    try:
        for _ in range(64):
            connection.sendall(chunk)
    except (BrokenPipeError, ConnectionResetError):
        pass
    else:
        answer = connection.recv(4096)
        assert b"400 Bad Request" in answer
    connection.close()


def test_a_slow_body_is_given_up(port):
    connection = raw(port, head("/projects/h/learn", ROWS) + ROWS[:5])
    started = time.monotonic()
    assert b"did not go on within 3 seconds" in b"".join(iter(lambda: connection.recv(4096), b""))
    assert time.monotonic() - started < WAIT
    connection.close()


def test_a_client_that_vanishes_in_its_body(port, client, project):
    before = client.get(f"{project}/info").values["smlInfo"]["hash"]
    for _ in range(20):
        raw(port, head("/projects/h/learn", ROWS) + ROWS[:5]).close()
    assert client.get(f"{project}/info").values["smlInfo"]["hash"] == before


@settings(max_examples=30)
@given(st.binary(max_size=200))
def test_no_bytes_break_the_server(port, noise):
    for text in (noise + b"\r\n\r\n", head("/jobs", b"", extra="").replace(b"POST", b"GET") + noise):
        connection = raw(port, text)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
        connection.close()
    with Client(port) as again:
        assert again.get("/jobs").status == 200


@pytest.mark.parametrize(
    "path",
    ["/../../../etc/passwd", "/..%2f..%2fetc/passwd", "/%2e%2e/jobs", "/projects/../jobs", "/projects/%2e%2e/info"],
)
def test_paths_out_of_the_tree(port, path):
    url = f"/symetry/rest/c1{path}"
    signed = signed_headers(Message("GET", "c1", url), SECRET)
    with Client(port) as client:
        answer = client.send("GET", url, headers=signed)
    assert answer.status in (400, 401, 404)
    assert answer.json["values"].keys() <= {"stringToSign"}


def test_unknown_paths_and_methods(client):
    assert (client.get("/nothing").status, client.get("/nothing").json["statusCode"]) == (404, "NOT_FOUND")
    refused = client.request("PUT", "/jobs")
    assert (refused.status, refused.json["statusCode"]) == (405, "METHOD_NOT_ALLOWED")
    assert set(refused.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert client.get("/jobs/").status == 404
    assert client.get("/projects/").status == 404


@pytest.mark.parametrize("name", ["list", "info", "models", "jobs"])
def test_projects_with_the_names_of_routes(client, name):
    assert client.post("/projects", query=f"pid={name}").status == 201
    assert client.post(f"/projects/{name}/learn", ROWS).status == 200
    assert client.get(f"/projects/{name}/info").values["smlInfo"]["pid"] == name
    assert client.delete(f"/projects/{name}").status == 200


# Answers.


def test_large_answers_are_compressed(client, project):
    names = [f"x{j}" for j in range(60)]
    rows = [[str((i * 7 + j * j) % 13) for j in range(60)] for i in range(90)]
    client.post(f"{project}/learn", sj.to_json(sj.DataFrame(names, ["C"] * 60, rows)))
    created = client.post(f"{project}/explorepca", {"inputAttributeNames": names})
    plain = client.result(created)
    assert "content-encoding" not in plain.headers
    packed = client.get(f"/jobs/{created.headers['sym-job-id']}", headers={"Accept-Encoding": "gzip"})
    assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert gzip.decompress(packed.raw) == plain.raw
    assert len(packed.raw) < len(plain.raw)


def test_unchanged_answers_are_not_sent_again(client, held):
    handle, go = held
    path = f"/jobs/{handle.id}"
    while client.get(path).values["jobinfo"]["current"] < 3:
        time.sleep(0.01)
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status, again.raw) == (304, b"")
    go.set()
    handle.result(WAIT)
    changed = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (changed.status, changed.text) == (200, "Job is finished")


def test_an_answer_is_not_older_than_a_kill(client, held, monkeypatch):
    """The last answer about a running job is given again, but not after a client has changed the job."""
    handle, _ = held
    path = f"/jobs/{handle.id}"
    for _ in range(30):
        assert client.get(path).status == 202
    assert client.delete(path).status == 200
    assert client.get(path).status == 400


def test_an_answer_that_is_given_again_is_asked_for_anew(client, held):
    handle, go = held
    path = f"/jobs/{handle.id}"
    deadline = time.monotonic() + WAIT
    while client.get(path).values["jobinfo"]["current"] < 3:  # each is given again at once
        assert time.monotonic() < deadline
    stranger = Client(client.port, "c2", SECRET)
    with stranger:
        url = f"/symetry/rest/c1{path}"
        signed = signed_headers(Message("GET", "c1", url), "AAAA")
        assert stranger.send("GET", url, headers=signed).text == "Invalid Signature"
    go.set()
    handle.result(WAIT)
    assert client.get(path).status == 200


def test_head_has_no_body(client):
    answer = client.request("HEAD", "/jobs")
    assert (answer.status, answer.raw) == (200, b"")
    assert int(answer.headers["content-length"]) > 50


def test_waiting_for_a_job(client, held):
    handle, go = held
    started = time.monotonic()
    early = client.get(f"/jobs/{handle.id}", "wait=0.3")
    assert early.status == 202
    assert time.monotonic() - started > 0.25
    threading.Timer(0.3, go.set).start()
    assert client.get(f"/jobs/{handle.id}", "wait=60").status == 200
    assert time.monotonic() - started < WAIT
    assert client.get(f"/jobs/{handle.id}", "wait=60").status == 200
    for bad in ("-1", "x", "nan"):
        refused = client.get(f"/jobs/{handle.id}", f"wait={bad}")
        assert (refused.status, refused.text) == (400, f"wait must be a number of seconds, got '{bad}'")


def test_a_client_that_vanishes_while_it_waits(port, client, held):
    handle, _ = held
    url = f"/symetry/rest/c1/jobs/{handle.id}"
    for _ in range(30):  # more than there are threads for requests
        signed = signed_headers(Message("GET", "c1", url, "wait=60"), SECRET)
        lines = [f"GET {url}?wait=60 HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in signed.items())]
        raw(port, ("\r\n".join(lines) + "\r\n\r\n").encode()).close()
    assert client.get(f"/jobs/{handle.id}").status == 202


def test_a_stream_of_progress(port, held):
    handle, go = held
    url = f"/symetry/rest/c1/jobs/{handle.id}/events"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT)
    connection.request("GET", url, headers=signed_headers(Message("GET", "c1", url), SECRET))
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("content-type")) == (200, "text/event-stream")
    events = []
    while True:
        name = answer.readline().decode().removeprefix("event: ").strip()
        data = json.loads(answer.readline().decode().removeprefix("data: "))
        assert answer.readline() == b"\n"
        events.append((name, data))
        if name == "end":
            break
        go.set() if data["values"]["jobinfo"]["current"] == 3 else None
    connection.close()
    progress = [data["values"]["jobinfo"]["current"] for name, data in events if name == "progress"]
    assert progress == sorted(progress)
    assert len(progress) >= 1
    assert events[-1][1] == {"statusCode": "OK", "statusString": "Job is finished", "values": {}}
    assert not handle._execution._listeners  # each look has taken back what it left


def test_a_stream_does_not_read_the_result():
    """Where a result is removed when it is read, it is still there after the stream has ended."""
    manager = sj.JobManager(expire_on_read=True)
    with manager, serving(symjobs.server.create_app(manager, USERS)) as port, Client(port) as client:
        handle = manager.submit(sj.SVDJob(sj.Project("p").learn(sj.from_json(ROWS, sj.DataFrame))), "c1")
        events = client.get(f"/jobs/{handle.id}/events")
        assert events.raw.endswith(b'"statusString":"Job is finished","values":{}}\n\n')
        assert "KSVSMap" in client.get(f"/jobs/{handle.id}").values
        assert client.get(f"/jobs/{handle.id}").text == "No such job"


def test_bodies_share_the_memory_that_is_for_them(manager):
    """More than four bodies of the largest size are not held: the fifth is refused, and let in afterwards."""
    app = symjobs.server.create_app(manager, USERS, max_body=1 << 20)
    with serving(app) as port, Client(port) as client:
        client.post("/projects", query="pid=memory")
        whole = b" " * (1 << 20)
        deadline = time.monotonic() + WAIT
        while True:
            open_ones = [raw(port, head("/projects/memory/learn", whole) + whole[:-1]) for _ in range(4)]
            time.sleep(0.5)  # they have come, else one of them is refused beside the next request
            answer = client.post("/projects/memory/learn", ROWS)
            if answer.status != 200:
                break
            assert time.monotonic() < deadline
            for connection in open_ones:
                connection.close()
        assert (answer.status, answer.text) == (500, "Job execution was refused by server.")
        for connection in open_ones:
            connection.close()
        while client.post("/projects/memory/learn", ROWS).status != 200:
            assert time.monotonic() < deadline
        client.delete("/projects/memory")


def test_strangers_are_refused_before_their_body_is_read(port):
    text = head("/projects/h/learn", ROWS).replace(b"sym-date: 2", b"sym-date: 1") + b" "  # the rest never comes
    connection = raw(port, text)
    assert b"Please update your server time" in b"".join(iter(lambda: connection.recv(4096), b""))
    connection.close()


def test_head_changes_nothing(client, project):
    assert client.request("HEAD", f"{project}/freeze").status == 405
    assert client.post(f"{project}/learn", ROWS).status == 200


def test_what_acts_has_no_tag(client, project):
    learnt = client.post(f"{project}/learn", ROWS, headers={"If-None-Match": "*"})
    assert (learnt.status, "etag" in learnt.headers) == (200, False)


def test_kills_do_not_wait_for_long_requests(client, held):
    """Four threads are for long requests; a kill has its own."""
    handle, _ = held
    assert [route.method for route in job_routes() if route.threads == "kills"] == ["DELETE"]
    assert client.delete(f"/jobs/{handle.id}").status == 200


def test_killing_a_running_job(client, held):
    handle, _ = held
    killed = client.delete(f"/jobs/{handle.id}")
    assert (killed.status, killed.text, killed.values) == (200, "Job was killed", {})
    gone = client.get(f"/jobs/{handle.id}")
    assert (gone.status, gone.text) == (400, "No such job")
    assert handle.done()


def test_other_origins(manager, client, port):
    with serving(symjobs.server.create_app(manager, USERS, cors=["https://example.org"])) as allowing:
        for at, expected in ((port, None), (allowing, "https://example.org")):
            with Client(at) as one:
                answer = one.get("/jobs", headers={"Origin": "https://example.org"})
                assert answer.headers.get("access-control-allow-origin") == expected
                stranger = one.get("/jobs", headers={"Origin": "https://example.com"})
                assert "access-control-allow-origin" not in stranger.headers


# Who is let in.


def test_repeats(manager, sqlite_url):
    key = symjobs.server.new_key()
    users = symjobs.server.Users(sqlite_url, key)
    secret = users.add("c1")
    url, query = "/symetry/rest/c1/projects", "pid=repeated"

    def twice(port: int, method: str, path: str, query: str) -> list[int]:
        signed = signed_headers(Message(method, "c1", path, query), secret)
        with Client(port) as client:
            return [client.send(method, f"{path}?{query}", headers=signed).status for _ in range(2)]

    with serving(symjobs.server.create_app(manager, users)) as port:
        assert twice(port, "GET", "/symetry/rest/c1/jobs", "x=1") == [200, 200]
        assert twice(port, "POST", url, query) == [201, 409]
    with serving(symjobs.server.create_app(manager, users, refuse_repeats=True)) as port:
        assert twice(port, "GET", "/symetry/rest/c1/jobs", "x=1") == [200, 200]
        assert twice(port, "GET", url + "/repeated/freeze", "x=1") == [200, 401]
        assert twice(port, "DELETE", url + "/repeated", "x=1") == [200, 401]
    users.close()
    with pytest.raises(sj.InputError, match="needs Users"):
        symjobs.server.create_app(manager, USERS, refuse_repeats=True)


@pytest.mark.parametrize("secret", ["hunter2!", "", None, 7])
def test_secrets_are_checked_when_the_application_is_made(manager, secret):
    with pytest.raises(sj.InputError, match="secret of 'c1' is no Base64 text") as refused:
        symjobs.server.create_app(manager, {"c1": secret})
    assert "hunter2" not in str(refused.value)


def test_a_server_without_signatures_is_asked_for(manager):
    with pytest.raises(sj.InputError, match="unsigned=True"):
        symjobs.server.create_app(manager, None)
    with serving(symjobs.server.create_app(manager, None, unsigned=True)) as port, Client(port) as client:
        assert client.send("GET", "/symetry/rest/anybody/jobs").status == 200
        assert client.send("GET", "/symetry/rest/%00/jobs").status == 400


def test_customers_of_any_name(manager):
    for name in ("müller x", "a+b", "100%", "Ω;?#&"):
        with serving(symjobs.server.create_app(manager, {name: SECRET})) as port, Client(port, name) as client:
            created = client.post("/projects", query="pid=p")
            assert (created.status, created.text) == (201, "Project Created with id:p")
            client.post("/projects/p/learn", ROWS)
            created = client.post("/projects/p/vif", {"inputAttributeNames": ["a", "b"]})
            assert client.result(created).status == 200
            assert client.get("/jobs").values["jobinfoList"]["values"][0]["owner"] == name


def test_one_customer_cannot_sign_for_another(port, client):
    url = "/symetry/rest/c2/jobs"
    for cid in ("c1", "c2"):
        signed = signed_headers(Message("GET", cid, url), SECRET)
        assert client.send("GET", url, headers=signed).text == "Invalid Signature"


def test_the_loop_stays_free(manager, client, project):
    """While large bodies are learnt, a status takes no longer than a slice of them."""
    rows = [["1.5", "2.5"]] * 30_000
    body = sj.to_json(sj.DataFrame(["a", "b"], ["C", "C"], rows))
    stop = threading.Event()

    def learn() -> None:
        with Client(client.port) as mine:
            while not stop.is_set():
                assert mine.post(f"{project}/learn", body).status == 200

    threads = [threading.Thread(target=learn) for _ in range(6)]  # more than `heavy_requests`
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            assert client.get("/jobs").status == 200
    finally:
        stop.set()
        for thread in threads:
            thread.join(WAIT)
