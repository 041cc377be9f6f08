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
        Its name and algorithm.
    modelBuilt : bool, default False
        Whether it can predict.
    buildTime : int, default 0
        Milliseconds.
    attributeNames, attributeIndexes, attributeTypes : list, default []
        Its inputs, in step.
    targetNames, targetindexes : list, default []
        Its targets, in step.
    predictInfo, scoreInfo, info, extra : dict, default {}
        What the model says of its predictions, scores, itself and anything else.
    creationDate : int, default 0
        Epoch milliseconds.
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
