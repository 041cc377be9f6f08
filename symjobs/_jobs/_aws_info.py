"""AwsInfoJob: the topics and queues of an AWS account."""

from __future__ import annotations

import queue
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Self

from symjobs._engine import Job, JobContext, Request
from symjobs._engine._log import logger
from symjobs._engine._threads import start_thread
from symjobs._entities import AwsInfo
from symjobs._errors import InputError
from symjobs._jobs._aws_account import (
    Account,
    Listing,
    Topics,
    check_endpoint,
    described,
    known_regions,
    regions_of,
)
from symjobs._jobs._context import extra_parameters, only_context
from symjobs._jobs._route import JobRoute
from symjobs._parameters import Integer, Number, Parameters, Secret, Text, parameter
from symjobs.sources import Access

_POLL = 0.02  # seconds between two looks whether the job was killed


class AwsInfoParameters(Parameters):
    """Whose topics and queues, and how long to wait for AWS."""

    strict_prefix = "aws_"
    blank_is_absent = True

    access_key: str = parameter("aws_access_key", Secret(), "access key of the account")
    secret_key: str = parameter("aws_secret_key", Secret(), "secret key that belongs to it")
    region: str | None = parameter(
        "aws_region", Text(), "the one region to ask; by default all of the partition `aws`", default=None
    )
    endpoint_url: str | None = parameter(
        "aws_endpoint_url", Text(), "address of a server that stands for AWS; by default Amazon's own", default=None
    )
    connect_timeout: float = parameter(
        "aws_connect_timeout", Number(0, 60, open_low=True), "seconds to wait for a connection", default=5.0
    )
    read_timeout: float = parameter(
        "aws_read_timeout", Number(0, 300, open_low=True), "seconds to wait for each part of an answer", default=15.0
    )
    tries: int = parameter("aws_tries", Integer(1, 10), "how often a call is tried", default=2)


@dataclass(frozen=True)
class AwsInfoResult:
    """Topics and queues, by region.

    Attributes
    ----------
    topics : dict
        ``{region: [{topic ARN: [{"owner", "protocol", "endpoint", "subscription_arn"}]}]}``.
    queues : dict
        ``{region: [queue URL]}``.
    problems : dict
        Of regions that did not tell everything: ``{region: {"topics", "subscriptions" or "queues": reason}}``. Their
        topics or queues are left out; topics whose subscriptions are not known have an empty list.
    disabled : tuple of str
        Regions that the account has not enabled.
    """

    topics: dict[str, Topics]
    queues: dict[str, list[str]]
    problems: dict[str, dict[str, str]]
    disabled: tuple[str, ...]

    def entities(self) -> dict[str, Any]:
        """Return ``awsInfo``."""
        return {"awsInfo": AwsInfo(self.topics, self.queues)}


class AwsInfoJob(Job):
    """List the SNS topics, with their subscriptions, and the SQS queues of an AWS account, by region.

    Parameters
    ----------
    access_key : str
        Needs ``sns:ListTopics``, ``sns:ListSubscriptionsByTopic`` and ``sqs:ListQueues``.
    secret_key : str
    region : str, optional
        The one region to ask. By default all of the partition ``aws``; a region of China or GovCloud is named.
    endpoint_url : str, optional
        A server that stands for AWS, such as LocalStack.
    connect_timeout : float, default 5.0
        Seconds to wait for a connection.
    read_timeout : float, default 15.0
        Seconds to wait for each part of an answer.
    tries : int, default 2
        How often a call is tried.
    access : Access, optional
        Which hosts a server connects to for its clients. Regions whose hosts are not among them are left out.

    Raises
    ------
    InputError
        If a key has characters that none has, the region is unknown, or `access` allows none of the hosts. When the
        job runs: if no region answers; the message says why.
    MissingDependency
        If boto3 is not installed.

    Notes
    -----
    The keys are in no message, log, ``details`` or store. All regions are asked at the same time, and progress counts
    them. ``details`` has ``regions``, how many answered; ``problems``, what others did not tell, and why;
    ``regionsNotEnabled``, those that the account has not enabled; ``regionsNotAllowed``, those whose hosts `access`
    does not allow. A region that cannot be reached takes `tries` times `connect_timeout` for each of SNS and SQS.

    Examples
    --------
    >>> import symjobs as sj
    >>> from moto import mock_aws
    >>> with mock_aws():  # stands for AWS
    ...     job = sj.AwsInfoJob("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "eu-west-1")
    ...     result = job.run(sj.JobContext())
    >>> result.topics, result.queues
    ({'eu-west-1': []}, {'eu-west-1': []})
    """

    job_type: ClassVar[str] = "AwsInfoJob"
    routes: ClassVar[tuple[JobRoute, ...]] = (JobRoute(path="/fedml/{pid}/awsinfo", body="secrets"),)
    parameter_type = AwsInfoParameters

    def __init__(
        self,
        access_key: str,
        secret_key: str,
        region: str | None = None,
        endpoint_url: str | None = None,
        *,
        connect_timeout: float = AwsInfoParameters.connect_timeout,
        read_timeout: float = AwsInfoParameters.read_timeout,
        tries: int = AwsInfoParameters.tries,
        access: Access | None = None,
    ) -> None:
        self.parameters = AwsInfoParameters(
            access_key=access_key,
            secret_key=secret_key,
            region=region,
            endpoint_url=endpoint_url,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            tries=tries,
        )
        self._access = access
        host = None if endpoint_url is None else check_endpoint(endpoint_url)
        self._regions = regions_of(region, any_name=host is not None)
        self._not_allowed: tuple[str, ...] = ()
        if access is not None and host is not None:
            access.check_host(host)
        elif access is not None:
            self._leave_out_regions(access)

    @classmethod
    def from_request(cls, request: Request) -> Self:
        for declared in cls.parameter_type.declared():
            if declared.kind.hidden and declared.wire in request.query:
                raise InputError(f"{declared.wire} belongs into the body: servers and proxies log the query")
        given = cls.parameter_type.from_text(extra_parameters(request, only_context(request)), cls.job_type)
        return cls(**given.values(), access=request.access)

    def details(self) -> dict[str, str]:
        return {"regionsNotAllowed": ", ".join(self._not_allowed)} if self._not_allowed else {}

    def run(self, context: JobContext) -> AwsInfoResult:
        context.progress(0, len(self._regions))
        found = self._listings(context)
        # If one region knows the key, those that do not know it are not enabled.
        unknown = tuple(one.region for one in found if one.knows_key is False)
        disabled = unknown if any(one.knows_key for one in found) else ()
        listings = [one for one in found if one.region not in disabled]
        problems = described(listings)
        if not any(one.answered for one in listings):
            elsewhere = unknown and not disabled and self.parameters.region is None
            hint = "; a region of China or GovCloud must be named" if elsewhere else ""
            raise InputError(f"AWS lists nothing: {problems}{hint}")
        context.details["regions"] = sum(one.answered for one in listings)
        if disabled:
            context.details["regionsNotEnabled"] = ", ".join(disabled)
        if problems:
            context.details["problems"] = problems
            logger.warning("AwsInfoJob got no %s", problems)
        return AwsInfoResult(
            {one.region: one.topics for one in listings if one.topics is not None},
            {one.region: one.queues for one in listings if one.queues is not None},
            {one.region: one.problems for one in listings if one.problems},
            disabled,
        )

    def _leave_out_regions(self, access: Access) -> None:
        hosts: Mapping[str, tuple[str, ...]] = {name: known_regions()[name].hosts for name in self._regions}
        allowed = tuple(name for name in self._regions if all(map(access.allows, hosts[name])))
        if not allowed:
            for host in hosts[self._regions[0]]:
                access.check_host(host)
        self._not_allowed = tuple(name for name in self._regions if name not in allowed)
        self._regions = allowed

    def _listings(self, context: JobContext) -> list[Listing]:
        """Ask all regions at once, and return what they say in their order."""
        given = self.parameters
        most = float("inf") if self._access is None else self._access.timeout
        account = Account(
            given.access_key,
            given.secret_key,
            endpoint_url=given.endpoint_url,
            fixed_hosts=self._access is not None,
            connect_timeout=min(given.connect_timeout, most),
            read_timeout=min(given.read_timeout, most),
            tries=given.tries,
        )
        answers: queue.SimpleQueue[Listing | Exception] = queue.SimpleQueue()

        def ask(region: str) -> None:
            try:
                answers.put(account.listing(region))
            except Exception as error:  # noqa: BLE001 - the job raises it
                answers.put(error)

        found: dict[str, Listing] = {}
        try:
            # Daemons, as a call to a host that is silent outlasts a kill: nothing waits for it, not even the exit.
            for region in self._regions:
                start_thread(partial(ask, region), f"symjobs-aws-{region}")
            while len(found) < len(self._regions):
                try:
                    answer = answers.get(timeout=_POLL)
                except queue.Empty:
                    context.checkpoint()
                    continue
                if isinstance(answer, Exception):
                    raise answer
                found[answer.region] = answer
                context.progress(len(found))
        finally:
            account.stop()
        return [found[region] for region in self._regions]
