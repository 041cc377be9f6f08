"""What hba and ecod have in common: models of each input's own distribution, from a project's sketches and counts."""

import numpy as np
import pandas as pd
import pytest

from symjobs import AnomalyPredictions, NoSuchModel, from_json, to_json
from symjobs._errors import InputError
from symjobs._project import Project

NAMES = ["a", "b", "c"]

pytestmark = pytest.mark.parametrize("algo", ["ecod", "hba"])


def rows(seed=0, n=500):
    rng = np.random.default_rng(seed)
    return np.stack([rng.normal(size=n), rng.exponential(size=n), rng.integers(0, 9, n)], axis=1)


def learnt(X=None, names=NAMES, **options):
    return Project("p", **{"histogram": True, **options}).learn((rows() if X is None else X, names))


def scores(project, algo, X, names=NAMES, **parameters):
    project.build("m", algo, parameters=parameters)
    return project.predict("m", (X, names)).scores


# --- numbers ----------------------------------------------------------------------------------------------------------


def test_batches_of_what_is_learnt_and_of_what_is_asked_leave_no_trace(algo):
    X = rows(0, 9000)
    one, many = learnt(X), Project("p", histogram=True)
    for part in np.array_split(X, 13):
        many.learn((part, NAMES))
    whole = scores(one, algo, X)
    many.build("m", algo)
    parts = (pd.DataFrame(X[i : i + 700], columns=NAMES) for i in range(0, 9000, 700))
    found = many.predict("m", parts).scores
    if algo == "ecod":
        np.testing.assert_array_equal(found, whole)
    else:  # the deviations are those of sums in another order
        np.testing.assert_allclose(found, whole, rtol=1e-12, atol=1e-12)


def test_merged_projects_give_the_model_of_all_rows_while_sketches_are_exact(algo):
    X = rows(0, 900)
    merged = learnt(X[:400]).merge(learnt(X[400:]))
    np.testing.assert_allclose(scores(merged, algo, X), scores(learnt(X), algo, X), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("factor", [1e-12, -1.0, 1e12])
def test_units_and_origins_of_the_inputs_do_not_matter(algo, factor):
    X = rows()[:, :2]
    plain = scores(learnt(X, NAMES[:2]), algo, X, NAMES[:2])
    moved = X * factor + np.array([0.0, 3 * factor])
    np.testing.assert_allclose(scores(learnt(moved, NAMES[:2]), algo, moved, NAMES[:2]), plain, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("factor", [1e-12, 1.0, 1e12])
def test_what_is_far_out_is_unusual_at_any_scale_and_size(algo, factor):
    X = rows(0, 6000)
    new = np.array([[0.0, 0.7, 4.0], [50.0, 0.7, 4.0], [-50.0, 90.0, 4.0]])
    usual, once, twice = scores(learnt(X * factor), algo, new * factor)
    assert usual < once < twice


def test_infinite_values_are_refused_and_very_large_ones_are_far_out(algo):
    project = learnt()
    far = scores(project, algo, [[99.0, 1.0, 4.0], [1e70, 1.0, 4.0], [-1e70, 1.0, 4.0]])
    assert np.isfinite(far).all()
    assert far[0] == far[1] == pytest.approx(far[2])
    with pytest.raises(InputError, match="column 'a', row 0: inf is infinite"):
        project.predict("m", ([[np.inf, 1.0, 4.0]], NAMES))


def test_the_model_stays_when_the_project_learns_on(algo):
    X = rows()
    project = learnt(X)
    before = scores(project, algo, X)
    project.learn((rows(5) * 100, NAMES))
    np.testing.assert_array_equal(project.predict("m", (X, NAMES)).scores, before)


def test_each_input_adds_its_own_part(algo):
    X = rows()
    project, parts = learnt(X), np.zeros(len(X))
    for name in NAMES:
        project.build("one", algo, inputs=[name])
        parts += project.predict("one", (X, NAMES)).scores
    np.testing.assert_allclose(scores(project, algo, X), parts, rtol=1e-12, atol=1e-12)


# --- inputs that are constant, missing, binary, members ---------------------------------------------------------------


def test_constants_and_columns_without_values_are_left_out_and_told(algo):
    X = rows()
    project = learnt(np.c_[X, np.full(len(X), 0.1), np.full(len(X), np.nan)], [*NAMES, "k", "gone"])
    info = project.build("m", algo)
    assert info.attributeNames == NAMES
    assert info.info["left_out"] == "k, gone: constant or without values"
    np.testing.assert_array_equal(project.predict("m", (X, NAMES)).scores, scores(learnt(X), algo, X))


def test_a_missing_input_leaves_no_score_unless_it_is_replaced(algo):
    X = rows()
    project = learnt(X)
    project.build("m", algo)
    new = X[:6].copy()
    new[2, 1] = new[4] = np.nan
    found = project.predict("m", (new, NAMES))
    assert np.flatnonzero(np.isnan(found.scores)).tolist() == [2, 4]
    assert (found.n_rows, found.n_missing) == (6, 2)
    assert found.entities()["KSVSMap"].values[4] == {"score": "NaN"}
    filled = project.predict("m", (new, NAMES), impute=True)
    assert filled.n_imputed == 2
    means = project.predict("m", ([X.mean(axis=0)], NAMES)).scores
    assert filled.scores[4] == pytest.approx(means[0])


def test_values_missing_in_what_is_learnt_are_left_out_of_their_input_alone(algo):
    X = rows()
    X[:100, 0] = np.nan
    project = learnt(X)
    parts = np.zeros(400)
    for j, name in enumerate(NAMES):
        column = X[100:, j] if j == 0 else X[:, j]
        alone = learnt(column[:, None], [name])
        alone.build("m", algo)
        parts += alone.predict("m", (X[100:], NAMES)).scores
    np.testing.assert_allclose(scores(project, algo, X[100:]), parts, rtol=1e-12, atol=1e-12)


def test_members_of_a_category_and_binary_columns_need_no_histogram(algo):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({
        "x": rng.normal(size=300), "on": rng.random(300) < 0.03, "color": rng.choice(["red", "blue"], 300, p=[0.9, 0.1])
    })  # fmt: skip
    frame["color"] = frame["color"].astype("category")
    project = Project("p").learn(frame)
    info = project.build("m", algo, inputs=["on", "color"])
    assert sorted(info.attributeNames) == ["color$blue", "color$red", "on"]
    assert info.info["sketched"] == "0"
    found = project.predict("m", frame).scores
    kinds = frame.assign(score=found).groupby(["on", "color"], observed=True)["score"].agg(["min", "max"])
    np.testing.assert_array_equal(kinds["min"], kinds["max"])
    usual = kinds["min"][False]
    assert usual["blue"] > usual["red"]
    assert kinds["min"][True]["red"] > usual["red"]
    with pytest.raises(InputError, match="needs the distribution of 'x'"):
        project.build("m", algo)


# --- what clients see -------------------------------------------------------------------------------------------------


def test_building_tells_what_was_built(algo):
    project = learnt(rows(0, 9000))
    info = project.build("m", algo)
    assert (info.modelType, info.attributeNames, list(info.predictInfo)) == (algo, NAMES, ["score"])
    assert (info.info["rows"], info.info["sketched"]) == ("9000", "3")
    assert from_json(to_json(info), type(info)) == info
    assert isinstance(project.predict("m", (rows(), NAMES)), AnomalyPredictions)


@pytest.mark.parametrize("n", [500, 9000])
def test_it_is_saved_and_loaded(algo, n, tmp_path):
    X = rows(0, n)
    project = learnt(X)
    before = scores(project, algo, X)
    project.save(tmp_path / "p.symjobs")
    loaded = Project.load(tmp_path / "p.symjobs")
    assert loaded.model_info("m") == project.model_info("m")
    np.testing.assert_array_equal(loaded.predict("m", (X, NAMES)).scores, before)
    loaded.build("again", algo)  # from the sketches of the file
    np.testing.assert_array_equal(loaded.predict("again", (X, NAMES)).scores, before)


def test_without_histograms_it_says_how_to_have_them(algo):
    with pytest.raises(InputError, match=r"'a', and project 'p' keeps no histograms; create it with histogram=True"):
        learnt(histogram=False).build("m", algo)


def test_histograms_cannot_forget(algo):
    X = rows()
    project = learnt(X).forget((X[:10], NAMES))
    with pytest.raises(InputError, match=r"have lost it: rows were forgotten.*into a new project"):
        project.build("m", algo)
    with pytest.raises(InputError, match="or a project without histograms was merged"):
        learnt(X).merge(learnt(X, histogram=False)).build("m", algo)


def test_a_rolling_window_has_the_histograms_of_its_rows(algo):
    X = rows(0, 900)
    window = Project("w", histogram=True, params={"rolling_window": 500})
    for part in np.array_split(X, 4):
        window.learn((part, NAMES))
    expected = scores(learnt(X[-500:]), algo, X)
    np.testing.assert_allclose(scores(window, algo, X), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"parameters": {"bins": 5}}, "unknown parameter 'bins' of an? "),
        ({"targets": ["a"]}, "has no targets"),
        ({"inputs": []}, "no input is named"),
        ({"inputs": ["a", "z"]}, "z"),
        ({"inputs": ["a", "a"]}, "'a' is named twice"),
    ],
)
def test_what_is_refused(algo, arguments, match):
    project = learnt()
    with pytest.raises(InputError, match=match):
        project.build("m", algo, **arguments)
    assert project.models == ()


def test_too_little_to_build_on(algo):
    with pytest.raises(InputError, match="at least two rows, and project 'p' holds 1"):
        learnt(rows(n=1)).build("m", algo)
    with pytest.raises(InputError, match="at least two rows"):
        Project("p", histogram=True).build("m", algo)
    with pytest.raises(InputError, match=r"none of the inputs .* varies in the 3 rows"):
        learnt(np.full((3, 3), 0.1)).build("m", algo)


def test_a_model_that_was_deleted(algo):
    project = learnt()
    project.build("m", algo)
    project.delete_model("m")
    with pytest.raises(NoSuchModel, match="Error no such model <m>"):
        project.predict("m", (rows(), NAMES))


def test_data_that_lacks_an_input(algo):
    project = learnt()
    project.build("m", algo)
    with pytest.raises(InputError, match="no column 'c', which the model needs"):
        project.predict("m", (rows()[:, :2], NAMES[:2]))


def test_two_rows_and_one_row_to_score(algo):
    project = learnt([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    found = scores(project, algo, [[0.0, 1.0, 0.0]])
    assert found.shape == (1,)
    assert np.isfinite(found).all()
    assert scores(project, algo, [[9.0, 9.0, 9.0]])[0] > found[0]


def test_building_can_be_stopped(algo):
    class Stop(Exception):
        pass

    def stop(done, todo):
        if done == 2:
            raise Stop

    project = learnt()
    with pytest.raises(Stop):
        project.build("m", algo, checkpoint=stop)
    assert project.models == ()
