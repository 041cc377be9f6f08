"""ProjectInfo: what a client sees of a project."""

from __future__ import annotations

from typing import Any

import msgspec


class ProjectInfo(msgspec.Struct):
    """What a client sees of a project.

    `attributeNames`, `attributeIndexes` and `attributeTypes` run in step, one entry an attribute.
    `modelAssessments` and `modelPredictions` are keyed by model. Dates are in epoch milliseconds.
    """

    pid: str
    encoderName: str = ""  # noqa: N815
    modelsList: list[str] = []  # noqa: N815
    modelTypeList: list[str] = []  # noqa: N815
    dsList: list[str] = []  # noqa: N815
    attributeNames: list[str] = []  # noqa: N815
    attributeIndexes: list[int] = []  # noqa: N815
    attributeTypes: list[str] = []  # noqa: N815
    modelAssessments: dict[str, Any] = {}  # noqa: N815
    modelPredictions: dict[str, Any] = {}  # noqa: N815
    partitionColumn: str = ""  # noqa: N815
    params: dict[str, str] = {}
    hash: str = ""
    categorySeparator: str = "$"  # noqa: N815
    type: str = "cpu"
    creationDate: int = 0  # noqa: N815
    lastModificationDate: int = 0  # noqa: N815
    loaded: bool = True
    persisted: bool = False
    histogramEnabled: bool = False  # noqa: N815
    autoSave: bool = False  # noqa: N815
