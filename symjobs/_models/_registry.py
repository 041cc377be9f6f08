"""The model types by their names on the wire."""

from __future__ import annotations

from symjobs._errors import InputError
from symjobs._lazy import LazyTypes
from symjobs._models._model import Model
from symjobs._text import near, shown

# One line for each model type: its name on the wire, its module and its class. The command line, messages and the docs
# read this list.
MODEL_TYPES: LazyTypes[Model] = LazyTypes(
    {
        "kmeans": "symjobs._models._kmeans:KMeansModel",
        "oospca": "symjobs._models._oospca:OospcaModel",
        "mahalanobis": "symjobs._models._mahalanobis:MahalanobisModel",
        "hba": "symjobs._models._hba:HbaModel",
        "ecod": "symjobs._models._ecod:EcodModel",
    }
)


def model_type(name: str) -> type[Model]:
    """Return the model type of this name; InputError, with the names that there are, if there is none."""
    if not isinstance(name, str) or name not in MODEL_TYPES:
        raise InputError(f"unknown algorithm {shown(name)}; {near(str(name), list(MODEL_TYPES))}")
    return MODEL_TYPES[name]


def row_scoring_types() -> list[str]:
    """Return the names of the model types that score rows and need no clusters, the default first."""
    return [name for name, kind in MODEL_TYPES.items() if kind.score is not None and not kind.needs_clusters]
