"""AwsInfo: the topics and queues of an AWS account."""

from __future__ import annotations

import msgspec


class AwsInfo(msgspec.Struct):
    """Topics and queues, by region.

    Parameters
    ----------
    topics : dict
        ``{region: [{topic ARN: [{"owner", "protocol", "endpoint", "subscription_arn"}]}]}``.
    queues : dict
        ``{region: [queue URL]}``.

    Examples
    --------
    >>> import symjobs as sj
    >>> info = sj.AwsInfo(queues={"eu-west-1": ["https://sqs.eu-west-1.amazonaws.com/1/jobs"]})
    >>> list(info.queues)
    ['eu-west-1']
    """

    topics: dict[str, list[dict[str, list[dict[str, str]]]]] = {}
    queues: dict[str, list[str]] = {}
