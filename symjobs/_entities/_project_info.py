"""ProjectInfo: what a client sees of a project."""
# ruff: noqa: N815 - the names of the wire

from __future__ import annotations

from typing import Any

import msgspec


class ProjectInfo(msgspec.Struct):
    """What a client sees of a project.

    Parameters
    ----------
    pid : str
        The project's name.
    attributeNames, attributeIndexes, attributeTypes : list, default []
        The attributes, one entry each; the members of categories are attributes.
    params : dict of str to str, default {}
        The parameters of the project, as they were given.
    hash : str, default ""
        Hash of the state: equal states have equal hashes.
    categorySeparator : str, default "$"
        The text between a category and its member.
    type : str, default "cpu"
        ``cpu`` or ``gpu``.
    creationDate, lastModificationDate : int, default 0
        Epoch milliseconds.
    loaded, persisted, histogramEnabled, autoSave : bool
        Whether the project is in memory, was saved, keeps quantile sketches, and is saved automatically.
    modelsList, modelTypeList, dsList : list of str, default []
        Its models, their types, and its data sources.
    modelAssessments, modelPredictions : dict, default {}
        Keyed by model.
    encoderName, partitionColumn : str, default ""
        For clients that use them; nothing reads them here.

    Examples
    --------
    >>> import symjobs as sj
    >>> info = sj.Project("iris").learn(sj.datasets.load_iris()).info()
    >>> info.pid, info.attributeNames[:2], info.attributeTypes[:2]
    ('iris', ['sepal_length', 'sepal_width'], ['C', 'C'])
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
