"""How well the scores of oospca tell outliers of real data, beside PyOD's PCA.

As the benchmarks of outlier detection do (ODDS), a few rows of one class are put among all rows of the others. Not done
with the benign tumours of the breast cancer data, which lie in the middle of the others, and with the fours of the
digits: PyOD's scores are infinite there, as it divides by the variance of a direction that has none.
"""

import warnings

import numpy as np
import pytest

from symjobs._project import Project

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    datasets = pytest.importorskip("sklearn.datasets")
    metrics = pytest.importorskip("sklearn.metrics")
    pyod = pytest.importorskip("pyod.models.pca")

CASES = [
    ("breast_cancer", 0, 21),
    ("breast_cancer", 0, None),
    *(("wine", target, 10) for target in range(3)),
    *(("iris", target, 10) for target in range(3)),
    *(("digits", target, 20) for target in range(10) if target != 4),
]


def outliers(name, target, count):
    """The rows of all classes but one and the first ``count`` of that one, and 1 for these; no constant columns."""
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    chosen = np.flatnonzero(y == target)[:count]
    X = np.concatenate([X[y != target], X[chosen]])
    return X[:, X.std(axis=0) > 0], np.r_[np.zeros(len(X) - len(chosen)), np.ones(len(chosen))]


@pytest.mark.parametrize(("name", "target", "count"), CASES)
def test_oospca_is_as_good_as_pyods_pca(name, target, count):
    X, y = outliers(name, target, count)
    names = [f"x{j}" for j in range(X.shape[1])]
    project = Project("p").learn((X, names))
    project.build("m", "oospca")
    ours = metrics.roc_auc_score(y, project.predict("m", (X, names)).scores)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = pyod.PCA().fit(X).decision_scores_
    assert ours >= metrics.roc_auc_score(y, scores) - 0.01
