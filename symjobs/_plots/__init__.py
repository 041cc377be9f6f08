"""Pictures of answers: scree plot, correlation heat map, bars of variance inflation factors, clusters over k,
anomaly scores over time.

Each function returns a matplotlib Figure outside of pyplot's global state; `save` writes it.
"""

from symjobs._plots._base import check_path, save
from symjobs._plots._clusters import cluster_curves
from symjobs._plots._matrices import correlation_map, scree, vif_bars
from symjobs._plots._scores import Tail, score_picture

__all__ = ["Tail", "check_path", "cluster_curves", "correlation_map", "save", "score_picture", "scree", "vif_bars"]
