"""symjobs: read the data once, keep a small mergeable state, answer every question from it as a job."""

from __future__ import annotations

import importlib
from typing import Any

from symjobs._jobs import JOB_TYPES

__version__ = "0.1.0.dev0"

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
    "Predictions": "_models",
    "Project": "_project",
    "ProjectError": "_errors",
    "ProjectExists": "_errors",
    "ProjectInfo": "_entities",
    "QueueFull": "_errors",
    "Snapshot": "_state",
    "StoreError": "_errors",
    "SymjobsError": "_errors",
    "UnknownAttribute": "_errors",
    "UnsupportedTest": "_errors",
    "from_json": "_entities",
    "to_json": "_entities",
}
_MODULES = ("datasets", "rest", "sources")

__all__ = ["__version__", *sorted([*_NAMES, *JOB_TYPES]), *_MODULES]


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
