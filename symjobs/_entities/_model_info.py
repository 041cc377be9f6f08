"""ModelInfo: what a client sees of a model."""
# ruff: noqa: N815 - the names of the wire

from __future__ import annotations

from typing import Any

import msgspec


class ModelInfo(msgspec.Struct):
    """What a client sees of a model; `buildTime` is in milliseconds, `creationDate` in epoch milliseconds."""

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
