"""The job types, one file each, and the one list of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symjobs._lazy import LazyTypes

if TYPE_CHECKING:
    from symjobs._engine import Job

__all__ = ["JOB_TYPES"]

# One line a job type. The command line, `rest` and `symjobs.<name>` find it here.
JOB_TYPES: LazyTypes[Job] = LazyTypes(
    {
        "AwsInfoJob": "symjobs._jobs._aws_info",
        "BuildJob": "symjobs._jobs._build",
        "DSUpdateJob": "symjobs._jobs._ds_update",
        "DSPredictDataFrameJob": "symjobs._jobs._predict_frame",
        "ExploreJob": "symjobs._jobs._explore",
        "ExploreVIFJob": "symjobs._jobs._vif",
        "ForgetJob": "symjobs._jobs._learn",
        "LearnJob": "symjobs._jobs._learn",
        "ListProjectsInfoJob": "symjobs._jobs._list_projects",
        "OptimizedKmeansJob": "symjobs._jobs._optimized_kmeans",
        "PCAJob": "symjobs._jobs._pca",
        "ProjectInfoJob": "symjobs._jobs._project_info",
        "SVDFeatureSelectionJob": "symjobs._jobs._svd_select",
        "SVDJob": "symjobs._jobs._svd",
        "SparkDSUpdateJob": "symjobs._jobs._spark_ds_update",
    }
)
