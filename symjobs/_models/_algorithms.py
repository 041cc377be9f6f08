"""The model types by their names on the wire."""

from __future__ import annotations

from symjobs._errors import InputError
from symjobs._models._ecod import EcodModel
from symjobs._models._hba import HbaModel
from symjobs._models._kmeans import KMeansModel
from symjobs._models._mahalanobis import MahalanobisModel
from symjobs._models._model import Model
from symjobs._models._oospca import OospcaModel
from symjobs._text import near, shown

ALGORITHMS: dict[str, type[Model]] = {
    model.algo: model for model in (KMeansModel, OospcaModel, MahalanobisModel, HbaModel, EcodModel)
}


def algorithm(name: str) -> type[Model]:
    """Return the model type of this name; InputError, with those there are, if there is none."""
    found = ALGORITHMS.get(name) if isinstance(name, str) else None
    if found is None:
        raise InputError(f"unknown algorithm {shown(name)}; {near(str(name), list(ALGORITHMS))}")
    return found
