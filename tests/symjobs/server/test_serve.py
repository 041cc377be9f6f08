"""`symjobs serve` as a process: its first user, restarts, crashes at any moment, two of them, many clients."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tests.symjobs.server._client import ROWS, WAIT, Client
from tests.symjobs.server._faults import N, ask_many, batch, crash, learnt
from tests.symjobs.server._served import Served, symjobs


def test_first_steps(tmp_path):
    with Served(tmp_path) as server:
        url = f"http://127.0.0.1:{server.port}"
        known = {"SYMJOBS_SECRET": server.secret, "SYMJOBS_USER": "c1", "SYMJOBS_URL": url}

        def request(*words: str) -> tuple[int, dict]:
            done = symjobs("request", *words, root=tmp_path, **known)
            return done.returncode, json.loads(done.stdout)

        assert request("POST", "/projects?pid=p")[0] == 0
        (tmp_path / "rows.json").write_bytes(ROWS)
        assert request("POST", "/projects/p/learn", "--data", "@rows.json")[0] == 0
        code, created = request("POST", "projects/p/vif", "--data", '{"inputAttributeNames": ["a", "b"]}')
        assert (code, created["statusString"]) == (0, "Job Created")
        code, found = request("GET", "/jobs/1?wait=30")
        assert (code, set(found["values"]["KSVSMap"]["values"][0])) == (0, {"a", "b"})
        assert request("GET", "/symetry/rest/c1/projects/list")[1]["values"]["stringList"]["values"] == ["p"]
        code, refused = request("GET", "/projects/none/info")
        assert (code, refused["statusCode"]) == (1, "BAD_REQUEST")

        script = Path(__file__).parents[3] / "docs" / "examples" / "sign.sh"
        for words in (["GET", "/jobs/1?wait=1"], ["POST", "/projects/p/learn", "rows.json"], ["GET", "/jobs"]):
            done = subprocess.run(
                ["bash", script, *words],
                env={**known, "PATH": "/usr/bin:/bin"},
                cwd=tmp_path,
                capture_output=True,
                check=True,
            )
            assert json.loads(done.stdout)["statusCode"] == "OK", done.stdout
        code, output = server.stop()
    assert (code, output) == (0, "symjobs has stopped\n")


@pytest.mark.skipif(os.name != "posix", reason="the command is for a shell of Unix")
def test_a_key_file_that_is_not_there_is_made_by_the_command_of_the_error(tmp_path):
    key = tmp_path / "my key"
    words = ("user", "add", "c1", "--root", str(tmp_path), "--key-file", str(key))
    done = symjobs(*words, root=tmp_path)
    assert done.returncode == 2
    command = done.stderr.strip().partition("only you can read: ")[2]
    command = command.replace("symjobs ", f"{sys.executable} -m symjobs ", 1)
    subprocess.run(command, shell=True, check=True)
    assert key.stat().st_mode & 0o777 == 0o600
    assert symjobs(*words, root=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("words", "environment", "message"),
    [
        (["request", "GET", "/jobs"], {"SYMJOBS_USER": "c1"}, "set SYMJOBS_SECRET"),
        (["request", "GET", "/jobs"], {"SYMJOBS_SECRET": "AAAA"}, "who asks?"),
        (["request", "GET", "/jobs", "--user", "c1"], {"SYMJOBS_SECRET": "no!"}, "must be Base64"),
        (["request", "GET", "/jobs", "--user", "c1", "--url", "localhost"], {"SYMJOBS_SECRET": "AAAA"}, "no address"),
        (
            ["request", "GET", "/jobs", "--user", "c1", "--url", "http://127.0.0.1:1"],
            {"SYMJOBS_SECRET": "AAAA"},
            "no server answers",
        ),
        (["user", "add"], {}, "needs a name"),
        (["user", "remove", "c7"], {}, "no user 'c7'"),
        (["user", "add", "a/b"], {}, "one segment"),
        (["user", "list", "--key-file", "none"], {}, "there is no master key"),
        (["user", "list"], {"SYMJOBS_KEY": "x"}, "32 random bytes"),
        (["user", "list", "--store", "nonsense"], {}, "not an SQLAlchemy URL"),
        (["serve", "--port", "70000"], {}, "cannot listen"),
        (["serve", "--workers", "0"], {}, "workers"),
    ],
)
def test_bad_words_end_in_one_line(tmp_path, words, environment, message):
    done = symjobs(*words, root=tmp_path, **environment)
    assert done.returncode == 2, done.stdout + done.stderr
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_port_that_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = symjobs("serve", "--port", str(taken.getsockname()[1]), root=tmp_path)
    assert (done.returncode, "take another --port" in done.stderr) == (2, True)


def test_those_who_wait_are_answered_when_it_stops(tmp_path):
    """One for a job with ?wait=, one with a stream of events; both get a whole answer, and there is no traceback."""
    params = {"cluster_features": "x:y", "cluster_num_centroids": "2000", "cluster_warmup_period": "2001"}
    with Served(tmp_path) as server, server.client() as client:
        client.post("/projects", params, "pid=p")
        rows = np.random.default_rng(0).standard_normal((3000, 2)).astype(str).tolist()
        frame = {"attributeNames": ["x", "y"], "attributeTypes": ["C", "C"], "data": rows}
        assert client.post("/projects/p/learn", frame).status == 200
        extra = {"kmeans_k_min": "2", "kmeans_k_max": "200", "kmeans_n_init": "400"}
        created = client.post("/projects/p/kmeansOptimize", {"extraParameters": extra})
        path = f"/jobs/{created.headers['sym-job-id']}"
        answers = {}

        def wait(name: str, path: str, query: str) -> None:
            with server.client() as mine:
                answers[name] = mine.get(path, query)

        threads = [
            threading.Thread(target=wait, args=words)
            for words in (("wait", path, "wait=60"), ("events", f"{path}/events", ""))
        ]
        for thread in threads:
            thread.start()
        time.sleep(3)  # both wait by then
        code, output = server.stop()
        for thread in threads:
            thread.join(WAIT)
    assert (code, output.splitlines()[-1]) == (0, "symjobs has stopped")
    assert "Traceback" not in output
    assert (answers["wait"].status, answers["wait"].text) == (202, "Job still running")
    assert answers["events"].raw.startswith(b"event: progress\n")


def test_sigterm_is_an_orderly_end(tmp_path):
    with Served(tmp_path) as server, server.client() as client:
        assert client.get("/jobs").status == 200
        server.process.terminate()
        assert server.end() == (0, "symjobs has stopped\n")


def test_the_query_of_a_request_is_quoted(tmp_path):
    with Served(tmp_path) as server:
        known = {"SYMJOBS_SECRET": server.secret, "SYMJOBS_USER": "c1"}
        words = ["request", "POST", "/projects?pid=my größe", "--url", f"http://127.0.0.1:{server.port}"]
        done = symjobs(*words, root=tmp_path, **known)
        assert json.loads(done.stdout)["statusString"] == "Project Created with id:my größe"


def test_users_come_and_go_while_it_serves(tmp_path):
    with Served(tmp_path) as server:
        added = symjobs("user", "add", "c2", "--root", "data", root=tmp_path).stdout.splitlines()[-1]
        with Client(server.port, "c2", added) as second:
            assert second.get("/jobs").status == 200
            assert symjobs("user", "list", "--root", "data", root=tmp_path).stdout == "c1\nc2\n"
            assert symjobs("user", "remove", "c2", "--root", "data", root=tmp_path).returncode == 0
            deadline = time.monotonic() + WAIT
            while second.get("/jobs").status == 200:
                assert time.monotonic() < deadline
                time.sleep(0.1)
            assert second.get("/jobs").text == "Invalid User"


def test_everything_survives_a_restart(tmp_path):
    with Served(tmp_path) as server, server.client() as client:
        client.post("/projects", query="pid=p")
        client.post("/projects/p/learn", batch(0))
        client.result(client.post("/projects/p/build", {"inputAttributeNames": ["x", "y"]}, "modelid=m&algo=oospca"))
        found = client.result(client.post("/projects/p/vif", {"inputAttributeNames": ["x", "y"]}))
        info = client.get("/projects/p/info").values
        assert server.stop()[0] == 0
    with Served(tmp_path, secret=server.secret) as server, server.client() as client:
        assert client.get("/jobs/2").raw == found.raw
        assert client.get("/projects/p/info").values == info
        assert client.post("/projects/p/predict/m", batch(1)).status == 200
        assert client.post("/projects/p/vif", {"inputAttributeNames": ["x", "y"]}).headers["sym-job-id"] == "3"


def test_two_servers_lose_no_row(tmp_path):
    with Served(tmp_path) as first, Served(tmp_path, secret=first.secret) as second:
        with first.client() as client:
            client.post("/projects", query="pid=p")
        done: list[int] = []

        def learn(server: Served, numbers: range) -> None:
            with server.client() as client:
                for number in numbers:
                    answer = client.post("/projects/p/learn", batch(number), "async=true" if number % 2 else "")
                    if number % 2:
                        answer = client.result(answer)
                    assert answer.status == 200, answer.raw
                    done.append(number)

        threads = [
            threading.Thread(target=learn, args=(server, range(10 * k, 10 * k + 10)))
            for k, server in enumerate((first, second, first, second))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT)
        assert sorted(done) == list(range(40))
        for server in (first, second):
            with server.client() as client:
                assert learnt(client) == dict.fromkeys(range(40), N)


def test_one_of_two_servers_is_killed(tmp_path):
    with Served(tmp_path) as first, Served(tmp_path, secret=first.secret) as second, second.client() as client:
        client.post("/projects", query="pid=p")
        client.post("/projects/p/learn", batch(0))
        with first.client() as killed:
            accepted = [
                killed.post("/projects/p/vif", {"inputAttributeNames": ["x", "y"]}).headers["sym-job-id"]
                for _ in range(20)
            ]
            first.kill()
        assert client.post("/projects/p/learn", batch(1)).status == 200
        for number in accepted:
            deadline = time.monotonic() + WAIT
            while (answer := client.get(f"/jobs/{number}", "wait=5")).status == 202:
                assert time.monotonic() < deadline
            assert (answer.status, answer.text) == (200, "Job is finished") or (
                answer.status == 500 and answer.values["jobinfo"]["isDone"]
            ), answer.raw
        assert learnt(client) == {0: N, 1: N}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the memory of a process from Linux")
def test_a_body_of_100_megabytes_takes_twice_its_size(tmp_path):
    def most() -> int:
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024

    row = b'["1.25","-3.5","17","0.001"],'
    head = b'{"attributeNames":["a","b","c","d"],"attributeTypes":["C","C","C","C"],"data":['
    with Served(tmp_path) as server, server.client() as client:
        client.post("/projects", query="pid=p")
        assert client.post("/projects/p/learn", head + row * 30_000 + row[:-1] + b"]}").status == 200
        before = most()
        body = head + row * (100_000_000 // len(row)) + row[:-1] + b"]}"
        assert client.post("/projects/p/learn", body).status == 200
        assert most() - before < 2 * len(body)
        answer = client.post("/projects/p/explore", {"inputAttributeNames": ["a"]}, "metric=uni")
        assert answer.values["KSVDMap"]["values"][0]["count"] == 30_001 + body.count(b"[") - 3


def test_kill_9_at_any_moment(tmp_path):
    """tests/soak/test_server.py has more rounds."""
    crash(tmp_path, (np.random.default_rng(seed) for seed in range(5)))


def test_many_clients(tmp_path):
    """Each of 500 jobs from 50 clients is answered exactly once."""
    ask_many(tmp_path, 500, 50)
