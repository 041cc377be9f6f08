"""ProjectInfo: what a client sees of a project."""
# ruff: noqa: N815 - the names of the wire

from __future__ import annotations

from typing import Any

import msgspec


class ProjectInfo(msgspec.Struct):
    """What a client sees of a project.

    `attributeNames`, `attributeIndexes` and `attributeTypes` run in step, one entry an attribute.
    `modelAssessments` and `modelPredictions` are keyed by model. Dates are in epoch milliseconds.
    """

    pid: str
    encoderName: str = ""
    modelsList: list[str] = []
    modelTypeList: list[str] = []
    dsList: list[str] = []
    attributeNames: list[str] = []
    attributeIndexes: list[int] = []
    attributeTypes: list[str] = []
    modelAssessments: dict[str, Any] = {}
    modelPredictions: dict[str, Any] = {}
    partitionColumn: str = ""
    params: dict[str, str] = {}
    hash: str = ""
    categorySeparator: str = "$"
    type: str = "cpu"
    creationDate: int = 0
    lastModificationDate: int = 0
    loaded: bool = True
    persisted: bool = False
    histogramEnabled: bool = False
    autoSave: bool = False
