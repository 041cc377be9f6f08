"""Models: built from a snapshot of a project, with answers for the rows of any table."""

from symjobs._models._anomaly import AnomalyPredictions
from symjobs._models._built_model import BuiltModel, ModelRecord, build_model, check_model
from symjobs._models._fixed_blocks import FixedSizeBlocks
from symjobs._models._kmeans import KMeansPredictions
from symjobs._models._predictions import Predictions
from symjobs._models._registry import MODEL_TYPES, row_scoring_types
from symjobs._models._wrapper import EvtWrapper, FlaggedPredictions, WrapperRecord, wrap

__all__ = [
    "MODEL_TYPES",
    "AnomalyPredictions",
    "BuiltModel",
    "EvtWrapper",
    "FixedSizeBlocks",
    "FlaggedPredictions",
    "KMeansPredictions",
    "ModelRecord",
    "Predictions",
    "WrapperRecord",
    "build_model",
    "check_model",
    "row_scoring_types",
    "wrap",
]
