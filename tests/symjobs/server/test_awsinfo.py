"""AwsInfoJob over HTTP: the route of the contract, keys that nobody reads, hosts that the operator allows."""

from __future__ import annotations

import logging

import pytest

import symjobs as sj
import symjobs.server
from symjobs.sources import Access
from tests.symjobs.jobs._aws import KEYS, moto
from tests.symjobs.jobs._aws import client as aws_client
from tests.symjobs.server._client import OTHER, USERS, Client, encrypted, serving
from tests.symjobs.server._served import Served

PATH = "/fedml/p/awsinfo"
REGION = "eu-west-1"


@pytest.fixture(scope="module")
def aws():
    with moto() as endpoint:
        aws_client("sns", REGION, endpoint).create_topic(Name="t")
        aws_client("sqs", REGION, endpoint).create_queue(QueueName="q")
        yield endpoint


@pytest.fixture(scope="module")
def port(manager):
    manager.projects.add("c1", sj.Project("p"))
    with serving(symjobs.server.create_app(manager, USERS, access=Access(hosts=("127.0.0.1",)))) as port:
        yield port


@pytest.fixture
def body(aws):
    keys = {"aws_access_key": KEYS[0], "aws_secret_key": KEYS[1]}
    return {**keys, "aws_region": REGION, "aws_endpoint_url": aws, "aws_tries": "1"}


@pytest.mark.parametrize("form", [dict, encrypted], ids=["plain", "encrypted"])
def test_topics_and_queues(client, aws, body, form):
    done = client.result(client.post(PATH, form(body)))
    assert (done.status, done.text) == (200, "Job is finished")
    assert done.values == {
        "awsInfo": {
            "topics": {REGION: [{f"arn:aws:sns:{REGION}:123456789012:t": []}]},
            "queues": {REGION: [f"{aws}/123456789012/q"]},
        }
    }
    info = client.get("/jobs").values["jobinfoList"]["values"][-1]
    assert (info["jobType"], info["current"], info["maximum"]) == ("AwsInfoJob", 1, 1)
    assert info["details"]["regions"] == "1"


def test_a_region_is_optional_and_what_nobody_knows_is_ignored(client, body):
    body.pop("aws_region")
    done = client.result(client.post(PATH, {**body, "bucket": "b", "aws_tries": None}))
    assert len(done.values["awsInfo"]["topics"]) > 20
    assert client.get("/jobs").values["jobinfoList"]["values"][-1]["details"]["ignored"] == "bucket"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"aws_access_key": None}, "access_key (aws_access_key) is required; give it a text"),
        ({"aws_secret_key": ""}, "secret_key (aws_secret_key) is required; give it a text"),
        ({"aws_region": "eu-wst-1", "aws_endpoint_url": ""}, "boto3 knows no AWS region 'eu-wst-1'; did you mean"),
        ({"aws_secret": KEYS[1]}, "unknown parameter 'aws_secret' of AwsInfoJob; did you mean 'aws_secret_key'"),
        ({"aws_endpoint_url": ""}, "this server does not connect to the host 'sns.eu-west-1.amazonaws.com'; its oper"),
        ({"aws_endpoint_url": "http://169.254.169.254"}, "this server does not connect to the host '169.254.169.254'"),
    ],
)
def test_what_is_refused_at_once(client, body, change, words):
    answer = client.post(PATH, {**body, **change})
    assert (answer.status, answer.json["statusCode"]) == (400, "BAD_REQUEST")
    assert answer.text.startswith(words)
    assert not any(key in answer.text for key in KEYS)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"", "the request has no body; it must be a map with secrets"),
        (b"[]", "a map with secrets does not decrypt"),
        (encrypted({}, OTHER), "a map with secrets does not decrypt"),
    ],
)
def test_a_body_that_is_no_map(client, sent, words):
    answer = client.post(PATH, sent)
    assert answer.status == 400
    assert words in answer.text


def test_an_unknown_project(client, body):
    answer = client.post("/fedml/none/awsinfo", body)
    assert (answer.status, answer.text) == (400, "Cannot Find SYMETRYML id[none] for Customer id [c1]")


def test_a_key_in_the_query_is_refused(client, body):
    secret = body.pop("aws_secret_key")
    answer = client.post(PATH, body, f"aws_secret_key={secret}")
    assert (answer.status, answer.text) == (
        400,
        "aws_secret_key belongs into the body: servers and proxies log the query",
    )


def test_plain_keys_are_taken_from_elsewhere_too(manager, body):
    app = symjobs.server.create_app(manager, USERS, access=Access(hosts=("127.0.0.1",)))

    async def from_elsewhere(scope, receive, send):
        await app({**scope, "client": ("203.0.113.7", 4711)}, receive, send)

    with serving(from_elsewhere) as port, Client(port) as client:
        for form in (body, encrypted(body)):
            assert client.result(client.post(PATH, form)).status == 200


def test_a_server_without_settings_asks_nobody(manager, body):
    with serving(symjobs.server.create_app(manager, USERS)) as port, Client(port) as client:
        for change in ({}, {"aws_endpoint_url": ""}, {"aws_endpoint_url": "", "aws_region": ""}):
            answer = client.post(PATH, {**body, **change})
            assert answer.status == 400
            assert answer.text.endswith("; its operator allows hosts by --source-host")


def test_keys_are_in_no_answer_and_no_log(client, body, caplog):
    caplog.set_level(logging.DEBUG)
    client.result(client.post(PATH, body))
    failed = client.post(PATH, {**body, "aws_endpoint_url": "http://127.0.0.1:1", "aws_connect_timeout": "0.5"})
    ended = client.result(failed)
    assert (ended.status, ended.text) == (500, f"AWS lists nothing: topics and queues of {REGION}: no connection")
    answers = [ended.raw, client.get("/jobs").raw, failed.raw]
    assert not any(key.encode() in answer for key in KEYS for answer in answers)
    assert not any(key in record.getMessage() for key in KEYS for record in caplog.records if record.name[:3] == "sym")
    assert KEYS[1] not in caplog.text


def test_symjobs_serve_keeps_no_key(tmp_path, body):
    with Served(tmp_path, "--source-host", "127.0.0.1") as served:
        with served.client() as client:
            client.post("/projects", query="pid=p")
            assert client.result(client.post(PATH, body)).status == 200
        _, output = served.stop()
    files = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert not any(key.encode() in text for key in KEYS for text in [output.encode(), *files])
