"""The oospca model: its numbers are those of the rows, whatever the state they came through."""

import numpy as np
import pandas as pd
import pytest

from symjobs import AnomalyPredictions, from_json, to_json
from symjobs._errors import InputError
from symjobs._models import MODEL_TYPES
from symjobs._models._model import Model
from symjobs._models._oospca import OospcaModel
from symjobs._project import Project

NAMES = ["a", "b", "c", "d", "e"]


def rows(seed=0, n=400, p=5):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, p)) @ rng.normal(size=(p, p)) * 10.0 ** np.arange(p) + 100


def learnt(X=None, names=NAMES, **options):
    return Project("p", **options).learn((rows() if X is None else X, names))


def built(project, parameters=None, inputs=None):
    return project.build("m", "oospca", inputs=inputs, parameters=parameters or {})


def by_hand(X, new, kept, covariance=False):
    """Score, residual and leverage of ``new`` by their definitions, from all rows of X."""
    scale = np.ones(X.shape[1]) if covariance else X.std(axis=0)
    Z = (X - X.mean(axis=0)) / scale
    values, vectors = np.linalg.eigh(Z.T @ Z / len(Z))
    values, vectors = values[::-1], vectors[:, ::-1]
    Y = (new - X.mean(axis=0)) / scale @ vectors
    leverage = (Y[:, :kept] ** 2 / values[:kept]).sum(axis=1)
    residual = (Y[:, kept:] ** 2).sum(axis=1)
    left_out = values[kept:].sum() / values.sum()
    score = (1 - left_out) * leverage / kept
    if left_out > 1e-12:
        score = score + left_out * residual / values[kept:].sum()
    return score, residual, leverage


# --- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("covariance", [False, True])
@pytest.mark.parametrize("kept", [1, 2, 4, 5])
def test_the_numbers_are_those_of_the_definitions(covariance, kept):
    X, new = rows(0), rows(1, 50)
    project = learnt(X)
    given = {"pcaNumDimension": kept, "explainedCovariance": 1, "pcaCovariance": covariance}
    info = built(project, given)
    assert info.info["components"] == str(kept)
    found = project.predict("m", (new, NAMES))
    score, residual, leverage = by_hand(X, new, kept, covariance)
    np.testing.assert_allclose(found.scores, score, rtol=1e-8)
    np.testing.assert_allclose(found.further["leverage"], leverage, rtol=1e-8)
    np.testing.assert_allclose(found.further["residual"], residual, rtol=1e-6, atol=1e-12)


def test_the_average_row_has_score_one():
    X = rows()
    project = learnt(X)
    info = built(project)
    found = project.predict("m", (X, NAMES))
    values, kept = info.extra["eigenvalues"], int(info.info["components"])
    assert found.scores.mean() == pytest.approx(1)
    assert found.further["leverage"].mean() == pytest.approx(kept)
    assert found.further["residual"].mean() == pytest.approx(sum(values[kept:]))
    assert float(info.info["explained"]) == pytest.approx(sum(values[:kept]) / sum(values))
    assert sum(values[: kept - 1]) / sum(values) < 0.5 <= float(info.info["explained"])


def test_units_and_origins_of_the_inputs_do_not_matter():
    X = rows()
    factors, shifts = np.array([1e-9, 1e-3, -1.0, 1e3, 1e9]), np.array([0, 1e-2, -5.0, 1e6, 0])
    plain, other = learnt(X), learnt(X * factors + shifts)
    built(plain)
    built(other)
    mine, theirs = plain.predict("m", (X, NAMES)), other.predict("m", (X * factors + shifts, NAMES))
    np.testing.assert_allclose(mine.scores, theirs.scores, rtol=1e-6)


def test_batches_merging_and_forgetting_leave_the_same_model():
    X, others = rows(), rows(7, 30)
    one, many = learnt(X), Project("p")
    for part in np.array_split(X[:300], 7):
        many.learn((part, NAMES))
    many.learn((others, NAMES)).forget((others, NAMES))
    many.merge(learnt(X[300:]))
    built(one)
    built(many)
    mine, theirs = one.predict("m", (X, NAMES)), many.predict("m", (X, NAMES))
    np.testing.assert_allclose(mine.scores, theirs.scores, rtol=1e-8)


def test_the_model_stays_when_the_project_learns_on():
    X = rows()
    project = learnt(X)
    built(project)
    before = project.predict("m", (X, NAMES)).scores
    project.learn((rows(5) * 100, NAMES))
    np.testing.assert_array_equal(project.predict("m", (X, NAMES)).scores, before)


def test_a_row_beside_the_subspace_is_seen_by_its_residual():
    """b is a within 1 %; a row that breaks this has ordinary values in each column."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=2000)
    X = np.stack([a, a + 0.01 * rng.normal(size=2000), rng.normal(size=2000)], axis=1)
    project = learnt(X, ["a", "b", "c"])
    built(project, {"explainedCovariance": 0.9})
    found = project.predict("m", ([[1.0, -1.0, 0.0], [4.0, 4.0, 0.0]], ["a", "b", "c"]))
    usual = project.predict("m", (X, ["a", "b", "c"]))
    assert found.further["residual"][0] > 10 * usual.further["residual"].max()
    assert found.further["residual"][1] < usual.further["residual"].max()
    assert found.further["leverage"][1] > found.further["leverage"][0]


def test_any_batches_give_the_same_bits():
    X = rows(3, 9000)
    project = learnt(X)
    built(project)
    whole = project.predict("m", (X, NAMES)).scores
    parts = (pd.DataFrame(X[i : i + 700], columns=NAMES) for i in range(0, 9000, 700))
    np.testing.assert_array_equal(project.predict("m", parts).scores, whole)


# --- inputs that are constant, collinear, missing ---------------------------------------------------------------------


def test_constants_are_left_out_and_told():
    X = rows()
    project = learnt(np.c_[X, np.full(len(X), 3.0)], [*NAMES, "k"])
    info = built(project)
    assert info.attributeNames == NAMES
    assert info.info["left_out"] == "k: constant or without values"
    assert project.predict("m", (X, NAMES)).n_rows == len(X)  # its column need not come


def test_a_column_without_values_is_left_out():
    X = rows()
    project = learnt(np.c_[X, np.full(len(X), np.nan)], [*NAMES, "k"])
    assert built(project).info["left_out"] == "k: constant or without values"


def test_collinear_inputs_count_as_one_direction_and_leaving_it_is_seen():
    X = rows()[:, :2]
    project = learnt(np.c_[X, X.sum(axis=1)], ["a", "b", "c"])
    info = built(project, {"explainedCovariance": 1})
    assert (info.info["rank"], info.info["components"]) == ("2", "2")
    usual = project.predict("m", (np.c_[X, X.sum(axis=1)], ["a", "b", "c"]))
    assert usual.further["residual"].max() < 1e-20
    broken = project.predict("m", ([[*X.mean(axis=0), X.sum(axis=1).mean() + X.sum(axis=1).std()]], ["a", "b", "c"]))
    assert broken.further["residual"][0] > 0.1
    assert np.isfinite(usual.scores).all()


def test_correlations_of_pairs_that_are_not_semidefinite():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    X[:20, 1] = X[:20, 0] + 0.01 * rng.normal(size=20)
    X[20:40, 2] = X[20:40, 0] + 0.01 * rng.normal(size=20)
    X[40:, 2] = -X[40:, 1] + 0.01 * rng.normal(size=20)
    X[:20, 2] = X[20:40, 1] = X[40:, 0] = np.nan
    project = learnt(X, ["a", "b", "c"])
    info = built(project, {"explainedCovariance": 1})
    assert info.info["positiveSemidefinite"].startswith("false: smallest eigenvalue -")
    assert info.info["rows_in_common"] == "20"
    assert min(info.extra["eigenvalues"]) == 0
    found = project.predict("m", (rng.normal(size=(100, 3)), ["a", "b", "c"]))
    assert np.isfinite(found.scores).all()
    assert (found.scores >= 0).all()


def test_rows_with_a_missing_input_have_no_score_unless_it_is_replaced():
    X = rows()
    project = learnt(X)
    built(project)
    new = X[:6].copy()
    new[2, 1] = new[4] = np.nan
    found = project.predict("m", (new, NAMES))
    assert np.flatnonzero(np.isnan(found.scores)).tolist() == [2, 4]
    assert np.isnan(found.further["residual"][[2, 4]]).all()
    assert (found.n_rows, found.n_missing) == (6, 2)
    assert found.entities()["KSVSMap"].values[2] == {"score": "NaN", "residual": "NaN", "leverage": "NaN"}
    filled = project.predict("m", (new, NAMES), impute=True)
    assert filled.n_imputed == 2
    assert filled.scores[4] == pytest.approx(0, abs=1e-20)  # all means


def test_members_of_a_category_and_binary_columns():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({
        "x": rng.normal(size=300), "on": rng.integers(0, 2, 300), "color": rng.choice(["red", "blue", "green"], 300)
    })  # fmt: skip
    frame["color"] = frame["color"].astype("category")
    project = Project("p").learn(frame)
    assert built(project).attributeNames == ["x", "on"]
    info = built(project, inputs=["x", "color"])
    assert sorted(info.attributeNames) == ["color$blue", "color$green", "color$red", "x"]
    assert info.info["rank"] == "3"
    ones = pd.get_dummies(frame["color"])[[name.partition("$")[2] for name in info.attributeNames[1:]]].to_numpy(float)
    X = np.c_[frame["x"], ones]
    score, _, _ = by_hand(X, X, int(info.info["components"]))
    np.testing.assert_allclose(project.predict("m", frame).scores, score, rtol=1e-8)


# --- what clients see -------------------------------------------------------------------------------------------------


def test_building_tells_what_was_built():
    project = learnt()
    info = built(project)
    assert (info.modelType, info.attributeNames) == ("oospca", NAMES)
    assert list(info.predictInfo) == ["score", "residual", "leverage"]
    assert info.info["rows"] == "400"
    assert info.info["pcaCovariance"] == "false"
    assert info.info["explainedCovariance"] == "0.5"
    assert info.info["projectHash"] == project.snapshot().hash
    assert from_json(to_json(info), type(info)) == info
    found = project.predict("m", (rows(), NAMES))
    assert isinstance(found, AnomalyPredictions)
    assert list(found.columns()) == ["score", "residual", "leverage"]


@pytest.mark.parametrize("algo", MODEL_TYPES)
def test_the_score_of_a_model_is_one_of_its_keys(algo):
    model = MODEL_TYPES[algo]
    assert model.score in model.keys
    assert model.score == ("distance" if algo == "kmeans" else "score")
    assert Model.score is None  # unless a model says otherwise


def test_it_is_saved_and_loaded(tmp_path):
    X = rows()
    project = learnt(X)
    info = built(project)
    project.save(tmp_path / "p.symjobs")
    loaded = Project.load(tmp_path / "p.symjobs")
    assert loaded.model_info("m") == info
    np.testing.assert_array_equal(loaded.predict("m", (X, NAMES)).scores, project.predict("m", (X, NAMES)).scores)


@pytest.mark.parametrize(
    "change",
    [
        {"projection": np.zeros((2, 2))},
        {"projection": np.full((5, 5), np.nan)},
        {"values": np.zeros(5)},
        {"values": np.ones(5, np.float32)},
        {"kept": 0},
        {"kept": 6},
        {"kept": "2"},
    ],
)
def test_a_damaged_file_is_refused(change):
    project = learnt()
    built(project)
    model = project.snapshot().model("m").model
    arrays = {name: change.get(name, array) for name, array in model.arrays().items()}
    metadata = {name: change.get(name, value) for name, value in model.metadata().items()}
    with pytest.raises(ValueError, match="its oospca model"):
        OospcaModel.restore(model.inputs, arrays, metadata)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (
            {"parameters": {"explainedCovariance": 1.5}},
            r"\(explainedCovariance\) must be a number .*, got '1.5'",
        ),
        (
            {"parameters": {"pcaNumDimension": 101}},
            r"\(pcaNumDimension\) must be a whole .* from 1 to 100, got '101'",
        ),
        ({"parameters": {"pcaNumDimension": 0}}, r"\(pcaNumDimension\) must be a whole number from 1 to 100, got '0'"),
        ({"parameters": {"pcaCovariance": "maybe"}}, r"\(pcaCovariance\) must be true or false, got 'maybe'"),
        ({"parameters": {"explained": 0.5}}, "unknown parameter 'explained' of a oospca model"),
        ({"targets": ["a"]}, "model 'oospca' has no targets"),
        ({"inputs": []}, "no input is named"),
        ({"inputs": ["a", "z"]}, "z"),
        ({"inputs": ["a", "b", "a"]}, "'a' is named twice"),
    ],
)
def test_what_is_refused(arguments, match):
    with pytest.raises(InputError, match=match):
        learnt().build("m", "oospca", **arguments)


def test_too_little_to_build_on():
    with pytest.raises(InputError, match="at least two rows, and project 'p' holds 1"):
        learnt(rows(n=1)).build("m", "oospca")
    with pytest.raises(InputError, match=r"none of the inputs .* varies in the 3 rows"):
        learnt(np.ones((3, 5))).build("m", "oospca")
    with pytest.raises(InputError, match="at least two rows"):
        Project("p").build("m", "oospca")
    text = Project("p").learn(pd.DataFrame({"color": pd.Categorical(["r", "b", "r"])}))
    with pytest.raises(InputError, match="no C or B column"):
        text.build("m", "oospca")


def test_inputs_without_rows_in_common():
    X = np.array([[1.0, np.nan], [2.0, np.nan], [np.nan, 1.0], [np.nan, 2.0]])
    with pytest.raises(InputError, match=r"'a' and 'b' have too few rows in common.*\(1 such pair"):
        learnt(X, ["a", "b"]).build("m", "oospca")


def test_data_that_lacks_an_input():
    project = learnt()
    built(project)
    with pytest.raises(InputError, match="no column 'e', which the model needs"):
        project.predict("m", (rows()[:, :4], NAMES[:4]))
