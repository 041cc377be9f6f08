"""The ecod model: tail probabilities by their definition, and as PyOD computes them."""

import warnings

import numpy as np
import pandas as pd
import pytest

from symjobs._errors import InputError
from symjobs._models._ecod import EcodModel
from symjobs._project import Project

NAMES = ["a", "b", "c", "d"]


def rows(seed=0, n=500):
    """One input each that is symmetric, skewed to the right, skewed to the left, and of few values."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.normal(size=n), rng.exponential(size=n), -rng.gamma(2, size=n), rng.poisson(2, n)], axis=1)


def learnt(X=None):
    return Project("p", histogram=True).learn((rows() if X is None else X, NAMES))


def predicted(project, X, **parameters):
    project.build("m", "ecod", parameters=parameters)
    return project.predict("m", (X, NAMES))


def tails(X, new):
    """-log of the shares of X that are no larger, and no smaller, than each new value; half a row at least."""
    left = (X[None] <= new[:, None]).mean(axis=1)
    right = (X[None] >= new[:, None]).mean(axis=1)
    return -np.log(np.maximum(left, 0.5 / len(X))), -np.log(np.maximum(right, 0.5 / len(X)))


def by_hand(X, new, use_skewness):
    left, right = tails(X, new)
    if not use_skewness:
        return np.maximum(left, right).sum(axis=1)
    skewness = ((X - X.mean(axis=0)) ** 3).mean(axis=0)
    chosen = np.where(skewness < 0, left, right)
    return np.max([left.sum(axis=1), right.sum(axis=1), chosen.sum(axis=1)], axis=0)


@pytest.mark.parametrize("use_skewness", [False, True])
def test_the_score_is_that_of_the_definition(use_skewness):
    X, others = rows(0), rows(1) * 1.3
    new = np.r_[X, others, [[-99.0] * 4, [99.0] * 4]]
    found = predicted(learnt(X), new, use_skewness=use_skewness)
    np.testing.assert_allclose(found.scores, by_hand(X, new, use_skewness), rtol=1e-12)


@pytest.mark.parametrize("use_skewness", [False, True])
def test_sketches_come_near_to_it(use_skewness):
    """Of 20,000 values: to a hundredth of a nat for each input in the middle, and a tenth in the tails."""
    X = rows(0, 20_000)
    new = np.r_[rows(1, 100), np.quantile(X, [0.001, 0.999], axis=0), [[-99.0] * 4, [99.0] * 4]]
    found = predicted(learnt(X), new, use_skewness=use_skewness)
    assert found.n_rows == len(new)
    np.testing.assert_allclose(found.scores[:100], by_hand(X, new[:100], use_skewness), atol=0.06)
    np.testing.assert_allclose(found.scores[100:], by_hand(X, new[100:], use_skewness), atol=0.4)


def test_it_is_pyods_score_of_the_rows_learnt():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyod = pytest.importorskip("pyod.models.ecod")
        X = rows()
        expected = pyod.ECOD().fit(X).decision_scores_
    np.testing.assert_allclose(predicted(learnt(X), X).scores, expected, rtol=1e-12)


def test_beyond_all_values_learnt_half_a_row_is_counted():
    X = rows()
    found = predicted(learnt(X), [[99.0, 99.0, 99.0, 99.0]])
    assert found.scores[0] == pytest.approx(4 * np.log(2 * len(X)))


def test_skewness_chooses_the_tail():
    """All in the short tail of inputs skewed to the right: unusual by the left sum, not by the chosen one."""
    rng = np.random.default_rng(0)
    X = rng.exponential(size=(500, 4))
    project = learnt(X)
    low, high = predicted(project, [[1e-9] * 4, [20.0] * 4], use_skewness=True).scores
    assert low == pytest.approx(4 * np.log(1000))  # the left sum is one of the three
    assert high == pytest.approx(4 * np.log(1000))
    mixed = [[1e-9, 1e-9, 20.0, 20.0]]
    both, one = predicted(project, mixed).scores[0], predicted(project, mixed, use_skewness=True).scores[0]
    assert both == pytest.approx(2 * one, rel=0.01)  # left and right tails are not added up


# --- what else is reported --------------------------------------------------------------------------------------------


def test_a_threshold_adds_a_flag():
    X = rows()
    X[7, 2] = np.nan
    project = learnt()
    found = predicted(project, X, ecod_anomaly_threshold=8)
    assert list(found.columns()) == ["score", "ecod_is_anomaly"]
    np.testing.assert_array_equal(found.further["ecod_is_anomaly"], np.nan_to_num(found.scores) > 8)
    assert 0 < found.further["ecod_is_anomaly"].sum() < 100
    info = project.model_info("m")
    assert info.predictInfo["ecod_is_anomaly"].startswith("1 where score > 8")
    assert found.entities()["KSVSMap"].values[7] == {"score": "NaN", "ecod_is_anomaly": "0"}


@pytest.mark.parametrize("use_skewness", [False, True])
def test_the_inputs_that_add_most_are_named_with_their_probabilities(use_skewness):
    X = rows()
    new = rows(1)
    new[3] = [0.0, 50.0, -1.0, 2.0]
    new[5, 0] = np.nan
    project = learnt(X)
    found = predicted(project, new, desired_prob_feats=4, use_skewness=use_skewness)
    np.testing.assert_array_equal(found.scores, predicted(project, new, use_skewness=use_skewness).scores)
    more = found.further
    assert list(more) == [f"{key}_{i}" for i in range(1, 5) for key in ("feature", "probability")]
    assert (more["feature_1"][3], more["feature_1"][5]) == ("b", "")
    assert more["probability_1"][3] == pytest.approx(0.5 / len(X))
    assert np.isnan(more["probability_1"][5])
    chances = np.stack([more[f"probability_{i}"] for i in range(1, 5)])
    np.testing.assert_allclose(-np.log(chances).sum(axis=0), found.scores, rtol=1e-12)
    kept = ~np.isnan(found.scores)
    assert (np.diff(chances[:, kept], axis=0) >= 0).all()
    names = np.stack([more[f"feature_{i}"] for i in range(1, 5)])[:, kept]
    assert (np.sort(names, axis=0) == np.array(NAMES)[:, None]).all()


def test_fewer_features_are_the_first_of_all():
    new = rows(1)
    project = learnt()
    four, two = predicted(project, new, desired_prob_feats=4), predicted(project, new, desired_prob_feats=2)
    assert len(two.further) == 4
    for key, column in two.further.items():
        np.testing.assert_array_equal(column, four.further[key])


def test_members_are_named_as_inputs_are():
    frame = pd.DataFrame({"color": pd.Categorical(["red"] * 97 + ["blue"] * 3)})
    project = Project("p", histogram=True).learn(frame)
    project.build("m", "ecod", inputs=["color"], parameters={"desired_prob_feats": 1})
    found = project.predict("m", frame)
    assert found.further["feature_1"][-1] in ("color$blue", "color$red")
    assert found.further["probability_1"][-1] == pytest.approx(0.03)
    assert found.scores[-1] == pytest.approx(-2 * np.log(0.03))
    assert found.scores[0] == pytest.approx(-2 * np.log(0.97))


# --- files and errors -------------------------------------------------------------------------------------------------


def test_all_of_its_settings_are_saved(tmp_path):
    project = learnt()
    before = predicted(project, rows(1), desired_prob_feats=2, use_skewness=True, ecod_anomaly_threshold=8)
    project.save(tmp_path / "p.symjobs")
    loaded = Project.load(tmp_path / "p.symjobs")
    assert loaded.model_info("m") == project.model_info("m")
    after = loaded.predict("m", (rows(1), NAMES))
    assert list(after.columns()) == list(before.columns())
    for key, column in before.columns().items():
        np.testing.assert_array_equal(after.columns()[key], column)


@pytest.mark.parametrize(
    "change",
    [
        {"values": np.zeros(0)},
        {"values": lambda a: a[::-1].copy()},
        {"values": lambda a: a.astype(np.float32)},
        {"values": lambda a: np.full_like(a, np.nan)},
        {"sizes": lambda a: a + 1},
        {"sizes": lambda a: a[:-1]},
        {"sizes": lambda a: a.astype(float)},
        {"below": lambda a: a + 0.5},
        {"upto": lambda a: a[::-1].copy()},
        {"shape": np.zeros((4, 3))},
        {"shape": np.ones((2, 3))},
        {"shape": np.full((4, 3), np.nan)},
        {"explained": 5},
        {"explained": "2"},
        {"explained": True},
        {"use_skewness": 1},
        {"threshold": "8"},
        {"threshold": True},
        {"threshold": -1.0},
        {"threshold": float("nan")},
    ],
)
def test_a_damaged_file_is_refused(change):
    project = learnt()
    project.build("m", "ecod")
    model = project.snapshot().model("m").model

    def changed(name, value):
        new = change.get(name, value)
        return new(value) if callable(new) else new

    arrays = {name: changed(name, array) for name, array in model.arrays().items()}
    metadata = {name: changed(name, value) for name, value in model.metadata().items()}
    with pytest.raises(ValueError, match="its ecod model"):
        EcodModel.restore(model.inputs, arrays, metadata)


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"ecod_anomaly_threshold": -1}, r"\(ecod_anomaly_threshold\) must be a finite number of at least 0, got '-1'"),
        (
            {"ecod_anomaly_threshold": "high"},
            r"\(ecod_anomaly_threshold\) must be a finite number of at least 0, got 'high'",
        ),
        ({"use_skewness": "maybe"}, "use_skewness must be true or false, got 'maybe'"),
        ({"desired_prob_feats": -1}, r"\(desired_prob_feats\) must be a whole number of at least 0, got '-1'"),
        ({"desired_prob_feats": 1.5}, r"\(desired_prob_feats\) must be a whole number of at least 0, got '1.5'"),
        ({"desired_prob_feats": 5}, r"'desired_prob_feats' is 5, and the model has 4 input\(s\) that vary"),
    ],
)
def test_what_is_refused(parameters, match):
    with pytest.raises(InputError, match=match):
        learnt().build("m", "ecod", parameters=parameters)
