"""The job types, one file each, and the one list of them."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from symjobs._engine import Job

__all__ = ["JOB_TYPES"]


class JobTypes(Mapping[str, "type[Job]"]):
    """Job types by their names; each is imported when it is asked for.

    Parameters
    ----------
    modules : mapping of str to str
        The module of each class.
    """

    def __init__(self, modules: Mapping[str, str]) -> None:
        self._modules = dict(modules)

    def __getitem__(self, name: str) -> type[Job]:
        found: type[Job] = getattr(importlib.import_module(self._modules[name]), name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


# One line a job type. The command line, `rest` and `symjobs.<name>` find it here.
JOB_TYPES = JobTypes(
    {
        "DSPredictDataFrameJob": "symjobs._jobs._predict_frame",
        "ExploreJob": "symjobs._jobs._explore",
        "ExploreVIFJob": "symjobs._jobs._vif",
        "ListProjectsInfoJob": "symjobs._jobs._list_projects",
        "OptimizedKmeansJob": "symjobs._jobs._optimized_kmeans",
        "PCAJob": "symjobs._jobs._pca",
        "ProjectInfoJob": "symjobs._jobs._project_info",
        "SVDFeatureSelectionJob": "symjobs._jobs._svd_select",
        "SVDJob": "symjobs._jobs._svd",
    }
)
