"""The JSON structures of the wire contract (section 4) and their strict JSON.

Attribute names equal the names on the wire, camel case included.
"""

from symjobs._entities._aws import AwsInfo
from symjobs._entities._contexts import ExploreContext, MLContext
from symjobs._entities._dataframe import Cell, DataFrame
from symjobs._entities._density import Density
from symjobs._entities._ds_info import DSInfo
from symjobs._entities._envelope import Envelope
from symjobs._entities._job_info import JobInfo
from symjobs._entities._json import from_json, to_json
from symjobs._entities._maps import KSVDMap, KSVSMap
from symjobs._entities._model_info import ModelInfo
from symjobs._entities._numbers import distinct_texts, number_text
from symjobs._entities._project_info import ProjectInfo
from symjobs._entities._typed import typed_entities

__all__ = [
    "AwsInfo",
    "Cell",
    "DSInfo",
    "DataFrame",
    "Density",
    "Envelope",
    "ExploreContext",
    "JobInfo",
    "KSVDMap",
    "KSVSMap",
    "MLContext",
    "ModelInfo",
    "ProjectInfo",
    "distinct_texts",
    "from_json",
    "number_text",
    "to_json",
    "typed_entities",
]
