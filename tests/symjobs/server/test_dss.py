"""Data sources over HTTP: described, encrypted, listed without secrets, sampled, learnt and forgotten."""

from __future__ import annotations

import base64
import json
import sqlite3
import subprocess
import threading

import pytest

import symjobs as sj
import symjobs.server
from symjobs.server import DataSources, new_key
from symjobs.sources import Access
from tests.symjobs.server._client import OTHER, SECRET, USERS, VECTOR, WAIT, Client, encrypted, serving
from tests.symjobs.sources._web import serving as serving_files

PASSWORD = "a-password-that-nobody-reads"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    (folder / "d.csv").write_text("a,b,t\n" + "".join(f"{i},{i * i},{'xy'[i % 2]}\n" for i in range(500)))
    (folder / "bad.csv").write_text("a,b\n1,2\n3,many\n")
    return folder


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return f"sqlite:///{tmp_path_factory.mktemp('store') / 'jobs.db'}"


@pytest.fixture(scope="module")
def web(folder):
    with serving_files(folder) as server:
        yield server


@pytest.fixture(scope="module")
def port(manager, folder, store, web):
    sources = DataSources(store, new_key())
    access = Access(roots=(folder,), hosts=("127.0.0.1",), timeout=0.5)
    app = symjobs.server.create_app(manager, USERS, max_body=1 << 20, sources=sources, access=access)
    with serving(app) as port:
        yield port
    sources.close()


def local(name: str, path: str = "d.csv", **info: str) -> dict:
    return {"type": "localfile", "name": name, "info": {"path": path, **info}, "extra": {}}


def test_the_life_of_a_data_source(client, other):
    created = client.post("/dss/create", encrypted(local("sales")))
    assert (created.status, created.json["statusCode"]) == (201, "CREATED")
    assert created.text == "DS created with name [sales] for customer [c1]"
    again = client.post("/dss/create", encrypted(local("sales")))
    assert (again.status, again.json["statusCode"]) == (409, "CONFLICT")
    found = client.get("/dss/sales")
    assert (found.status, found.values["dsInfo"]) == (200, local("sales"))
    assert [one["name"] for one in client.get("/dss").values["dsInfoList"]["values"]] == ["sales"]
    assert other.get("/dss").values["dsInfoList"]["values"] == []
    assert other.get("/dss/sales").status == 400
    changed = client.request("PUT", "/dss/sales", encrypted(local("sales", "bad.csv")))
    assert (changed.status, changed.text) == (200, "DS updated with name [sales] for customer [c1]")
    assert client.get("/dss/sales").values["dsInfo"]["info"]["path"] == "bad.csv"
    assert other.delete("/dss/sales").status == 400
    gone = client.delete("/dss/sales")
    assert (gone.status, gone.text) == (200, "DS deleted with name [sales] for customer [c1]")
    for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/sample")):
        answer = client.request(method, f"/dss/sales{path}", encrypted(local("sales")) if method == "PUT" else b"")
        assert (answer.status, answer.text) == (400, "Cannot Find DS [sales] for Customer id [c1]")


def test_what_openssl_encrypts_is_read(client):
    command = [
        "openssl",
        "enc",
        "-aes-128-cbc",
        "-K",
        base64.b64decode(SECRET).hex(),
        "-iv",
        base64.b64decode(VECTOR).hex(),
        "-base64",
        "-A",
    ]
    body = subprocess.run(command, input=json.dumps(local("openssl")).encode(), capture_output=True, check=True).stdout
    assert client.post("/dss/create", body).status == 201
    assert client.get("/dss/openssl").values["dsInfo"]["type"] == "localfile"


def test_plain_json_from_the_same_machine(client):
    assert client.post("/dss/create", local("plain")).status == 201
    assert client.post("/dss/create", json.dumps(encrypted(local("text")).decode()).encode()).status == 201


def test_plain_json_from_elsewhere_is_refused(manager):
    app = symjobs.server.create_app(manager, USERS)

    async def from_elsewhere(scope, receive, send):
        if scope["type"] == "http":
            scope = {**scope, "client": ("203.0.113.7", 4711), "scheme": scope.get("test_scheme", scheme)}
        await app(scope, receive, send)

    for scheme, status in (("http", 400), ("https", 201)):
        with serving(from_elsewhere) as port, Client(port) as client:
            answer = client.post("/dss/create", local(f"from {scheme}"))
            assert answer.status == status
            if status == 400:
                assert "accepted over TLS or from the same machine only" in answer.text
            assert client.post("/dss/create", encrypted(local(f"sealed {scheme}"))).status == 201


def test_the_sample(client):
    client.post("/dss/create", encrypted(local("sampled", types='{"t": "T"}')))
    frame = client.get("/dss/sampled/sample").values["dataframe"]
    assert frame["attributeNames"] == ["a", "b", "t"]
    assert frame["attributeTypes"] == ["C", "C", "T"]
    assert len(frame["data"]) == 128
    assert frame["data"][3] == ["3", "9", "y"]
    client.post("/dss/create", encrypted(local("no such file", "none.csv")))
    answer = client.get("/dss/no%20such%20file/sample")
    assert (answer.status, answer.text) == (400, "no such file: none.csv")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_learn_and_forget(client, method):
    name = f"learnt-{method}"
    client.post("/projects", query=f"pid={name}")
    client.post("/dss/create", encrypted(local(name)))
    body = {"extraParameters": {"types": json.dumps({"t": "T"})}} if method == "POST" else b""
    created = client.request(method, f"/projects/{name}/dss/{name}/learn", body)
    done = client.result(created)
    assert (done.status, done.text) == (200, "Job is finished")
    info = done.values["smlInfo"]
    assert info["pid"] == name
    assert info["attributeNames"] == (["a", "b", "t$x", "t$y"] if method == "POST" else ["a", "b"])
    job = client.get("/jobs").values["jobinfoList"]["values"][-1]
    assert job["jobType"] == "DSUpdateJob"
    assert job["current"] == job["maximum"] > 1000
    assert job["details"]["rows"] == "500"
    assert job["details"]["dataSource"] == name
    forgotten = client.result(client.request(method, f"/projects/{name}/dss/{name}/forget", body))
    assert forgotten.status == 200
    uni = client.post(f"/projects/{name}/explore", {"values": [{"inputAttributeNames": ["a"]}]}, "metric=uni")
    assert uni.status == 400 or uni.values["KSVDMap"]["values"][0]["count"] == 0


def test_a_job_that_fails_says_where(client):
    client.post("/projects", query="pid=failing")
    client.post("/dss/create", encrypted(local("bad", "bad.csv")))
    failed = client.result(client.post("/projects/failing/dss/bad/learn"))
    assert failed.status == 500
    assert failed.text.startswith("bad.csv, line 3, column 'b': 'many' is not a number")
    done = client.result(client.post("/projects/failing/dss/bad/learn", query="errorHandling=missing"))
    assert done.status == 200
    assert client.get("/jobs").values["jobinfoList"]["values"][-1]["details"]["badValues"].startswith("b: 1")


def test_a_source_from_the_web(client, web):
    client.post("/projects", query="pid=web")
    client.post("/dss/create", encrypted({"type": "http", "name": "web", "info": {"path": f"{web.url}/d.csv"}}))
    assert client.result(client.get("/projects/web/dss/web/learn")).status == 200
    client.post("/dss/create", encrypted({"type": "http", "name": "slow", "info": {"path": f"{web.url}/hangs.csv"}}))
    failed = client.result(client.get("/projects/web/dss/slow/learn"))
    assert (failed.status, failed.text.endswith("no answer in time")) == (500, True)


@pytest.mark.parametrize(
    ("dsinfo", "words"),
    [
        (local("x", "../secret.csv"), "is outside of the folders that this server opens"),
        (local("x", "/etc/passwd"), "is outside of the folders that this server opens"),
        (
            {"type": "http", "name": "x", "info": {"path": "http://169.254.169.254/latest"}},
            "does not connect to the host",
        ),
        (
            {"type": "jdbc", "name": "x", "info": {"driver": "sqlite", "database": "/etc/passwd", "table": "t"}},
            "outside of the",
        ),
    ],
)
def test_what_a_server_does_not_open(client, dsinfo, words):
    client.post("/projects", query="pid=refused")
    client.post("/dss/create", encrypted(dsinfo))
    failed = client.result(client.get("/projects/refused/dss/x/learn"))
    assert failed.status == 500
    assert words in failed.text
    sampled = client.get("/dss/x/sample")
    assert (sampled.status, words in sampled.text) == (400, True)
    client.delete("/dss/x")


def test_secrets_come_back_as_stars_and_stay_when_they_do(client, store):
    info = {"driver": "postgresql", "host": "h", "database": "d", "user": "u", "password": PASSWORD, "table": "t"}
    client.post("/dss/create", encrypted({"type": "jdbc", "name": "db", "info": info}))
    for answer in (client.get("/dss/db"), client.get("/dss")):
        assert PASSWORD not in answer.raw.decode()
    shown = client.get("/dss/db").values["dsInfo"]
    assert shown["info"]["password"] == "***"
    shown["info"]["table"] = "other"
    assert client.request("PUT", "/dss/db", encrypted(shown)).status == 200
    assert client.get("/dss/db").values["dsInfo"]["info"] == {**info, "password": "***", "table": "other"}
    path = store.removeprefix("sqlite:///")
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT * FROM symjobs_data_sources").fetchall()
    connection.close()
    assert rows
    assert PASSWORD not in repr(rows)
    assert "postgresql" not in repr(rows)
    with open(path, "rb") as file:
        assert PASSWORD.encode() not in file.read()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "the request has no body"),
        (b"not base64!", "does not decrypt"),
        (base64.b64encode(b"too short"), "does not decrypt"),
        (encrypted(local("x"), OTHER), "does not decrypt|JSON"),
        (encrypted({"name": "x"}), "type"),
        (encrypted({"type": "floppy", "name": "x"}), "has the type 'floppy'; supported: localfile, http, s3, jdbc"),
        (encrypted({"type": "localfile", "name": "x"}), "has no info.path"),
        (encrypted({"type": "localfile", "info": {"path": "d.csv"}}), "name"),
        (encrypted(local("a/b")), "one segment of a path"),
        (encrypted(local("n" * 256)), "more than 255 characters"),
        (encrypted(local("x", csv_colour="red")), "unknown key 'csv_colour'"),
        (b"{", "JSON|malformed|truncated|Input data"),
    ],
)
def test_a_description_that_is_none(client, body, words):
    import re

    answer = client.post("/dss/create", body)
    assert (answer.status, answer.json["statusCode"]) == (400, "BAD_REQUEST")
    assert re.search(words, answer.text), answer.text
    assert "\n" not in answer.text


def test_two_who_create_the_same_name(client):
    statuses: list[int] = []

    def create() -> None:
        statuses.append(client.post("/dss/create", encrypted(local("raced"))).status)

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert sorted(statuses) == [201] + [409] * 7


def test_a_server_without_settings_opens_nothing(manager):
    with serving(symjobs.server.create_app(manager, USERS)) as port, Client(port) as client:
        client.post("/projects", query="pid=nothing")
        for name, dsinfo in {
            "f": local("f"),
            "h": {"type": "http", "name": "h", "info": {"path": "http://127.0.0.1/"}},
        }.items():
            assert client.post("/dss/create", encrypted(dsinfo)).status == 201
            failed = client.result(client.get(f"/projects/nothing/dss/{name}/learn"))
            assert failed.status == 500
            assert "its operator" in failed.text


def test_a_stored_description_of_another_customer_is_not_read(store, tmp_path):
    key = new_key()
    sources = DataSources(f"sqlite:///{tmp_path / 's.db'}", key)
    sources.add("c1", sj.DSInfo("localfile", "d", {"path": "p"}))
    sources.add("c2", sj.DSInfo("localfile", "d", {"path": "q"}))
    with sqlite3.connect(tmp_path / "s.db") as connection:
        connection.execute("UPDATE symjobs_data_sources SET owner = 'c3' WHERE owner = 'c1'")
    connection.close()
    with pytest.raises(sj.StoreError, match="the database was altered"):
        sources.get("c3", "d")
    assert sources.get("c2", "d").info == {"path": "q"}
    sources.close()
    other = DataSources(f"sqlite:///{tmp_path / 's.db'}", new_key())
    with pytest.raises(sj.StoreError, match="another master key"):
        other.get("c2", "d")
    other.close()
    with pytest.raises(sj.InputError, match="give both or none"):
        DataSources(f"sqlite:///{tmp_path / 's.db'}")


@pytest.mark.postgresql
def test_descriptions_in_postgresql(postgresql_url):
    sources = DataSources(postgresql_url, new_key())
    assert sources.add("c1", sj.DSInfo("localfile", "d", {"path": "p"}))
    assert not sources.add("c1", sj.DSInfo("localfile", "d", {"path": "q"}))
    assert sources.replace("c1", sj.DSInfo("localfile", "d", {"path": "r"}))
    assert [one.info["path"] for one in sources.all("c1")] == ["r"]
    assert sources.remove("c1", "d")
    assert not sources.remove("c1", "d")
    sources.close()


def test_an_address_with_a_password_comes_back_without_and_stays(client):
    path = f"http://u:{PASSWORD}@127.0.0.1:1/d.csv"
    client.post("/dss/create", encrypted({"type": "http", "name": "web-password", "info": {"path": path}}))
    shown = client.get("/dss/web-password").values["dsInfo"]
    assert shown["info"]["path"] == "http://127.0.0.1:1/d.csv"
    assert client.request("PUT", "/dss/web-password", encrypted({**shown, "extra": {"k": "v"}})).status == 200
    assert PASSWORD not in client.get("/dss/web-password").raw.decode()
    failed = client.get("/dss/web-password/sample")
    assert failed.status == 400
    assert PASSWORD not in failed.text


def test_head_learns_nothing(client):
    client.post("/projects", query="pid=head")
    client.post("/dss/create", encrypted(local("head")))
    assert client.request("HEAD", "/projects/head/dss/head/learn").status == 405
    assert client.get("/projects/head/info").values["smlInfo"]["attributeNames"] == []


@pytest.mark.parametrize(
    ("dsinfo", "words"),
    [
        ({"type": "http", "info": {"path": "http://[::1/x"}}, "is no address"),
        (
            {"type": "jdbc", "info": {"driver": "postgresql", "host": "h", "port": "²", "database": "d", "table": "t"}},
            "port is",
        ),
        (local("x", csv_missing='a\nb"c'), "csv_missing"),
        (local("x", "**/**/../../secret"), "outside of the folders"),
        (
            {"type": "jdbc", "info": {"driver": "sqlite", "database": "d.db", "query": "PRAGMA database_list"}},
            "not authorized",
        ),
        (
            {
                "type": "s3",
                "info": {
                    "path": "k",
                    "s3bucket": "b",
                    "s3region": "@127.0.0.1/?",
                    "s3accessKey": "a",
                    "s3secretKey": "s",
                },
            },
            "has characters that none has",
        ),
    ],
)
def test_odd_descriptions_are_no_internal_errors(client, folder, dsinfo, words):
    with sqlite3.connect(folder / "d.db") as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS t (x)")
    connection.close()
    client.delete("/dss/x")
    answer = client.post("/dss/create", encrypted({**dsinfo, "name": "x"}))
    if answer.status == 201:
        answer = client.get("/dss/x/sample")
    assert answer.status == 400
    assert words in answer.text


def test_a_query_without_end_is_ended(client, folder):
    endless = "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT max(x) FROM t"
    with sqlite3.connect(folder / "e.db") as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS t (x)")
    connection.close()
    info = {"driver": "sqlite", "database": "e.db", "query": endless}
    client.post("/dss/create", encrypted({"type": "jdbc", "name": "endless", "info": info}))
    answer = client.get("/dss/endless/sample")
    assert (answer.status, "interrupted" in answer.text) == (400, True)
