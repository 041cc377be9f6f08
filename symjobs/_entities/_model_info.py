"""ModelInfo: what a client sees of a model."""
# ruff: noqa: N815 - the names of the wire

from __future__ import annotations

from typing import Any

import msgspec


class ModelInfo(msgspec.Struct):
    """What a client sees of a model.

    Parameters
    ----------
    modelId, modelType : str
        Name and type of the model.
    modelBuilt : bool, default False
        Whether it can predict.
    buildTime : int, default 0
        In milliseconds.
    attributeNames, attributeIndexes, attributeTypes : list, default []
        The inputs, one entry each.
    targetNames, targetindexes : list, default []
        The targets, one entry each.
    predictInfo, scoreInfo, info, extra : dict, default {}
        Facts about the predictions, the scores, the model, and further ones.
    creationDate : int, default 0
        Epoch milliseconds.

    Examples
    --------
    >>> import symjobs as sj
    >>> project = sj.Project("iris").learn(sj.datasets.load_iris())
    >>> info = project.build("usual", "mahalanobis", ["petal_length", "petal_width"])
    >>> info.modelType, info.attributeNames, list(info.predictInfo)
    ('mahalanobis', ['petal_length', 'petal_width'], ['score', 'residual'])
    """

    modelId: str
    modelType: str
    modelBuilt: bool = False
    buildTime: int = 0
    attributeNames: list[str] = []
    attributeIndexes: list[int] = []
    attributeTypes: list[str] = []
    predictInfo: dict[str, Any] = {}
    scoreInfo: dict[str, Any] = {}
    targetNames: list[str] = []
    targetindexes: list[int] = []
    info: dict[str, str] = {}
    creationDate: int = 0
    extra: dict[str, Any] = {}
