"""How well rows fit their clusters: Rousseeuw's silhouettes."""

from __future__ import annotations

from ._silhouette import MeanSilhouette, mean_silhouettes, require_frequencies, silhouette_samples, silhouette_score

__all__ = ["MeanSilhouette", "mean_silhouettes", "require_frequencies", "silhouette_samples", "silhouette_score"]
