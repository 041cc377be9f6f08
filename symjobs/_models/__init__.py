"""Models: built from a project's state alone, and asked about the rows of any table."""

from symjobs._models._anomaly import AnomalyPredictions
from symjobs._models._built import Built, ModelRecord, build_model
from symjobs._models._inputs import Input
from symjobs._models._kmeans import KMeansPredictions
from symjobs._models._predictions import Predictions

__all__ = ["AnomalyPredictions", "Built", "Input", "KMeansPredictions", "ModelRecord", "Predictions", "build_model"]
