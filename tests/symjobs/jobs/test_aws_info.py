"""AwsInfoJob against moto's server over HTTP: pages, regions that refuse or are silent, keys, kills, secrets."""

from __future__ import annotations

import builtins
import json
import logging
import pickle
import threading
import time
import urllib.request

import pytest

import symjobs as sj
from symjobs._jobs import _aws_account
from symjobs._jobs._aws_account import known_regions
from symjobs.sources import Access
from tests.symjobs.jobs._aws import KEYS, client, front, moto

HERE = "eu-west-1"
MANY = "cn-north-1"  # not among those that are asked by default
REGIONS = [name for name, region in known_regions().items() if region.partition == "aws"]
WAIT = 60


@pytest.fixture(scope="module")
def aws():
    """Topics and queues in two regions, in the second one more than a page."""
    with moto() as endpoint:
        sns, sqs = client("sns", HERE, endpoint), client("sqs", HERE, endpoint)
        for name in ("silent", "heard"):
            sns.create_topic(Name=name)
        sns.subscribe(TopicArn=arn("heard"), Protocol="https", Endpoint="https://example.org/hook")
        sqs.create_queue(QueueName="jobs")
        sns, sqs = client("sns", MANY, endpoint), client("sqs", MANY, endpoint)
        for number in range(101):
            sns.create_topic(Name=f"t{number}")
            sns.subscribe(TopicArn=arn("t0", MANY), Protocol="sms", Endpoint=f"+4179000{number:04d}")
        for number in range(7):
            sqs.create_queue(QueueName=f"q{number}")
        yield endpoint


@pytest.fixture
def before(aws):
    with front(aws) as server:
        yield server


@pytest.fixture
def manager():
    with sj.JobManager(store=None, grace=WAIT) as manager:
        yield manager


def arn(name, region=HERE):
    return f"arn:{known_regions()[region].partition}:sns:{region}:123456789012:{name}"


def job(endpoint, region=HERE, **more):
    return sj.AwsInfoJob(*KEYS, region, endpoint, **{"tries": 1, **more})


def ran(job):
    context = sj.JobContext()
    return job.run(context), dict(context.details)


def no_threads():
    """Wait until no call to AWS is under way."""
    deadline = time.monotonic() + WAIT
    while any(thread.name.startswith("symjobs-aws") for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


# --- what it lists ----------------------------------------------------------------------------------------------------


def test_one_region(aws):
    result, details = ran(job(aws))
    assert list(result.topics) == list(result.queues) == [HERE]
    topics = {name: subscriptions for topic in result.topics[HERE] for name, subscriptions in topic.items()}
    assert topics.keys() == {arn("silent"), arn("heard")}
    assert topics[arn("silent")] == []
    ((heard,),) = (topics[arn("heard")],)
    assert heard.pop("subscription_arn").startswith(arn("heard:"))
    assert heard == {"owner": "123456789012", "protocol": "https", "endpoint": "https://example.org/hook"}
    assert [url.rpartition("/")[2] for url in result.queues[HERE]] == ["jobs"]
    assert (result.problems, result.disabled, details) == ({}, (), {"regions": "1"})
    assert result.entities() == {"awsInfo": sj.AwsInfo(result.topics, result.queues)}


def test_all_regions_in_their_order(aws, manager):
    handle = manager.submit(job(aws, None))
    result = handle.result(WAIT)
    assert list(result.topics) == list(result.queues) == sorted(REGIONS)
    assert {name: len(topics) for name, topics in result.topics.items() if topics} == {HERE: 2}
    assert {name: len(queues) for name, queues in result.queues.items() if queues} == {HERE: 1}
    info = handle.info()
    assert (info.jobType, info.current, info.maximum) == ("AwsInfoJob", len(REGIONS), len(REGIONS))
    assert info.details["regions"] == str(len(REGIONS))


def test_all_pages(before, monkeypatch):
    monkeypatch.setattr(_aws_account, "_QUEUES", 3)
    result, _ = ran(job(before.url, MANY))
    topics = {name: subscriptions for topic in result.topics[MANY] for name, subscriptions in topic.items()}
    assert topics.keys() == {arn(f"t{number}", MANY) for number in range(101)}
    assert len({one["endpoint"] for one in topics.pop(arn("t0", MANY))}) == 101
    assert not any(topics.values())
    assert sorted(url.rpartition("/")[2] for url in result.queues[MANY]) == [f"q{number}" for number in range(7)]
    counts = [sum(call == name for _, _, call in before.calls) for name in ("ListTopics", "ListQueues")]
    assert counts == [2, 3]


def test_progress_counts_regions(aws):
    class Seen(sj.JobContext):
        def progress(self, current, maximum=None):
            super().progress(current, maximum)
            seen.append(self.read_progress())

    seen = []
    job(aws, None).run(Seen())
    assert seen == [(done, len(REGIONS)) for done in range(len(REGIONS) + 1)]


def test_a_topic_that_is_deleted_meanwhile_is_left_out(before):
    before.answers = {"ListSubscriptionsByTopic": "NotFound"}
    result, details = ran(job(before.url))
    assert (result.topics, details) == ({HERE: []}, {"regions": "1"})


# --- regions that do not tell everything ------------------------------------------------------------------------------


def test_a_region_that_is_denied_is_reported_and_the_others_are_there(before, caplog):
    before.answers = {"us-east-1": "AuthorizationError", "sqs eu-west-1": "AccessDeniedException"}
    result, details = ran(job(before.url, None))
    assert set(result.topics) == set(REGIONS) - {"us-east-1"}
    assert set(result.queues) == set(REGIONS) - {"us-east-1", "eu-west-1"}
    topics, queues = (f"access denied (allow the keys {call})" for call in ("sns:ListTopics", "sqs:ListQueues"))
    assert result.problems == {HERE: {"queues": queues}, "us-east-1": {"topics": topics, "queues": queues}}
    words = f"queues of eu-west-1, us-east-1: {queues}; topics of us-east-1: {topics}"
    assert details == {"regions": str(len(REGIONS) - 1), "problems": words}
    assert [record.getMessage() for record in caplog.records if record.name == "symjobs.jobs"] == [
        f"AwsInfoJob got no {words}"
    ]


def test_subscriptions_that_are_denied_leave_the_topics(before):
    before.answers = {"ListSubscriptionsByTopic": "AuthorizationError"}
    result, details = ran(job(before.url))
    assert [list(topic.values()) for topic in result.topics[HERE]] == [[[]], [[]]]
    assert details["problems"] == (
        "subscriptions of eu-west-1: access denied (allow the keys sns:ListSubscriptionsByTopic)"
    )


def test_a_region_that_is_silent_takes_no_longer_than_it_may(before):
    before.answers = {"sns us-east-1": "hang"}
    begin = time.monotonic()
    result, details = ran(job(before.url, None, read_timeout=5.0))
    assert time.monotonic() - begin < 30
    assert result.problems == {"us-east-1": {"topics": "no answer in time"}}
    assert details["problems"] == "topics of us-east-1: no answer in time"


@pytest.mark.parametrize("code", ["InvalidClientTokenId", "UnrecognizedClientException", "OptInRequired"])
def test_regions_that_the_account_has_not_enabled_are_no_problem(before, code):
    before.answers = {"af-south-1": code, "il-central-1": code}
    result, details = ran(job(before.url, None))
    assert result.disabled == ("af-south-1", "il-central-1")
    assert not set(result.disabled) & {*result.topics, *result.queues, *result.problems}
    assert details == {"regions": str(len(REGIONS) - 2), "regionsNotEnabled": "af-south-1, il-central-1"}


def test_a_call_is_tried_again(before):
    before.answers = {HERE: "Throttling"}
    with pytest.raises(sj.InputError, match=r"topics and queues of eu-west-1: Throttling: "):
        ran(job(before.url, tries=2))
    assert len(before.calls) == 4


# --- no answer at all -------------------------------------------------------------------------------------------------

DENIED = (
    "topics of all 34 regions: access denied (allow the keys sns:ListTopics); "
    "queues of all 34 regions: access denied (allow the keys sqs:ListQueues)"
)
UNKNOWN = "unknown access key (check aws_access_key, and that the account has enabled the region)"
WRONG = "wrong signature (check aws_secret_key, and the clock of this machine)"


@pytest.mark.parametrize(
    ("code", "region", "words"),
    [
        ("AccessDenied", None, DENIED.replace("34", str(len(REGIONS)))),
        (
            "InvalidClientTokenId",
            None,
            f"topics and queues of all {len(REGIONS)} regions: {UNKNOWN}; a region of China or GovCloud must be named",
        ),
        ("InvalidClientTokenId", HERE, f"topics and queues of eu-west-1: {UNKNOWN}"),
        ("SignatureDoesNotMatch", HERE, f"topics and queues of eu-west-1: {WRONG}"),
        ("InternalFailure", HERE, "topics and queues of eu-west-1: InternalFailure: about ***, ***"),
    ],
)
def test_no_region_that_answers_is_an_error_in_one_line(before, manager, code, region, words):
    before.answers = {"*": code}
    handle = manager.submit(job(before.url, region))
    with pytest.raises(sj.JobFailed) as caught:
        handle.result(WAIT)
    assert str(caught.value) == handle.info().details["error"] == f"AWS lists nothing: {words}"


def test_a_region_that_fails_does_not_know_the_key(before):
    before.answers = {"*": "InvalidClientTokenId", "us-east-1": "ServiceUnavailable"}
    with pytest.raises(sj.InputError) as caught:
        ran(job(before.url, None))
    words = str(caught.value)
    assert f": {UNKNOWN}; topics and queues of us-east-1: ServiceUnavailable: about ***, ***; a region of " in words


def test_an_unreachable_endpoint(aws):
    with pytest.raises(sj.InputError, match=r"AWS lists nothing: topics and queues of eu-west-1: no connection$"):
        ran(job("http://127.0.0.1:1"))


def test_an_endpoint_that_is_not_aws(tmp_path):
    from tests.symjobs.sources._web import serving

    words = r"topics of eu-west-1: no answer of AWS \(check aws_endpoint_url\)"
    with serving(tmp_path) as web, pytest.raises(sj.InputError, match=words):
        ran(job(web.url))


@pytest.fixture
def reader(aws):
    """The keys of a user who may call ListTopics only; from now on moto checks all signatures and permissions."""
    iam = client("iam", "us-east-1", aws)
    iam.create_user(UserName="reader")
    allowed = {"Effect": "Allow", "Action": ["sns:ListTopics", "sqs:ListQueues"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=policy)
    made = iam.create_access_key(UserName="reader")["AccessKey"]

    def check_after(calls):
        request = urllib.request.Request(
            f"{aws}/moto-api/reset-auth", calls.encode(), {"Content-Type": "text/plain"}, method="POST"
        )
        with urllib.request.urlopen(request):
            pass

    check_after("0")
    yield made["AccessKeyId"], made["SecretAccessKey"]
    check_after("inf")


def test_real_signatures_and_permissions(aws, reader):
    result, _ = ran(sj.AwsInfoJob(*reader, HERE, aws))
    assert [list(topic.values()) for topic in result.topics[HERE]] == [[[]], [[]]]
    assert result.problems == {HERE: {"subscriptions": "access denied (allow the keys sns:ListSubscriptionsByTopic)"}}
    for keys, words in (((reader[0], "wrong"), "wrong signature"), (("AKIAWRONG", reader[1]), "unknown access key")):
        with pytest.raises(sj.InputError, match=f"AWS lists nothing: topics of eu-west-1: {words}"):
            ran(sj.AwsInfoJob(*keys, HERE, aws))


# --- what is refused before it runs -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"region": "eu-wst-1"}, "boto3 knows no AWS region 'eu-wst-1'; did you mean 'eu-west-1'"),
        ({"region": ""}, "region (aws_region) must be a text that is not empty, got ''"),
        ({"region": "a b", "endpoint_url": "http://h"}, "boto3 knows no AWS region 'a b'"),
        ({"access_key": ""}, "access_key (aws_access_key) must be a text of ASCII characters without blanks, got a"),
        ({"secret_key": f"{KEYS[1]}\n"}, "secret_key (aws_secret_key) must be a text of ASCII characters without"),
        ({"secret_key": KEYS[1].encode()}, "secret_key (aws_secret_key) must be a text of ASCII characters without"),
        ({"endpoint_url": "localhost:4566"}, "endpoint_url (aws_endpoint_url) must be the address of a server"),
        ({"endpoint_url": "http://u:p@h"}, "endpoint_url (aws_endpoint_url) must be the address of a server"),
        ({"endpoint_url": "http://h:99999"}, "endpoint_url (aws_endpoint_url) must be the address of a server"),
        ({"endpoint_url": "http://a_b"}, "endpoint_url (aws_endpoint_url) must be the address of a server"),
        ({"connect_timeout": 0}, "connect_timeout (aws_connect_timeout) must be a number above 0 and at most 60"),
        ({"tries": 11}, "tries (aws_tries) must be a whole number from 1 to 10, got 11"),
    ],
)
def test_what_is_refused(arguments, words):
    with pytest.raises(sj.InputError) as caught:
        sj.AwsInfoJob(**{"access_key": KEYS[0], "secret_key": KEYS[1], **arguments})
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)
    assert not any(key in str(caught.value) for key in KEYS)


def test_a_region_of_another_partition_is_known():
    assert sj.AwsInfoJob(*KEYS, "cn-north-1")._regions == ("cn-north-1",)
    assert sj.AwsInfoJob(*KEYS, "anywhere", "http://localhost:4566")._regions == ("anywhere",)


def test_the_package_is_named_where_it_is_missing(monkeypatch):
    found = builtins.__import__

    def without(name, *arguments, **options):
        if name.partition(".")[0] in ("boto3", "botocore"):
            raise ImportError(name)
        return found(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    known_regions.cache_clear()
    with pytest.raises(sj.MissingDependency, match=r"AwsInfoJob needs the package 'boto3'.*symjobs\[aws\]"):
        sj.AwsInfoJob(*KEYS)


def test_a_profile_of_the_environment_that_is_not_there(aws, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(sj.InputError, match=r"boto3 cannot start: The config profile \(nobody\) could not be found"):
        ran(job(aws))


# --- requests ---------------------------------------------------------------------------------------------------------


def request(**parameters):
    return sj.MLContext(extraParameters={"aws_access_key": KEYS[0], "aws_secret_key": KEYS[1], **parameters})


def test_a_request(aws):
    context = request(aws_region=HERE, aws_endpoint_url=aws, aws_tries="1", aws_read_timeout="")
    asked = sj.AwsInfoJob.from_context(None, context)
    assert (asked.parameters.tries, asked.parameters.read_timeout) == (1, 15.0)
    assert list(ran(asked)[0].topics) == [HERE]


@pytest.mark.parametrize("name", ["aws_access_key", "aws_secret_key"])
@pytest.mark.parametrize("value", [None, "", " "])
def test_a_request_without_a_key(name, value):
    context = request()
    context.extraParameters.pop(name)
    if value is not None:
        context.extraParameters[name] = value
    with pytest.raises(sj.InputError, match=rf"\({name}\) is required; give it a text"):
        sj.AwsInfoJob.from_context(None, context)


def test_a_request_with_a_name_that_is_misspelt():
    with pytest.raises(sj.InputError, match=r"unknown parameter 'aws_regoin' of AwsInfoJob; did you mean 'aws_region"):
        sj.AwsInfoJob.from_context(None, request(aws_regoin=HERE))


def test_a_secret_in_the_query_is_refused():
    with pytest.raises(sj.InputError, match="aws_secret_key belongs into the body: servers and proxies log the query"):
        sj.AwsInfoJob.from_context(None, request(), {"aws_secret_key": KEYS[1]})


# --- what a server allows ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("region", "endpoint", "hosts", "refused"),
    [
        (HERE, None, (), "sns.eu-west-1.amazonaws.com"),
        (HERE, None, ("sns.*",), "sqs.eu-west-1.amazonaws.com"),
        (None, None, ("*.example.org",), "sns.af-south-1.amazonaws.com"),
        ("cn-north-1", None, ("*.amazonaws.com",), "sns.cn-north-1.amazonaws.com.cn"),
        (HERE, "http://127.0.0.1:1", ("*.amazonaws.com",), "127.0.0.1"),
    ],
)
def test_a_server_connects_to_hosts_that_are_allowed(region, endpoint, hosts, refused):
    words = f"this server does not connect to the host '{refused}'; its operator allows hosts by --source-host"
    with pytest.raises(sj.InputError, match=words):
        sj.AwsInfoJob(*KEYS, region, endpoint, access=Access(hosts=hosts))


def test_regions_that_are_not_allowed_are_left_out():
    some = sj.AwsInfoJob(*KEYS, access=Access(hosts=("s?s.eu-*.amazonaws.com",)))
    assert some._regions == tuple(sorted(name for name in REGIONS if name.startswith("eu-")))
    left_out = some.details()["regionsNotAllowed"].split(", ")
    assert sorted([*left_out, *some._regions]) == sorted(REGIONS)
    assert sj.AwsInfoJob(*KEYS, access=Access(hosts=("*.amazonaws.com",))).details() == {}


def test_the_environment_of_a_server_names_no_host(aws, monkeypatch):
    """That of a user does."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws)
    assert ran(sj.AwsInfoJob(*KEYS, HERE))[0].queues[HERE]
    served = sj.AwsInfoJob(*KEYS, HERE, access=Access(hosts=("*",)))
    account = _aws_account.Account(
        *KEYS, endpoint_url=None, fixed_hosts=True, connect_timeout=1, read_timeout=1, tries=1
    )
    for service, host in zip(("sns", "sqs"), known_regions()[HERE].hosts, strict=True):
        with account._client(service, served._regions[0]) as made:
            assert made.meta.endpoint_url == f"https://{host}" == f"https://{service}.{HERE}.amazonaws.com"


def test_the_operator_s_time_limit(before):
    before.answers = {"*": "hang"}
    begin = time.monotonic()
    limited = job(before.url, read_timeout=60.0, access=Access(hosts=("127.0.0.1",), timeout=0.5))
    with pytest.raises(sj.InputError, match="no answer in time"):
        ran(limited)
    assert time.monotonic() - begin < 30


# --- kills and secrets ------------------------------------------------------------------------------------------------


def test_a_kill_does_not_wait_for_a_call_and_no_call_follows(before, manager):
    before.answers = {"ListSubscriptionsByTopic": "hang"}
    handle = manager.submit(job(before.url))
    deadline = time.monotonic() + WAIT
    while len(before.calls) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    begin = time.monotonic()
    assert handle.kill()
    assert time.monotonic() - begin < 10
    with pytest.raises(sj.JobKilled):
        handle.result(WAIT)
    before.answers = {}
    before.released.set()
    no_threads()
    assert [call for _, _, call in before.calls] == ["ListTopics", "ListSubscriptionsByTopic"]


def test_keys_are_nowhere(before, caplog, tmp_path):
    caplog.set_level(logging.DEBUG)
    before.answers = {"sqs eu-west-1": "InternalFailure", "us-east-1": "InternalFailure"}  # they repeat the keys
    texts = []
    with sj.JobManager(store=f"sqlite:///{tmp_path}/jobs.db", grace=WAIT) as manager:
        for region in (HERE, "us-east-1"):
            asked = job(before.url, region)
            handle = manager.submit(asked, owner="c1")
            try:
                texts.append(repr(handle.result(WAIT)))
            except sj.JobFailed as error:
                texts.append(str(error))
            made = sj.rest.get_job(manager, "c1", handle.id)
            texts += [repr(asked), repr(vars(asked)), repr(handle.info()), made.json.decode()]
        refused = sj.rest.submit_job(manager, "c1", "AwsInfoJob", None, request(aws_tries="0"))
        texts += [refused.json.decode(), repr(sj.rest.list_jobs(manager, "c1").json)]
    texts += [file.read_bytes().decode("latin-1") for file in tmp_path.rglob("*") if file.is_file()]
    assert any("***" in text for text in texts)
    texts += [record.getMessage() for record in caplog.records if record.name.startswith("symjobs")]
    assert not any(key in text for key in KEYS for text in texts)


def test_boto3_logs_no_secret_key(aws, caplog):
    """At the level DEBUG it logs access keys."""
    caplog.set_level(logging.DEBUG)
    ran(job(aws))
    assert "ListQueues" in caplog.text
    assert KEYS[1] not in caplog.text


def test_a_job_can_be_sent_to_another_process(aws):
    again = pickle.loads(pickle.dumps(job(aws)))
    assert ran(again)[0] == ran(job(aws))[0]
