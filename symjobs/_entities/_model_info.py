"""ModelInfo: what a client sees of a model."""

from __future__ import annotations

from typing import Any

import msgspec


class ModelInfo(msgspec.Struct):
    """What a client sees of a model; `buildTime` is in milliseconds, `creationDate` in epoch milliseconds."""

    modelId: str  # noqa: N815
    modelType: str  # noqa: N815
    modelBuilt: bool = False  # noqa: N815
    buildTime: int = 0  # noqa: N815
    attributeNames: list[str] = []  # noqa: N815
    attributeIndexes: list[int] = []  # noqa: N815
    attributeTypes: list[str] = []  # noqa: N815
    predictInfo: dict[str, Any] = {}  # noqa: N815
    scoreInfo: dict[str, Any] = {}  # noqa: N815
    targetNames: list[str] = []  # noqa: N815
    targetindexes: list[int] = []
    info: dict[str, str] = {}
    creationDate: int = 0  # noqa: N815
    extra: dict[str, Any] = {}
