"""Pictures of answers: scree plot, correlation heat map, bars of variance inflation factors, clusters over k.

Each function returns a matplotlib Figure that no window and no global state knows of; `save` writes it.
"""

from symjobs._plots._base import check_path, save
from symjobs._plots._clusters import cluster_curves
from symjobs._plots._matrices import correlation_map, scree, vif_bars

__all__ = ["check_path", "cluster_curves", "correlation_map", "save", "scree", "vif_bars"]
