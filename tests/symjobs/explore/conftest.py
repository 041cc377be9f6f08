"""Iris as a pandas frame and as a project, complete and with values missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import symjobs as sj


def iris(missing: float) -> pd.DataFrame:
    data = sj.datasets.load_iris()
    frame = pd.DataFrame(data.data, columns=data.attributeNames)
    lengths = frame.columns[:4]
    frame[lengths] = frame[lengths].astype(float)
    frame["wide"] = (frame["sepal_width"] > 3.0).astype(float)
    frame["long"] = (frame["sepal_length"] > 5.8).astype(float)
    hidden = np.random.default_rng(8).random(frame.shape) < missing
    return frame.mask(hidden)


@pytest.fixture(scope="module", params=[0.0, 0.2], ids=["complete", "20% missing"])
def frame(request: pytest.FixtureRequest) -> pd.DataFrame:
    """Iris with two binary columns."""
    return iris(request.param)


@pytest.fixture(scope="module")
def project(frame: pd.DataFrame) -> sj.Project:
    """The frame learnt in three batches."""
    project = sj.Project("iris", params={"types": {"wide": "B", "long": "B", "species": "T"}})
    for rows in np.array_split(np.arange(len(frame)), 3):
        project.learn(frame.iloc[rows])
    return project
