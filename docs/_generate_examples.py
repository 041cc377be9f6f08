"""Write the worked examples of every job type, docs/jobs/*.md, by running them on the shipped iris data.

    python docs/_generate_examples.py

tests/symjobs/test_worked_examples.py runs them again and compares. Dates are replaced, since they differ every time.
"""

from __future__ import annotations

import json
import os
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from moto import mock_aws

import symjobs as sj

FOLDER = Path(__file__).parent / "jobs"
DATE = 1763942400000  # stands for every date
UUID = "5a1e6d0c-8b1f-4f6e-9d0e-2f4c6a8b0d13"  # stands for that of every subscription
CUSTOMER = "c1"
GENERATED = "<!-- Written by docs/_generate_examples.py. Change it there. -->"


@dataclass(frozen=True)
class Example:
    """One request and its answer.

    `request` is the line of HTTP after the customer, `body` the entity that it carries, and `make` the job that the
    server makes of them. `python` is the same job's constructor call.
    """

    title: str
    request: str
    python: str
    make: Callable[[sj.Project], sj.Job]
    body: Any = None
    note: str = ""
    shown: tuple[int, ...] = ()  # rows of the answer's dataframe that the page has; all, if empty


def from_body(job: type[sj.Job], body: Any, **query: str) -> Callable[[sj.Project], sj.Job]:
    """Return what makes a job from the JSON of its body, as a server does."""
    return lambda project: job.from_context(project, sj.from_json(sj.to_json(body), type(body)), query)


def explored(
    title: str, metric: str, python: str, *contexts: sj.MLContext, note: str = "", info: bool = False
) -> Example:
    """Return an example of ExploreJob; without the project's info, which every answer of it repeats."""
    body = sj.ExploreContext(list(contexts))
    query = {"metric": metric} if info else {"metric": metric, "returnProjectInfo": "false"}
    return Example(
        title,
        f"POST /projects/iris/explore?{'&'.join(f'{k}={v}' for k, v in query.items())}",
        python if info else python[:-1] + ", project_info=False)",
        from_body(sj.ExploreJob, body, **query),
        body,
        note,
    )


def on(*names: str, targets: tuple[str, ...] = (), **parameters: str) -> sj.MLContext:
    """Return an MLContext by names."""
    return sj.MLContext(
        inputAttributeNames=list(names), targetAttributeNames=list(targets), extraParameters=dict(parameters)
    )


FLOWERS = sj.DataFrame(["sepal_length", "sepal_width"], ["C", "C"], [["5.1", "3.5"], ["4.9", ""]])


def rows_of_a_request(job_type: str, verb: str) -> Example:
    """Return an example of a job that takes the rows of a request."""
    table = 'sj.DataFrame(["sepal_length", "sepal_width"], ["C", "C"], [["5.1", "3.5"], ["4.9", ""]])'
    return Example(
        "Two rows, one value of which is missing",
        f"POST /projects/iris/{verb}?async=true",
        f"sj.{job_type}(project, {table})",
        lambda project: getattr(sj, job_type).from_context(project, data=FLOWERS),
        FLOWERS,
    )


LENGTHS = on("sepal_length", "sepal_width", "petal_length", "petal_width")
SWEEP = sj.MLContext(
    extraParameters={"kmeans_k_min": "2", "kmeans_k_max": "6", "kmeans_n_init": "50", "kmeans_rnd_seed": "7"}
)
SCALED = on(
    "petal_length",
    "petal_width",
    kmeans_k_min="1",
    kmeans_k_max="2",
    kmeans_rnd_seed="7",
    kmeans_scale="standard",
    kmeans_metric="sqeuclidean",
)
GROUPS = ("species$setosa", "species$virginica")


def stream() -> sj.DataFrame:
    """Return 3,000 flowers one after another: iris with a little noise, one of them with its lengths exchanged."""
    rng = random.Random(7)  # the same on every machine
    iris = sj.datasets.load_iris()
    rows = [[float(cell) + rng.uniform(-0.05, 0.05) for cell in row[:4]] for row in rng.choices(iris.data, k=3000)]
    rows[7][2] = ""
    rows[2500] = rows[2500][::-1]
    return sj.DataFrame(LENGTHS.inputAttributeNames, ["C"] * 4, [[str(cell) for cell in row] for row in rows])


KEYS = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
ACCOUNT = {"aws_access_key": KEYS[0], "aws_secret_key": KEYS[1], "aws_region": "eu-west-1"}


@contextmanager
def account() -> Iterator[None]:
    """Let moto stand for AWS, with an account that has two topics and a queue."""
    with mock_aws():
        sns, sqs = (boto3.client(name, "eu-west-1") for name in ("sns", "sqs"))
        orders, _ = (sns.create_topic(Name=name)["TopicArn"] for name in ("orders", "spare"))
        queue = sqs.create_queue(QueueName="orders")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=orders, Protocol="sqs", Endpoint=arn)
        yield


FLAGS = sj.MLContext(extraParameters={"modelid": "pca", "evt_alpha": "0.001"})
SCORES = sj.MLContext(
    extraParameters={"modelid": "pca", "evt_warmup_size": "2900", "simple_rule": "q95", "include_scores": "true"}
)

INTRODUCTIONS = {
    "AwsInfoJob": (
        "The SNS topics of an AWS account, with their subscriptions, and its SQS queues, by region. It needs the extra "
        "`aws`. The project is that of the path; nothing of it is read.\n\n"
        "The keys must allow `sns:ListTopics`, `sns:ListSubscriptionsByTopic` and `sqs:ListQueues`. Without a region "
        "all of the partition `aws` are asked, at the same time; progress counts them. What a region does not tell is "
        "left out, and `details` say what and why (`problems`). `details` also have `regions` (how many answered), "
        "`regionsNotEnabled` (the account has not enabled them) and `regionsNotAllowed` (the operator of the server "
        "does not allow their hosts). If no region answers, the job fails, with the reasons. [](../guide/server.md) "
        "says which hosts a server connects to, and how keys travel."
    ),
    "DSPredictDataFrameJob": (
        "Which rows are anomalies? Two flags for each row of a table, by the scores of one of the project's models: "
        "`res` by a quantile of the scores before it, `evt` by extreme value theory, with a probability of false "
        "alarms that the request gives. [](../guide/anomalies.md) describes each column.\n\n"
        "The wire contract has no route of its own for this job. Here the body holds an MLContext and the rows, like "
        'that of `autoSelect`: `{"dataframe": DataFrame, "mlcontext": MLContext}`. This page shows the MLContext. '
        "The job is `from_context(project, mlcontext, query, data=dataframe)`."
    ),
    "ExploreJob": "Describe and test attributes: one map of numbers for each MLContext of the request.",
    "ExploreVIFJob": (
        "Variance inflation factors. Each regression has an intercept. An input that is constant, or has no values, "
        "gives `NaN`, and `details` say why (`undefined`). An exact linear function of others gives `Infinity`. "
        "Where sums of many rows in float64 end before it is known whether a factor is infinite, the answer is a lower "
        "bound, and `details` have `atLeast`."
    ),
    "ListProjectsInfoJob": "Information on all projects of the customer.",
    "OptimizedKmeansJob": (
        "How many clusters? k-means for every number of clusters of a range, with WSSSE (the sum of squared distances "
        "of the rows to their centers) and mean silhouette of each. Here the project keeps clusters while it learns, "
        "as it was created with the parameter `cluster_features`. The job reads its micro-clusters, not the rows. So "
        "both figures are close estimates, which may be a little below or above those of the rows. On a table they are "
        "exact. [](../guide/clusters.md) says which number to take."
    ),
    "PCAJob": (
        "Principal components of the correlation matrix, or of the covariance matrix. Of all inputs of a project, "
        "constant and empty columns are left out, and `details` say which (`inputsLeftOut`); constant inputs "
        "that are named are an error. `details` say which inputs are `dependent` on others."
    ),
    "BuildJob": (
        "Build a model from what a project has learnt. [](../guide/models.md) and [](../guide/anomalies.md) have the "
        "model types and their parameters, which go beside these two."
    ),
    "DSUpdateJob": (
        "Learn a data source into a project, or forget it: a file, a folder, an address, an S3 object, a table of a "
        "database. The answer is the project afterwards. It is all or nothing, unless `keepRead` asks for the rows "
        "before an error or a kill. Progress counts bytes."
    ),
    "ForgetJob": (
        "Take rows away from a project. They come as a table, a data source or an uploaded file. The job has no "
        "entities; its `details` have `rows`, how many were read, and the `projectHash` afterwards."
    ),
    "LearnJob": (
        "Learn rows into a project. They come as a table, a data source or an uploaded file. The job has no "
        "entities; its `details` have `rows`, how many were read, and the `projectHash` afterwards."
    ),
    "ProjectInfoJob": "Information on one project: attributes, models, parameters and dates.",
    "SVDFeatureSelectionJob": (
        "Which attributes make a set singular, and what each of those depends on. The first map has a verdict on each "
        "input: `kept`, `dropped`, or `constant` (dropped, too). The second has an entry for each input that is not "
        "kept. It depends linearly on some kept inputs; the entry is the JSON of a map from these to their "
        "coefficients."
    ),
    "SVDJob": (
        "Singular values of the population covariance matrix. The answer pairs the i-th largest value with the i-th "
        "input."
    ),
}

# What the result of each job type holds in Python.
RESULTS = {
    "AwsInfoJob": (
        "`topics`, `queues`, `problems` (by region: what it did not tell, and why), `disabled` (regions that the "
        "account has not enabled)"
    ),
    "DSPredictDataFrameJob": (
        "One entry a row: `id`, `res`, `q95`, `q98`, `q99`, `evt`, `score`, `threshold`, `lower` (two sides only); "
        "`n_rows`, `n_missing`, `n_warmup`, `n_remaining`, `n_flagged`, `reason` (why there is no flag `evt`), "
        "`alpha`, `settings`, `spot`, `model_id`, `algo`, `score_key`, `simple_rule`, `include_scores`"
    ),
    "ExploreJob": "`metric`, `maps` (one dict a list of inputs), `info`",
    "ExploreVIFJob": "`inputs`, `names`, `values`, `at_least`, `rank`, `psd`, `backend`, `device`",
    "ListProjectsInfoJob": "`infos`",
    "OptimizedKmeansJob": (
        "One entry a k: `ks`, `wssse`, `silhouette`, `silhouette_error`, `seconds`, `n_iter`, `converged`, `reasons`, "
        "`centers`, `sizes`, `labels` (on request); `k` (suggested), `why`, `k_silhouette`, `k_elbow`, "
        "`largest_error`; `names`, `method`, "
        "`n_rows`, `n_missing`, `n_forgotten`, `scale`, `divisors`, `metric`, `n_init`, `max_iterations`, `seed`, "
        "`backend`, `device`"
    ),
    "PCAJob": (
        "`names`, `values` (eigenvalues, descending), `vectors` (columns), `total`, `explained_ratio`, `rank`, "
        "`condition`, `psd`, `backend`, `device`"
    ),
    **dict.fromkeys(("BuildJob", "ForgetJob", "LearnJob"), "There is no result."),
    "DSUpdateJob": "`info`, `rows` (how many were read)",
    "ProjectInfoJob": "`info`",
    "SVDFeatureSelectionJob": (
        "`inputs`, `kept`, `dropped`, `constant`, `dependencies` (of each dropped input: kept inputs and coefficients)"
    ),
    "SVDJob": "`names`, `values` (descending), `rank`, `condition`, `backend`, `device`",
}

EXAMPLES: dict[str, list[Example]] = {
    "AwsInfoJob": [
        Example(
            "One region",
            "POST /fedml/iris/awsinfo",
            f'sj.AwsInfoJob("{KEYS[0]}", "{KEYS[1]}", "eu-west-1")',
            lambda project: sj.AwsInfoJob.from_context(project, sj.MLContext(extraParameters=ACCOUNT)),
            ACCOUNT,
            "A topic without subscriptions has an empty list.",
        )
    ],
    "DSPredictDataFrameJob": [
        Example(
            "A stream of rows",
            "POST /projects/iris/predictDataFrame",
            'sj.DSPredictDataFrameJob(project, "pca", data, alpha=0.001)',
            lambda project: sj.DSPredictDataFrameJob.from_context(project, FLAGS, data=stream()),
            FLAGS,
            "The project has an `oospca` model `pca` of the four lengths. `data` holds 3,000 flowers, one after "
            "another. Row 7 lacks a length, and in row 2500 the lengths are exchanged. This page shows some rows of "
            "the answer. There are no quantiles in the first 1,024 rows, and none of the first 1,000 scores has a flag "
            "`evt`.",
            shown=(0, 1, 7, 1023, 1024, 1025, 2499, 2500, 2501, 2999),
        ),
        Example(
            "A warm-up that takes most of the rows, with scores",
            "POST /projects/iris/predictDataFrame",
            'sj.DSPredictDataFrameJob(project, "pca", data, evt={"evt_warmup_size": 2900}, simple_rule="q95", '
            "include_scores=True)",
            lambda project: sj.DSPredictDataFrameJob.from_context(project, SCORES, data=stream()),
            SCORES,
            "Row 2500 is above all three quantiles; `evt` cannot flag it, as it came in the warm-up.",
            shown=(0, 7, 1024, 2500, 2999),
        ),
    ],
    "ExploreJob": [
        explored(
            "One attribute",
            "uni",
            'sj.ExploreJob(project, "uni", [["sepal_length"], ["petal_length"]], parameters=[{}, {"unbiased": True}])',
            on("sepal_length"),
            on("petal_length", unbiased="true"),
            info=True,
        ),
        explored(
            "Two attributes",
            "bi",
            'sj.ExploreJob(project, "bi", [["sepal_length", "petal_length"], ["sepal_length", "species$setosa"]])',
            on("sepal_length", "petal_length"),
            on("sepal_length", "species$setosa"),
            note=(
                "The second map describes the sepals of *Iris setosa*. In the first, the conditional variance needs "
                'sums that a project keeps only if it is created with `params={"joint_squares": "true"}`.'
            ),
        ),
        explored(
            "z test",
            "ztest",
            'sj.ExploreJob(project, "ztest", [["sepal_length", "petal_length"]])',
            on("sepal_length", "petal_length"),
        ),
        explored(
            "z test of two proportions",
            "ztestp",
            'sj.ExploreJob(project, "ztestp", [["species$setosa", "species$virginica"]])',
            on(*GROUPS),
        ),
        explored(
            "z test against a known mean",
            "ztestmu",
            'sj.ExploreJob(project, "ztestmu", [["sepal_length"]], parameters=[{"sml_explore_ztest_known_mu": 5.8}])',
            on("sepal_length", sml_explore_ztest_known_mu="5.8"),
        ),
        explored(
            "t test of one attribute in two groups",
            "ttest",
            'sj.ExploreJob(project, "ttest", [["sepal_length"]], [["species$setosa", "species$virginica"]])',
            on("sepal_length", targets=GROUPS),
        ),
        explored(
            "t test against a known mean",
            "ttestmu",
            'sj.ExploreJob(project, "ttestmu", [["sepal_length"]], parameters=[{"sml_explore_ttest_known_mu": 5.8}])',
            on("sepal_length", sml_explore_ttest_known_mu="5.8"),
        ),
        explored(
            "F test",
            "ftest",
            'sj.ExploreJob(project, "ftest", [["sepal_length", "sepal_width"]])',
            on("sepal_length", "sepal_width"),
        ),
        explored(
            "F test against a known standard deviation",
            "ftestmu",
            'sj.ExploreJob(project, "ftestmu", [["petal_width"]], parameters=[{"sml_explore_ftest_known_sigma": 0.8}])',
            on("petal_width", sml_explore_ftest_known_sigma="0.8"),
        ),
        explored(
            "Analysis of variance",
            "anova",
            'sj.ExploreJob(project, "anova", [["sepal_length"]], [["species"]])',
            on("sepal_length", targets=("species",)),
            note="The name of a category stands for its members.",
        ),
        explored(
            "Chi-square test",
            "chi2",
            'sj.ExploreJob(project, "chi2", [["species$setosa", "species$virginica"]], '
            '[["species$setosa", "species$virginica"]])',
            on(*GROUPS, targets=GROUPS),
            note="Each species goes with itself only: a perfect association, whose coefficient is 1.",
        ),
        explored(
            "Information gain",
            "gain",
            'sj.ExploreJob(project, "gain", [["species$setosa"]], [["species"]])',
            on("species$setosa", targets=("species",)),
        ),
    ],
    "ExploreVIFJob": [
        Example(
            "By index",
            "POST /projects/iris/vif",
            'sj.ExploreVIFJob(project, ["0", "1", "2", "3"])',
            from_body(sj.ExploreVIFJob, sj.MLContext(inputAttributes=["0", "1", "2", "3"])),
            sj.MLContext(inputAttributes=["0", "1", "2", "3"]),
            "Keys are the inputs as the request named them.",
        ),
        Example(
            "With a category",
            "POST /projects/iris/vif",
            'sj.ExploreVIFJob(project, ["sepal_length", "species"])',
            from_body(sj.ExploreVIFJob, on("sepal_length", "species")),
            on("sepal_length", "species"),
            "The members of a whole category add up to 1, so that each is a linear function of the others.",
        ),
    ],
    "ListProjectsInfoJob": [
        Example(
            "All projects",
            "GET /projects/info",
            "sj.ListProjectsInfoJob([project])",
            lambda project: sj.ListProjectsInfoJob.from_context([project]),
        )
    ],
    "OptimizedKmeansJob": [
        Example(
            "Two to six clusters",
            "POST /projects/iris/kmeansOptimize",
            "sj.OptimizedKmeansJob(project, 2, 6, n_init=50, seed=7)",
            from_body(sj.OptimizedKmeansJob, SWEEP),
            SWEEP,
            "The request's own `kmeans_*` parameters are echoed. Two clusters have the largest silhouette. WSSSE falls "
            "with every cluster more, and most so up to three.",
        ),
        Example(
            "On one scale, in squared distances",
            "POST /projects/iris/kmeansOptimize",
            'sj.OptimizedKmeansJob(project, 1, 2, ["petal_length", "petal_width"], seed=7, scale="standard", '
            'metric="sqeuclidean")',
            from_body(sj.OptimizedKmeansJob, SCALED),
            SCALED,
            "Each column is divided by its standard deviation, and WSSSE has no unit then. One cluster has no "
            "silhouette; the reason is in the job's `details`.",
        ),
    ],
    "PCAJob": [
        Example(
            "Of the correlations",
            "POST /projects/iris/explorepca",
            'sj.PCAJob(project, ["sepal_length", "sepal_width", "petal_length", "petal_width"])',
            from_body(sj.PCAJob, LENGTHS),
            LENGTHS,
        ),
        Example(
            "Of the covariances, 95 % of the variance",
            "POST /projects/iris/explorepca?explainedCovariance=0.95&pcaCovariance=true",
            'sj.PCAJob(project, ["sepal_length", "sepal_width", "petal_length", "petal_width"], '
            "explained=0.95, covariance=True)",
            from_body(sj.PCAJob, LENGTHS, explainedCovariance="0.95", pcaCovariance="true"),
            LENGTHS,
            "`pcaSumValues` is the sum of all four eigenvalues.",
        ),
    ],
    "BuildJob": [
        Example(
            "An anomaly model",
            "POST /projects/iris/build?modelid=usual&algo=oospca",
            'sj.BuildJob(project, "usual", "oospca", ["sepal_length", "sepal_width", "petal_length", "petal_width"])',
            from_body(sj.BuildJob, LENGTHS, modelid="usual", algo="oospca"),
            LENGTHS,
        )
    ],
    "DSUpdateJob": [
        Example(
            "A source that the customer has described",
            "GET /projects/iris/dss/flowers/learn",
            'sj.DSUpdateJob(sj.Project("iris"), sj.datasets.open("iris"))',
            lambda _: sj.DSUpdateJob.from_context(sj.Project("iris"), sj.MLContext(), data=sj.datasets.open("iris")),
            note="The source `flowers` was created with `POST /dss/create`; [](../guide/files.md) has types and keys.",
        )
    ],
    "ForgetJob": [rows_of_a_request("ForgetJob", "forget")],
    "LearnJob": [rows_of_a_request("LearnJob", "learn")],
    "ProjectInfoJob": [
        Example(
            "One project",
            "GET /projects/iris/info?async=true",
            "sj.ProjectInfoJob(project)",
            lambda project: sj.ProjectInfoJob.from_context(project),
        )
    ],
    "SVDFeatureSelectionJob": [
        Example(
            "A category among the inputs",
            "POST /projects/iris/exploresvdfs",
            'sj.SVDFeatureSelectionJob(project, ["sepal_length", "petal_length", "species"])',
            from_body(sj.SVDFeatureSelectionJob, on("sepal_length", "petal_length", "species")),
            on("sepal_length", "petal_length", "species"),
        )
    ],
    "SVDJob": [
        Example(
            "Of the four lengths",
            "POST /projects/iris/exploresvd",
            'sj.SVDJob(project, ["sepal_length", "sepal_width", "petal_length", "petal_width"])',
            from_body(sj.SVDJob, LENGTHS),
            LENGTHS,
        )
    ],
}


def answer(manager: sj.JobManager, job: Callable[[], sj.Job]) -> dict[str, Any]:
    """Create a job, wait for it, and return the body that a client gets."""
    created = sj.rest.create_job(manager, CUSTOMER, job)
    if created.status != 202:
        raise RuntimeError(created.json.decode())
    response = sj.rest.get_job(manager, CUSTOMER, created.headers["sym-job-id"])
    while response.status == 202:
        time.sleep(0.001)
        response = sj.rest.get_job(manager, CUSTOMER, created.headers["sym-job-id"])
    if response.status != 200:
        raise RuntimeError(response.json.decode())
    return without_chance(response.body)


def with_rows(body: dict[str, Any], rows: tuple[int, ...]) -> dict[str, Any]:
    """Keep some rows of the answer's dataframe."""
    if rows:
        frame = body["values"]["dataframe"]
        frame["data"] = [frame["data"][i] for i in rows]
    return body


def without_chance(value: Any) -> Any:
    """Replace the dates of a ProjectInfo, and the ids of subscriptions."""
    if isinstance(value, dict):
        return {
            k: DATE if k in ("creationDate", "lastModificationDate") else without_chance(v) for k, v in value.items()
        }
    if isinstance(value, list):
        return [without_chance(item) for item in value]
    return re.sub(r"(?<=:)[0-9a-f-]{36}$", UUID, value) if isinstance(value, str) else value


def pretty(value: Any) -> str:
    """Write JSON with one entry a line, short lists on one."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return re.sub(
        r"\[[^\[\]{}]*\]", lambda m: re.sub(r"\s*\n\s*", " ", m[0]).replace("[ ", "[").replace(" ]", "]"), text
    )


def page(job_type: str, project: sj.Project, manager: sj.JobManager) -> str:
    """Return the page of one job type."""
    parts = [f"# {job_type}", GENERATED, INTRODUCTIONS[job_type]]
    if sj.JOB_TYPES[job_type].parameter_type.declared():
        parts.append(f"## Parameters\n\n```{{parameters}} {job_type}\n```")
    parts.append(f"## What the result holds\n\n{RESULTS[job_type]}")
    for example in EXAMPLES[job_type]:
        body = answer(manager, lambda example=example: example.make(project))
        names = {"sj": sj, "project": project, "data": stream() if "data" in example.python else None}
        direct = answer(manager, lambda example=example, names=names: eval(example.python, names))
        if direct != body:
            raise RuntimeError(f"{example.python} does not answer as {example.request}")
        parts += [f"## {example.title}", *([example.note] if example.note else [])]
        parts.append(f"```text\n{example.request.replace(' /', f' /symetry/rest/{CUSTOMER}/', 1)}\n```")
        if example.body is not None:
            filled = {key: value for key, value in json.loads(sj.to_json(example.body)).items() if value}
            if isinstance(example.body, sj.ExploreContext):
                filled = {"values": [{k: v for k, v in one.items() if v} for one in filled["values"]]}
            parts.append(f"```json\n{pretty(filled)}\n```")
        parts += ["In Python:", f"```python\n{example.python}\n```"]
        parts += ["The answer, once the job is finished:", f"```json\n{pretty(with_rows(body, example.shown))}\n```"]
    reference = f".. autoclass:: symjobs.{job_type}\n   :members: from_context\n   :inherited-members:"
    parts.append(f"## Reference\n\n```{{eval-rst}}\n{reference}\n```")
    return "\n\n".join(parts) + "\n"


def pages() -> dict[str, str]:
    """Return every page by its job type."""
    iris = sj.datasets.load_iris()
    plain = sj.Project("iris").learn(iris)
    modelled = sj.Project("iris").learn(iris)
    modelled.build("pca", "oospca", LENGTHS.inputAttributeNames)
    clustered = sj.Project("iris", params={"cluster_features": LENGTHS.inputAttributeNames}).learn(iris)
    manager = sj.JobManager(workers=1, store=None)
    changed = {name: sj.Project("iris").learn(iris) for name in ("BuildJob", "ForgetJob", "LearnJob")}
    special = {**changed, "OptimizedKmeansJob": clustered, "DSPredictDataFrameJob": modelled}
    try:
        with account():
            return {job_type: page(job_type, special.get(job_type, plain), manager) for job_type in EXAMPLES}
    finally:
        manager.shutdown()


if __name__ == "__main__":
    os.environ.setdefault("SYMKERNELS_COMPILE", "now")  # the same last digits as in the tests
    FOLDER.mkdir(exist_ok=True)
    for job_type, text in pages().items():
        (FOLDER / f"{job_type}.md").write_text(text, encoding="utf-8")
