"""Objects of a real S3 server: moto, over HTTP."""

from __future__ import annotations

import numpy as np
import pytest

import symjobs as sj
from symjobs import sources
from symjobs._errors import InputError, MissingDependency
from symjobs.sources import Access

boto3 = pytest.importorskip("boto3")
moto_server = pytest.importorskip("moto.server")
pytest.importorskip("obstore")

BUCKET = "data"
TEXT = "a,t\n" + "".join(f"{i},{'xyz'[i % 3]}\n" for i in range(60_000))
KEYS = {"s3accessKey": "testing-key", "s3secretKey": "testing-secret"}


@pytest.fixture(scope="module")
def endpoint():
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        region_name="us-east-1",
        aws_access_key_id=KEYS["s3accessKey"],
        aws_secret_access_key=KEYS["s3secretKey"],
    )
    client.create_bucket(Bucket=BUCKET)
    for key, text in {
        "one.csv": TEXT,
        "many/1.csv": "a,t\n1,x\n2,y\n",
        "many/2.csv": "a,t\n6,z\n",
        "empty.csv": "",
    }.items():
        client.put_object(Bucket=BUCKET, Key=key, Body=text.encode())
    yield f"http://{host}:{port}"
    server.stop()


def _dsinfo(endpoint, path, **info):
    return {
        "type": "s3",
        "name": "d",
        "info": {"path": path, "s3bucket": BUCKET, "s3region": "us-east-1", "s3endpoint": endpoint, **KEYS, **info},
    }


HERE = Access(hosts=("127.0.0.1",), timeout=5)


def test_an_object(endpoint):
    source = sources.open(_dsinfo(endpoint, "one.csv"), types={"t": "T"}, access=HERE, memory_budget="4MiB")
    told = []
    snapshot = sj.Project("p").learn(source.tables(lambda *now: told.append(now))).snapshot()
    assert snapshot.names == ("a", "t$x", "t$y", "t$z")
    np.testing.assert_allclose(snapshot.moments.mean(), [29999.5, 1 / 3, 1 / 3, 1 / 3], rtol=1e-14)
    assert told[-1] == (len(TEXT), len(TEXT))
    assert len({now for now, _ in told}) > 3
    assert source.name == "s3://data/one.csv"


@pytest.mark.parametrize("path", ["many/", "many/*.csv", "/many/*"])
def test_several_objects(endpoint, path):
    source = sources.open(_dsinfo(endpoint, path), access=HERE)
    assert sj.Project("p").learn(source.tables()).snapshot().moments.mean().tolist() == [3.0]


def test_the_environment_has_the_keys_of_a_user(endpoint, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEYS["s3accessKey"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS["s3secretKey"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    assert sj.Project("p").learn(sources.csv("s3://data/one.csv", types={"t": "S"})).n_rows == 60_000
    without = dict.fromkeys(KEYS, "")
    with pytest.raises(InputError, match="needs s3accessKey and s3secretKey"):  # a server's own keys are not lent
        sources.open(_dsinfo(endpoint, "one.csv", **without), access=HERE)


@pytest.mark.parametrize(
    ("path", "info", "words"),
    [
        ("none.csv", {}, "no such object: s3://data/none.csv"),
        ("none/", {}, "no object matches s3://data/none/"),
        ("one.csv", {"s3bucket": "other"}, "no such object: s3://other/one.csv|cannot be read"),
        ("one.csv", {"s3endpoint": "http://127.0.0.1:1"}, "s3://data/one.csv cannot be read"),
        ("one.csv", {"s3endpoint": "http://elsewhere.test"}, "does not connect to the host 'elsewhere.test'"),
        ("one.csv", {"s3endpoint": ""}, "does not connect to the host 's3.amazonaws.com'"),
        ("empty.csv", {}, "holds no rows"),
    ],
)
def test_what_goes_wrong_is_one_line_without_secrets(endpoint, path, info, words):
    with pytest.raises(InputError, match=words) as caught:
        sources.open(_dsinfo(endpoint, path, **info), access=Access(hosts=("127.0.0.1",), timeout=2))
    assert "\n" not in str(caught.value)
    assert not any(secret in str(caught.value) for secret in KEYS.values())


def test_the_package_is_named_where_it_is_missing(monkeypatch):
    import builtins

    found = builtins.__import__

    def without(name, *arguments, **options):
        if name.partition(".")[0] == "obstore":
            raise ImportError(name)
        return found(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingDependency, match=r"reading from S3 needs the package 'obstore'.*symjobs\[s3\]"):
        sources.csv("s3://data/one.csv")
