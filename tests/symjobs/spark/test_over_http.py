"""A source of Spark, described, learnt and forgotten over HTTP."""

from __future__ import annotations

import pytest

import symjobs as sj
import symjobs.server
from symjobs.sources import Access
from tests.symjobs.server._client import USERS, Client, encrypted, serving


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "d.csv").write_text("a,b,t\n" + "".join(f"{i},{i * i},{'xy'[i % 2]}\n" for i in range(500)))
    return tmp_path


def _source(**info):
    info = {"path": "d.csv", "types": '{"t": "T"}', "s3secretKey": "a-secret-key", **info}
    return encrypted({"type": "sparks3_map_reduce_csv", "name": "clicks", "info": info, "extra": {}})


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_learn_and_forget(folder, connect_url, method):
    with sj.JobManager(workers=2, store=None) as manager:
        access = Access(roots=(folder,), spark_masters=(connect_url,))
        with serving(symjobs.server.create_app(manager, USERS, access=access)) as port, Client(port) as client:
            assert client.post("/projects", b"", "pid=p").status == 201
            assert client.post("/dss/create", _source()).status == 201
            shown = client.get("/dss/clicks").values["dsInfo"]["info"]
            assert shown["s3secretKey"] == "***"
            created = client.request(method, "/projects/p/dss/clicks/learn", b"")
            assert (created.status, created.text) == (202, "Job Created")
            found = client.result(created)
            assert (found.status, found.text) == (200, "Job is finished")
            assert found.values["smlInfo"]["attributeNames"] == ["a", "b", "t$x", "t$y"]
            (info,) = client.get("/jobs").values["jobinfoList"]["values"]
            assert (info["jobType"], info["details"]["rows"]) == ("SparkDSUpdateJob", "500")
            assert manager.projects.get("c1", "p").n_rows == 500
            assert client.result(client.request(method, "/projects/p/dss/clicks/forget", b"")).status == 200
            assert manager.projects.get("c1", "p").n_rows == 0
            failed = client.result(client.request(method, "/projects/p/dss/clicks/forget", b""))
            assert (failed.status, "cannot forget more than was learnt" in failed.text) == (500, True)
            assert client.request("PUT", "/dss/clicks", _source(sparkmaster="local[9]")).status == 200
            refused = client.result(client.request(method, "/projects/p/dss/clicks/learn", b""))
            assert refused.status == 500
            assert "does not use the Spark master 'local[9]'" in refused.text
            assert "a-secret-key" not in refused.raw.decode()


def test_a_server_without_spark(folder):
    with sj.JobManager(workers=1, store=None) as manager:
        app = symjobs.server.create_app(manager, USERS, access=Access(roots=(folder,)))
        with serving(app) as port, Client(port) as client:
            assert client.post("/projects", b"", "pid=p").status == 201
            assert client.post("/dss/create", _source()).status == 201
            failed = client.result(client.post("/projects/p/dss/clicks/learn"))
            assert (failed.status, "its operator allows masters by --spark-master" in failed.text) == (500, True)
            sampled = client.get("/dss/clicks/sample")
            assert (sampled.status, "is read by Spark" in sampled.text) == (400, True)
