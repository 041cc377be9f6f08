"""Models: built from a project's state alone, and asked about the rows of any table."""

from symjobs._models._anomaly import AnomalyPredictions
from symjobs._models._built import Built, ModelRecord, build_model
from symjobs._models._inputs import Input
from symjobs._models._kmeans import KMeansPredictions
from symjobs._models._predictions import Predictions
from symjobs._models._steady import SteadyBlocks
from symjobs._models._wrapper import EvtWrapper, FlaggedPredictions, WrapperRecord, wrap

__all__ = [
    "AnomalyPredictions",
    "Built",
    "EvtWrapper",
    "FlaggedPredictions",
    "Input",
    "KMeansPredictions",
    "ModelRecord",
    "Predictions",
    "SteadyBlocks",
    "WrapperRecord",
    "build_model",
    "wrap",
]
