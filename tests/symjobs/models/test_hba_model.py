"""The hba model: histograms by their definition, and as PyOD's HBOS has them."""

import warnings

import numpy as np
import pytest

from symjobs._errors import InputError
from symjobs._models._hba import HbaModel
from symjobs._project import Project

NAMES = ["a", "b", "c"]


def rows(seed=0, n=500):
    rng = np.random.default_rng(seed)
    return np.stack([rng.normal(size=n), rng.exponential(size=n), rng.uniform(5, 6, n)], axis=1)


def learnt(X=None):
    return Project("p", histogram=True).learn((rows() if X is None else X, NAMES))


def predicted(project, X, **parameters):
    project.build("m", "hba", parameters=parameters)
    return project.predict("m", (X, NAMES)).scores


def by_hand(X, new, bins=10, alpha=0.1):
    """Sums of log(highest + alpha) - log(height + alpha), with densities of standardized inputs."""
    score = np.zeros(len(new))
    for x, of in zip(X.T, new.T, strict=True):
        counts, edges = np.histogram(x, bins)
        width = (edges[1] - edges[0]) / x.std()
        heights = np.maximum(counts, 0.5) / len(x) / width + alpha
        at = np.clip(np.searchsorted(edges, of) - 1, 0, bins - 1)
        beyond = (of < 1.5 * edges[0] - 0.5 * edges[1]) | (of > 1.5 * edges[-1] - 0.5 * edges[-2])
        score += np.log(heights.max()) - np.log(np.where(beyond, 0.5 / len(x) / width + alpha, heights[at]))
    return score


@pytest.mark.parametrize("parameters", [{}, {"hba_bins": 2}, {"hba_bins": 37, "hba_alpha": 0}, {"hba_alpha": 2.5}])
def test_the_score_is_that_of_the_definition(parameters):
    X = rows()
    new = np.r_[X, rows(1) * 1.5, [[-9.0] * 3, [99.0] * 3]]
    given = {name.removeprefix("hba_"): value for name, value in parameters.items()}
    np.testing.assert_allclose(predicted(learnt(X), new, **parameters), by_hand(X, new, **given), rtol=1e-10, atol=1e-9)


def test_sketches_come_near_to_it():
    """Of 20,000 values: counts of bins to a few rows."""
    X, new = rows(0, 20_000), rows(1, 500)
    project = learnt(X)
    found = predicted(project, new)
    assert project.model_info("m").info["sketched"] == "3"
    np.testing.assert_allclose(found, by_hand(X, new), atol=0.05)


def test_it_is_pyods_hbos_of_standardized_rows_but_for_a_constant():
    """PyOD takes logarithms of base 2, and not relative to the highest bin."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyod = pytest.importorskip("pyod.models.hbos")
        X = rows()
        theirs = pyod.HBOS().fit((X - X.mean(axis=0)) / X.std(axis=0)).decision_scores_
    ours = predicted(learnt(X), X) / np.log(2)
    np.testing.assert_allclose(ours - ours[0], theirs - theirs[0], atol=1e-9)


def test_the_rarest_bin_is_worst_and_the_fullest_one_is_nothing():
    X = np.r_[np.zeros(90), np.full(9, 1.0), 2.0][:, None] * np.ones(3)
    found = predicted(learnt(X), [[0.0] * 3, [1.0] * 3, [2.0] * 3, [1.2] * 3, [50.0] * 3], hba_bins=4)
    assert found[0] == 0
    assert 0 < found[1] < found[2] < found[3] == found[4]  # nothing was learnt at 1.2, nor at 50


def test_beyond_the_ends_the_last_bin_goes_on_for_half_its_width():
    X = np.linspace(0, 1, 101)[:, None] * np.ones(3)
    project = learnt(X)
    near, far = predicted(project, [[1.04, 0.5, 0.5], [1.06, 0.5, 0.5]])
    assert near < 0.3
    assert far > 1


def test_bins_by_the_rule_of_freedman_and_diaconis():
    X = rows(0, 4000)
    project = learnt(X)
    info = project.build("m", "hba", parameters={"hba_bins": "auto"})
    expected = [len(np.histogram_bin_edges(x, "fd")) - 1 for x in X.T]
    assert info.info["hba_bins"] == "auto"
    np.testing.assert_allclose(info.extra["bins"], expected, atol=1)
    few = learnt(np.r_[np.zeros(99), 3.0][:, None] * np.ones(3))  # quartiles at one place
    assert few.build("m", "hba", parameters={"hba_bins": "auto"}).extra["bins"] == [200] * 3


def test_values_so_close_that_float64_has_few_between_them():
    """No more bins than there are numbers to be their edges."""
    X = 1e8 + np.arange(12)[:, None] % 4 * 1.5e-8 * np.ones(3)
    project = learnt(X)
    assert project.build("m", "hba").extra["bins"][0] < 10
    assert np.isfinite(project.predict("m", (X, NAMES)).scores).all()


@pytest.mark.parametrize(
    "change",
    [
        {"edges": lambda a: a[::-1].copy()},
        {"edges": lambda a: a[:-1]},
        {"edges": lambda a: np.full_like(a, np.inf)},
        {"sizes": lambda a: np.ones_like(a)},
        {"sizes": lambda a: -a},
        {"sizes": lambda a: a[:1]},
        {"scores": lambda a: a.astype(np.float32)},
        {"scores": lambda a: np.full_like(a, np.nan)},
        {"scores": lambda a: a[1:]},
        {"outside": lambda a: a[:1]},
        {"outside": lambda a: a[:, None]},
    ],
)
def test_a_damaged_file_is_refused(change):
    project = learnt()
    project.build("m", "hba")
    model = project.snapshot().model("m").model
    arrays = {name: change.get(name, np.copy)(array) for name, array in model.arrays().items()}
    with pytest.raises(ValueError, match="its hba model"):
        HbaModel.restore(model.inputs, arrays, model.metadata())


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"hba_bins": 1}, r"\(hba_bins\) must be auto or a whole number from 2 to 10000, got '1'"),
        ({"hba_bins": 10_001}, r"\(hba_bins\) must be auto or a whole number from 2 to 10000, got '10001'"),
        ({"hba_bins": 2.5}, r"\(hba_bins\) must be auto or a whole number from 2 to 10000, got '2.5'"),
        ({"hba_alpha": -0.1}, r"\(hba_alpha\) must be a finite number of at least 0, got '-0.1'"),
        ({"hba_alpha": "inf"}, r"\(hba_alpha\) must be a finite number of at least 0, got 'inf'"),
    ],
)
def test_what_is_refused(parameters, match):
    with pytest.raises(InputError, match=match):
        learnt().build("m", "hba", parameters=parameters)
