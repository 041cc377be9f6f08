"""An AWS account: its regions, and the topics and queues in one of them."""

from __future__ import annotations

import contextlib
import functools
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from symjobs._errors import InputError, MissingDependency
from symjobs._text import hide, near, shown

Topics = list[dict[str, list[dict[str, str]]]]

_QUEUES = 1000  # a page; without a size SQS ends after the first one
# What AWS says of a key that it does not know, and of every key in a region that the account has not enabled.
_UNKNOWN = ("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "AuthFailure", "OptInRequired")
_SIGNATURE = ("SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "RequestExpired")
_DENIED = ("AuthorizationError", "AuthorizationErrorException", "AccessDenied", "AccessDeniedException")


@dataclass(frozen=True)
class Region:
    """A region as boto3 knows it: its partition, and the hosts of SNS and SQS."""

    partition: str
    hosts: tuple[str, str]


@dataclass
class Listing:
    """What a region has.

    Attributes
    ----------
    region : str
    topics, queues
        None where the region did not tell.
    problems : dict of str to str
        Why a part (topics, subscriptions, queues) is not there.
    knows_key : bool or None
        Whether the region knows the access key; None if it did not say.
    """

    region: str
    topics: Topics | None = None
    queues: list[str] | None = None
    problems: dict[str, str] = field(default_factory=dict)
    knows_key: bool | None = None

    @property
    def answered(self) -> bool:
        """Whether topics or queues are known."""
        return self.topics is not None or self.queues is not None


@functools.cache
def known_regions() -> Mapping[str, Region]:
    """Return all regions that boto3 knows, by name. Nothing of the environment changes them."""
    _boto3()
    from botocore.loaders import create_loader
    from botocore.regions import EndpointResolver

    resolver = EndpointResolver(create_loader().load_data("endpoints"))
    found = {}
    for partition in resolver.get_available_partitions():
        for name in resolver.get_available_endpoints("sns", partition):
            ends = [resolver.construct_endpoint(service, name) for service in ("sns", "sqs")]
            if all(ends):
                found[name] = Region(partition, (ends[0]["hostname"], ends[1]["hostname"]))
    return found


def regions_of(region: str | None, *, any_name: bool) -> tuple[str, ...]:
    """Return the regions to ask: the one that is named, or all of the partition ``aws``.

    The list is the one that comes with boto3: an account's own list needs a permission (``ec2:DescribeRegions``,
    ``account:ListRegions``) that keys for topics and queues lack. So it has regions that the account has not enabled;
    they answer that they do not know the key.

    Raises
    ------
    InputError
        If boto3 does not know the region; with `any_name` if no region has such a name.
    """
    known = known_regions()
    if region is None:
        return tuple(sorted(name for name, one in known.items() if one.partition == "aws"))
    if region not in known and not (any_name and re.fullmatch(r"[a-z0-9-]{1,63}", region)):
        raise InputError(f"boto3 knows no AWS region {shown(region)}; {near(region, list(known))}")
    return (region,)


def check_endpoint(url: str) -> str:
    """Return the host of an address, or raise InputError."""
    _boto3()
    from botocore.utils import is_valid_endpoint_url, is_valid_ipv6_endpoint_url

    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and parts.port != 0 and not (parts.username or parts.query)
        if is_address and parts.hostname and (is_valid_endpoint_url(url) or is_valid_ipv6_endpoint_url(url)):
            return parts.hostname
    raise InputError("endpoint_url (aws_endpoint_url) must be the address of a server, such as http://localhost:4566")


class Account:
    """The account of a pair of keys. Several threads may list its regions.

    Parameters
    ----------
    access_key, secret_key : str
    endpoint_url : str or None
        A server that stands for all of AWS.
    fixed_hosts : bool
        Whether to connect to the hosts of `known_regions`, and to none that the environment names.
    connect_timeout, read_timeout : float
        Seconds.
    tries : int
        Of each call.
    """

    def __init__(
        self,
        access_key: str,
        secret_key: str,
        *,
        endpoint_url: str | None,
        fixed_hosts: bool,
        connect_timeout: float,
        read_timeout: float,
        tries: int,
    ) -> None:
        boto3 = _boto3()
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        self._secrets = (secret_key, access_key)
        self._endpoint_url, self._fixed_hosts = endpoint_url, fixed_hosts
        self._config = Config(
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            retries={"total_max_attempts": tries, "mode": "standard"},
        )
        try:
            self._session = boto3.Session(aws_access_key_id=access_key, aws_secret_access_key=secret_key)
        except BotoCoreError as error:  # such as an AWS_PROFILE that is not there
            raise InputError(f"boto3 cannot start: {self._words(error)}") from None
        self._making = threading.Lock()  # a session serves one thread at a time, a client any number
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Make no further call: a listing under way ends after its current one."""
        self._stopped.set()

    def listing(self, region: str) -> Listing:
        """Ask SNS and SQS in a region."""
        found = Listing(region)
        with self._noting(found, "topics"), self._client("sns", region) as sns:
            found.topics, found.knows_key = self._topics(sns, found), True
        with self._noting(found, "queues"), self._client("sqs", region) as sqs:
            urls = self._items(sqs, "list_queues", "QueueUrls", PaginationConfig={"PageSize": _QUEUES})
            found.queues, found.knows_key = list(urls), True
        return found

    def _topics(self, sns: Any, found: Listing) -> Topics:
        # ListSubscriptions would take fewer calls, but it leaves out those that other accounts have made to a topic.
        # SNS answers 30 such calls a second and region: there is little to gain by asking for topics side by side.
        topics: Topics = []
        for topic in self._items(sns, "list_topics", "Topics"):
            arn = topic["TopicArn"]
            subscriptions: list[dict[str, str]] = []
            try:
                with self._noting(found, "subscriptions", _DENIED):
                    items = self._items(sns, "list_subscriptions_by_topic", "Subscriptions", TopicArn=arn)
                    subscriptions += map(_subscription, items)
            except sns.exceptions.NotFoundException:
                continue  # deleted meanwhile
            topics.append({arn: subscriptions})
        return topics

    def _items(self, client: Any, call: str, key: str, **arguments: Any) -> Iterator[Any]:
        """Yield the items of all pages."""
        if self._stopped.is_set():
            return
        for page in client.get_paginator(call).paginate(**arguments):
            yield from page.get(key, ())
            if self._stopped.is_set():
                return

    @contextlib.contextmanager
    def _client(self, service: str, region: str) -> Iterator[Any]:
        address = self._endpoint_url
        if address is None and self._fixed_hosts:
            address = f"https://{known_regions()[region].hosts[service == 'sqs']}"
        with self._making:
            client = self._session.client(service, region, endpoint_url=address, config=self._config)
        with contextlib.closing(client):
            yield client

    @contextlib.contextmanager
    def _noting(self, found: Listing, part: str, codes: Iterable[str] | None = None) -> Iterator[None]:
        """Note an error of AWS or of the way there as a problem with a part; with `codes` only these errors of AWS."""
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        try:
            yield
        except ClientError as error:
            if codes is not None and _code(error) not in codes:
                raise
            if _code(error) in (*_UNKNOWN, *_SIGNATURE, *_DENIED):
                found.knows_key = found.knows_key or _code(error) not in _UNKNOWN
            found.problems[part] = self._refusal(error, part)
        except (BotoCoreError, ResponseParserError) as error:
            if codes is not None:
                raise
            found.problems[part] = self._failure(error)

    def _refusal(self, error: Any, part: str) -> str:
        code = _code(error)
        if code in _UNKNOWN:
            return "unknown access key (check aws_access_key, and that the account has enabled the region)"
        if code in _SIGNATURE:
            return "wrong signature (check aws_secret_key, and the clock of this machine)"
        if code in _DENIED:
            service = "sqs" if part == "queues" else "sns"
            return f"access denied (allow the keys {service}:{error.operation_name})"
        return f"{code}: {self._words(error.response['Error'].get('Message') or 'no message')}"

    def _failure(self, error: Exception) -> str:
        from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
        from botocore.parsers import ResponseParserError

        if isinstance(error, ConnectTimeoutError | ReadTimeoutError):
            return "no answer in time"
        if isinstance(error, EndpointConnectionError):
            return "no connection"
        if isinstance(error, ResponseParserError):
            return "no answer of AWS (check aws_endpoint_url)"
        return self._words(error)

    def _words(self, error: object) -> str:
        return hide(str(error).strip().partition("\n")[0], self._secrets)[:300]


def described(listings: Sequence[Listing]) -> str:
    """Return the problems of regions in words, each reason once."""
    most = len(listings)
    places: dict[str, dict[str, list[str]]] = {}
    for found in listings:
        parts: dict[str, list[str]] = {}
        for part, reason in found.problems.items():
            parts.setdefault(reason, []).append(part)
        for reason, names in parts.items():
            places.setdefault(reason, {}).setdefault(" and ".join(names), []).append(found.region)
    return "; ".join(
        " and ".join(
            f"{part} of {f'all {most} regions' if len(regions) == most > 1 else ', '.join(regions)}"
            for part, regions in by_part.items()
        )
        + f": {reason}"
        for reason, by_part in places.items()
    )


def _subscription(given: Mapping[str, str]) -> dict[str, str]:
    return {
        "owner": given.get("Owner", ""),
        "protocol": given.get("Protocol", ""),
        "endpoint": given.get("Endpoint", ""),
        "subscription_arn": given.get("SubscriptionArn", ""),
    }


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _boto3() -> Any:
    try:
        import boto3
    except ImportError:
        raise MissingDependency("boto3", "aws", "AwsInfoJob") from None
    return boto3
