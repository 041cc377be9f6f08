"""MLContext and ExploreContext: what a request is about."""
# ruff: noqa: N815 - the names of the wire

from __future__ import annotations

import msgspec


class MLContext(msgspec.Struct):
    """The attributes and parameters of one request.

    Parameters
    ----------
    targets, inputAttributes : list of str, default []
        Indexes of attributes, as text.
    inputAttributeNames, targetAttributeNames : list of str, default []
        Names of attributes.
    extraParameters : dict of str to str, default {}
        Parameters of the metric or the model.

    Examples
    --------
    >>> import symjobs as sj
    >>> context = sj.MLContext(inputAttributeNames=["petal_length", "petal_width"])
    >>> project = sj.Project("iris").learn(sj.datasets.load_iris())
    >>> job = sj.PCAJob.from_context(project, context, {"pcaNumDimension": "1"})
    >>> job.inputs, job.parameters.n_components
    (('petal_length', 'petal_width'), 1)
    """

    targets: list[str] = []
    inputAttributes: list[str] = []
    inputAttributeNames: list[str] = []
    targetAttributeNames: list[str] = []
    extraParameters: dict[str, str] = {}


class ExploreContext(msgspec.Struct):
    """Several contexts: one map in the answer for each.

    Parameters
    ----------
    values : list of MLContext
        In the order of the answer.

    Examples
    --------
    >>> import symjobs as sj
    >>> names = ["petal_length", "petal_width"]
    >>> context = sj.ExploreContext([sj.MLContext(inputAttributeNames=[name]) for name in names])
    >>> project = sj.Project("iris").learn(sj.datasets.load_iris())
    >>> maps = sj.ExploreJob.from_context(project, context, {"metric": "uni"}).run(sj.JobContext()).maps
    >>> [round(found["mean"], 2) for found in maps]
    [3.76, 1.2]
    """

    values: list[MLContext]
