"""symkernels: statistics, clusters and anomaly thresholds, from arrays to arrays."""

from __future__ import annotations

from ._columns import Columns, gather_columns
from ._delimited import DelimitedCells, DelimitedParser
from ._errors import (
    BackendError,
    DataError,
    ForgetError,
    MissingDependency,
    ShapeError,
    SymkernelsError,
)
from ._gpd import GPDFit, fit_gpd
from ._kmeans import KMeansResult, assign_clusters, kmeans
from ._least_squares import LeastSquares, least_squares
from ._moments import Condition, CrossSums, CrossTable, Moments, SparseRows
from ._nearest import NearestResult, PSDReport, nearest_correlation, psd_report
from ._numba import compile_mode
from ._parallel import container_quota, thread_count
from ._pot import PotThreshold, pot_threshold
from ._quantiles import QuantileSketch
from ._scores import LookupTable, LookupTables, projected_squares
from ._silhouette import silhouette_samples, silhouette_score
from ._spectral import PCAResult, SVDResult, SVDSelection, pca, svd, svd_select
from ._spot import DriftSpot, Spot, SpotResult
from ._streaming import Coreset, StreamingKMeans
from ._sweep import KMeansSweep, SweepEntry, kmeans_sweep
from ._vif import VIFResult, vif
from ._warm_up import compile_loops

__all__ = [
    "BackendError",
    "Columns",
    "Condition",
    "Coreset",
    "CrossSums",
    "CrossTable",
    "DataError",
    "DelimitedCells",
    "DelimitedParser",
    "DriftSpot",
    "ForgetError",
    "GPDFit",
    "KMeansResult",
    "KMeansSweep",
    "LeastSquares",
    "LookupTable",
    "LookupTables",
    "MissingDependency",
    "Moments",
    "NearestResult",
    "PCAResult",
    "PSDReport",
    "PotThreshold",
    "QuantileSketch",
    "SVDResult",
    "SVDSelection",
    "ShapeError",
    "SparseRows",
    "Spot",
    "SpotResult",
    "StreamingKMeans",
    "SweepEntry",
    "SymkernelsError",
    "VIFResult",
    "assign_clusters",
    "compile_loops",
    "compile_mode",
    "container_quota",
    "fit_gpd",
    "gather_columns",
    "kmeans",
    "kmeans_sweep",
    "least_squares",
    "nearest_correlation",
    "pca",
    "pot_threshold",
    "projected_squares",
    "psd_report",
    "silhouette_samples",
    "silhouette_score",
    "svd",
    "svd_select",
    "thread_count",
    "vif",
]
