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
    """

    values: list[MLContext]
