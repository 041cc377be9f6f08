"""symjobs: read the data once, keep a small mergeable state, answer every question from it as a job."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from symjobs._jobs import JOB_TYPES
from symjobs._version import __version__

# For type checkers and editors, which do not run `__getattr__`: one line a public name.
if TYPE_CHECKING:
    from symjobs import datasets as datasets
    from symjobs import metrics as metrics
    from symjobs import rest as rest
    from symjobs import server as server
    from symjobs import sources as sources
    from symjobs._engine import Job as Job
    from symjobs._engine import JobContext as JobContext
    from symjobs._engine import JobHandle as JobHandle
    from symjobs._engine import JobLogFilter as JobLogFilter
    from symjobs._engine import JobManager as JobManager
    from symjobs._entities import AwsInfo as AwsInfo
    from symjobs._entities import DataFrame as DataFrame
    from symjobs._entities import Density as Density
    from symjobs._entities import DSInfo as DSInfo
    from symjobs._entities import Envelope as Envelope
    from symjobs._entities import ExploreContext as ExploreContext
    from symjobs._entities import JobInfo as JobInfo
    from symjobs._entities import KSVDMap as KSVDMap
    from symjobs._entities import KSVSMap as KSVSMap
    from symjobs._entities import MLContext as MLContext
    from symjobs._entities import ModelInfo as ModelInfo
    from symjobs._entities import ProjectInfo as ProjectInfo
    from symjobs._entities import from_json as from_json
    from symjobs._entities import to_json as to_json
    from symjobs._errors import InputError as InputError
    from symjobs._errors import JobError as JobError
    from symjobs._errors import JobFailed as JobFailed
    from symjobs._errors import JobKilled as JobKilled
    from symjobs._errors import ManagerClosed as ManagerClosed
    from symjobs._errors import MissingDependency as MissingDependency
    from symjobs._errors import NoSuchJob as NoSuchJob
    from symjobs._errors import NoSuchModel as NoSuchModel
    from symjobs._errors import NoSuchProject as NoSuchProject
    from symjobs._errors import NotLearntWarning as NotLearntWarning
    from symjobs._errors import ProjectError as ProjectError
    from symjobs._errors import ProjectExists as ProjectExists
    from symjobs._errors import QueueFull as QueueFull
    from symjobs._errors import StopJob as StopJob
    from symjobs._errors import StoreError as StoreError
    from symjobs._errors import SymjobsError as SymjobsError
    from symjobs._errors import UnknownAttribute as UnknownAttribute
    from symjobs._errors import UnsupportedTest as UnsupportedTest
    from symjobs._jobs._aws_info import AwsInfoJob as AwsInfoJob
    from symjobs._jobs._build import BuildJob as BuildJob
    from symjobs._jobs._ds_update import DSUpdateJob as DSUpdateJob
    from symjobs._jobs._explore import ExploreJob as ExploreJob
    from symjobs._jobs._learn import ForgetJob as ForgetJob
    from symjobs._jobs._learn import LearnJob as LearnJob
    from symjobs._jobs._list_projects import ListProjectsInfoJob as ListProjectsInfoJob
    from symjobs._jobs._optimized_kmeans import OptimizedKmeansJob as OptimizedKmeansJob
    from symjobs._jobs._pca import PCAJob as PCAJob
    from symjobs._jobs._predict_frame import DSPredictDataFrameJob as DSPredictDataFrameJob
    from symjobs._jobs._project_info import ProjectInfoJob as ProjectInfoJob
    from symjobs._jobs._spark_ds_update import SparkDSUpdateJob as SparkDSUpdateJob
    from symjobs._jobs._svd import SVDJob as SVDJob
    from symjobs._jobs._svd_select import SVDFeatureSelectionJob as SVDFeatureSelectionJob
    from symjobs._jobs._vif import ExploreVIFJob as ExploreVIFJob
    from symjobs._models import AnomalyPredictions as AnomalyPredictions
    from symjobs._models import FlaggedPredictions as FlaggedPredictions
    from symjobs._models import KMeansPredictions as KMeansPredictions
    from symjobs._models import Predictions as Predictions
    from symjobs._project import Project as Project
    from symjobs._state import Clusters as Clusters
    from symjobs._state import Snapshot as Snapshot

# Where each public name lives, job types aside. They are loaded on first use, so that importing symjobs is instant.
_NAMES = {
    "AnomalyPredictions": "_models",
    "AwsInfo": "_entities",
    "Clusters": "_state",
    "DSInfo": "_entities",
    "DataFrame": "_entities",
    "Density": "_entities",
    "Envelope": "_entities",
    "ExploreContext": "_entities",
    "FlaggedPredictions": "_models",
    "InputError": "_errors",
    "Job": "_engine",
    "JobContext": "_engine",
    "JobError": "_errors",
    "JobFailed": "_errors",
    "JobHandle": "_engine",
    "JobInfo": "_entities",
    "JobKilled": "_errors",
    "JobLogFilter": "_engine",
    "JobManager": "_engine",
    "KSVDMap": "_entities",
    "KSVSMap": "_entities",
    "KMeansPredictions": "_models",
    "MLContext": "_entities",
    "ManagerClosed": "_errors",
    "MissingDependency": "_errors",
    "ModelInfo": "_entities",
    "NoSuchJob": "_errors",
    "NoSuchModel": "_errors",
    "NoSuchProject": "_errors",
    "NotLearntWarning": "_errors",
    "Predictions": "_models",
    "Project": "_project",
    "ProjectError": "_errors",
    "ProjectExists": "_errors",
    "ProjectInfo": "_entities",
    "QueueFull": "_errors",
    "Snapshot": "_state",
    "StopJob": "_errors",
    "StoreError": "_errors",
    "SymjobsError": "_errors",
    "UnknownAttribute": "_errors",
    "UnsupportedTest": "_errors",
    "from_json": "_entities",
    "to_json": "_entities",
}
_MODULES = ("datasets", "metrics", "rest", "server", "sources")

__all__ = ["__version__", *sorted([*_NAMES, *JOB_TYPES]), *_MODULES]

if not TYPE_CHECKING:  # else a type checker would take every misspelt name for Any

    def __getattr__(name: str) -> Any:
        if name in _NAMES:
            value = getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
        elif name in JOB_TYPES:
            value = JOB_TYPES[name]
        elif name in _MODULES:
            value = importlib.import_module(f"{__name__}.{name}")
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
