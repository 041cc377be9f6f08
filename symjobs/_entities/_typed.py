"""The entities of a response, typed again by their keys."""

from __future__ import annotations

from typing import Any

import msgspec

from symjobs._entities._aws import AwsInfo
from symjobs._entities._dataframe import DataFrame
from symjobs._entities._density import Density
from symjobs._entities._ds_info import DSInfo
from symjobs._entities._job_info import JobInfo
from symjobs._entities._json import from_json
from symjobs._entities._maps import KSVDMap, KSVSMap
from symjobs._entities._model_info import ModelInfo
from symjobs._entities._project_info import ProjectInfo

# The keys of the contract's section 3. What has another key stays plain.
ENTITY_TYPES: dict[str, Any] = {
    "KSVDMap": KSVDMap,
    "KSVSMap": KSVSMap,
    "awsInfo": AwsInfo,
    "dataframe": DataFrame,
    "dsInfo": DSInfo,
    "dsInfoList": dict[str, list[DSInfo]],
    "densityList": dict[str, list[Density]],
    "jobinfo": JobInfo,
    "jobinfoList": dict[str, list[JobInfo]],
    "modelInfo": ModelInfo,
    "pcaValues": DataFrame,
    "pcaVectors": DataFrame,
    "smlInfo": ProjectInfo,
    "smlInfoList": dict[str, list[ProjectInfo]],
    "string": str,
    "stringList": dict[str, list[str]],
}


def typed_entities(data: bytes, /) -> dict[str, Any]:
    """Read the ``values`` of a response: a JSON object of entities by key."""
    parts = from_json(data, dict[str, msgspec.Raw])
    return {key: from_json(bytes(raw), ENTITY_TYPES.get(key, Any)) for key, raw in parts.items()}
