"""The ``xp`` fixture: every test that takes it runs once for each array library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.symkernels._backends import Backend

_ROWS = [
    pytest.param(backend, id=backend.name.lower(), marks=[pytest.mark.gpu] if backend is Backend.CUPY else [])
    for backend in Backend
    if backend.available
]


@pytest.fixture(scope="session", params=_ROWS)
def xp(request: pytest.FixtureRequest) -> Any:
    """The namespace of an array library: NumPy, array-api-strict, and CuPy where there is a card."""
    return request.param.namespace


def _shipped(name: str, columns: range) -> np.ndarray:
    path = Path(__file__).parents[2] / "symjobs" / "datasets" / "data" / f"{name}.csv"
    return np.loadtxt(path, delimiter=",", skiprows=1, usecols=columns)


@pytest.fixture(scope="session")
def iris() -> np.ndarray:
    """(150, 4) the measurements of Fisher's iris data."""
    return _shipped("iris", range(4))


@pytest.fixture(scope="session")
def longley() -> np.ndarray:
    """(16, 6) the regressors of Longley's data, as the shipped file has them after the employment total."""
    return _shipped("longley", range(1, 7))
