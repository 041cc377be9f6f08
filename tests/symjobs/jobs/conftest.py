"""Shipped data as pandas frames and as projects, complete and with values missing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import symjobs as sj


@pytest.fixture(scope="session")
def load() -> Callable[..., pd.DataFrame]:
    """Return the numeric columns of a shipped data set, with a share of its values missing."""

    def load(name: str, missing: float = 0.0) -> pd.DataFrame:
        data = sj.datasets.load(name)
        frame = pd.DataFrame(data.data, columns=data.attributeNames)
        frame = frame[[n for n, t in zip(frame, data.attributeTypes, strict=True) if t == "C"]].astype(float)
        return frame.mask(np.random.default_rng(3).random(frame.shape) < missing)

    return load


@pytest.fixture(scope="session")
def population_covariance() -> Callable[[pd.DataFrame], np.ndarray]:
    """Return the pairwise covariances with ddof 0; pandas ignores its own `ddof` where values are missing."""

    def covariance(frame: pd.DataFrame) -> np.ndarray:
        present = frame.notna().to_numpy(float)
        n = present.T @ present
        return frame.cov().to_numpy() * (n - 1) / n

    return covariance


@pytest.fixture
def learnt() -> Callable[..., sj.Project]:
    """Return a project that has learnt a table, in two batches if it is a frame."""

    def learnt(data: object, **params: object) -> sj.Project:
        project = sj.Project("p", params=params)
        if isinstance(data, pd.DataFrame):
            half = len(data) // 2
            project.learn(data.iloc[:half])
            project.learn(data.iloc[half:])
        else:
            project.learn(data)
        return project

    return learnt


@pytest.fixture
def iris(learnt: Callable[..., sj.Project]) -> sj.Project:
    """Iris with its species."""
    return learnt(sj.datasets.load_iris())
