"""The mahalanobis model: distances, and how the correlations behind them are shrunk."""

import numpy as np
import pytest

from symjobs._errors import InputError
from symjobs._models._mahalanobis import MahalanobisModel
from symjobs._project import Project

NAMES = ["a", "b", "c", "d", "e"]


def rows(seed=0, n=400, p=5):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, p)) @ rng.normal(size=(p, p)) * 10.0 ** np.arange(p) + 100


def learnt(X, names=NAMES):
    return Project("p").learn((X, names))


def built(project, shrinkage="oas", inputs=None):
    return project.build("m", "mahalanobis", inputs=inputs, parameters={"mahalanobis_shrinkage": shrinkage})


def shrunk_by(X, shrinkage):
    """Equations 23 and 17 of Chen et al. (2010), of the correlation matrix of complete rows."""
    R, n, p = np.corrcoef(X.T), len(X), X.shape[1]
    square, trace = np.trace(R @ R), np.trace(R)
    if shrinkage == "oas":
        share = ((1 - 2 / p) * square + trace**2) / ((n + 1 - 2 / p) * (square - trace**2 / p))
    else:
        share = ((n - 2) / n * square + trace**2) / ((n + 2) * (square - trace**2 / p))
    return min(1, share)


@pytest.mark.parametrize("n", [12, 400])
@pytest.mark.parametrize("shrinkage", ["oas", "rblw", "none"])
def test_the_distance_is_that_of_the_shrunk_correlations(n, shrinkage):
    X, new = rows(0, n), rows(1, 50)
    project = learnt(X)
    info = built(project, shrinkage)
    share = 0.0 if shrinkage == "none" else shrunk_by(X, shrinkage)
    assert float(info.info["shrunk_by"]) == pytest.approx(share, abs=1e-12)  # n eps is 9e-14
    R = (1 - share) * np.corrcoef(X.T) + share * np.eye(5)
    Z = (new - X.mean(axis=0)) / X.std(axis=0)
    expected = np.sqrt(np.einsum("ij,jk,ik->i", Z, np.linalg.inv(R), Z))
    found = project.predict("m", (new, NAMES))
    np.testing.assert_allclose(found.scores, expected, rtol=1e-8)
    assert not found.further["residual"].any()


def test_without_shrinkage_it_is_scikit_learns():
    covariance = pytest.importorskip("sklearn.covariance")
    X, new = rows(0), rows(1, 50)
    project = learnt(X)
    built(project, "none")
    expected = covariance.EmpiricalCovariance().fit(X).mahalanobis(new)
    np.testing.assert_allclose(project.predict("m", (new, NAMES)).scores ** 2, expected, rtol=1e-7)


def test_oas_agrees_with_scikit_learn():
    """Of standard rows; scikit-learn leaves out the terms of equation 23 with 2/p, which matter less for large p."""
    covariance = pytest.importorskip("sklearn.covariance")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 60)) @ rng.normal(size=(60, 60))
    names = [f"x{i}" for i in range(60)]
    project = learnt(X, names)
    theirs = covariance.OAS().fit((X - X.mean(axis=0)) / X.std(axis=0))
    assert float(built(project, "oas").info["shrunk_by"]) == pytest.approx(theirs.shrinkage_, rel=0.01)


@pytest.mark.parametrize("shrinkage", ["oas", "rblw"])
def test_shrinkage_brings_the_distances_of_new_rows_nearer_to_the_truth(shrinkage):
    """Fewer rows than would do for 40 inputs: plain distances of new rows are far too large."""
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(40, 40)) + 5 * np.eye(40)
    names = [f"x{i}" for i in range(40)]
    project = learnt(rng.normal(size=(60, 40)) @ mixing, names)
    new = rng.normal(size=(2000, 40))
    truth = np.linalg.norm(new, axis=1)
    built(project, "none")
    plain = project.predict("m", (new @ mixing, names)).scores
    built_info = project.build("s", "mahalanobis", parameters={"mahalanobis_shrinkage": shrinkage})
    shrunk = project.predict("s", (new @ mixing, names)).scores
    assert 0 < float(built_info.info["shrunk_by"]) < 1
    assert np.median(plain / truth) > 1.5
    assert abs(np.median(shrunk / truth) - 1) < 0.3


def test_fewer_rows_than_inputs():
    rng = np.random.default_rng(0)
    names = [f"x{i}" for i in range(30)]
    project = learnt(rng.normal(size=(10, 30)), names)
    info = built(project)
    assert info.info["rank"] == "9"
    assert "collinear" not in info.info
    found = project.predict("m", (rng.normal(size=(100, 30)), names))
    assert np.isfinite(found.scores).all()


def test_collinear_inputs_are_told_and_leaving_their_directions_is_seen():
    X = rows()[:, :2]
    X = np.c_[X, X.sum(axis=1)]
    broken = X.mean(axis=0) + [0, 0, X[:, 2].std()]
    project = learnt(X, NAMES[:3])
    info = built(project, "none")
    assert info.info["collinear"].startswith("the inputs vary in 2 of 3 directions")
    found = project.predict("m", (np.vstack([X, broken]), NAMES[:3]))
    two = learnt(X[:, :2], NAMES[:2])
    built(two, "none")
    np.testing.assert_allclose(found.scores[:-1], two.predict("m", (X[:, :2], NAMES[:2])).scores, rtol=1e-6)
    assert found.further["residual"][:-1].max() < 1e-20 < 0.1 < found.further["residual"][-1]
    built(project, "oas")
    shrunk = project.predict("m", (np.vstack([X, broken]), NAMES[:3]))
    assert shrunk.scores[-1] > 1.5 * shrunk.scores[:-1].max()
    assert not shrunk.further["residual"].any()


def test_one_input_and_uncorrelated_inputs():
    X = rows()[:, :1]
    project = learnt(X, ["a"])
    assert built(project).info["shrunk_by"] == "1.0"
    expected = np.abs(X[:, 0] - X.mean()) / X.std()
    np.testing.assert_allclose(project.predict("m", (X, ["a"])).scores, expected, rtol=1e-9, atol=1e-12)
    cross = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    project = learnt(cross, ["a", "b"])
    built(project)
    np.testing.assert_allclose(project.predict("m", (cross, ["a", "b"])).scores, np.sqrt(2))


def test_missing_values_in_what_was_learnt():
    """Each pair has its own rows: the fewest of them tell how far to shrink."""
    X = rows()
    X[:100, 0] = X[50:200, 3] = np.nan
    project = learnt(X)
    info = built(project)
    assert info.info["rows_in_common"] == "200"
    complete = learnt(rows())
    assert float(info.info["shrunk_by"]) > float(built(complete).info["shrunk_by"])
    found = project.predict("m", (X, NAMES))
    assert np.isnan(found.scores).sum() == found.n_missing == 200


def test_it_is_saved_and_loaded(tmp_path):
    X = rows()
    project = learnt(X)
    info = project.build("m", "mahalanobis")
    assert list(info.predictInfo) == ["score", "residual"]
    assert info.info["mahalanobis_shrinkage"] == "oas"
    project.save(tmp_path / "p.symjobs")
    loaded = Project.load(tmp_path / "p.symjobs")
    assert loaded.model_info("m") == info
    np.testing.assert_array_equal(loaded.predict("m", (X, NAMES)).scores, project.predict("m", (X, NAMES)).scores)


@pytest.mark.parametrize(
    "change",
    [{"projection": np.zeros((2, 2))}, {"projection": np.full((5, 5), np.inf)}, {"spanned": 0}, {"spanned": 2.0}],
)
def test_a_damaged_file_is_refused(change):
    project = learnt(rows())
    built(project)
    model = project.snapshot().model("m").model
    arrays = {name: change.get(name, array) for name, array in model.arrays().items()}
    metadata = {name: change.get(name, value) for name, value in model.metadata().items()}
    with pytest.raises(ValueError, match="its mahalanobis model"):
        MahalanobisModel.restore(model.inputs, arrays, metadata)


def test_what_is_refused():
    project = learnt(rows())
    with pytest.raises(InputError, match="must be one of oas, rblw, none, got 'some'"):
        built(project, "some")
    with pytest.raises(InputError, match=r"fourth moments of all pairs .* take 'rblw'"):
        built(project, "ledoit_wolf")
    with pytest.raises(InputError, match="model 'mahalanobis' has no targets"):
        project.build("m", "mahalanobis", targets=["a"])


def test_inputs_that_differ_beyond_float64_are_told():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    near, same = X[:, 0] + 1e-9 * rng.normal(size=200), X[:, 1] - X[:, 2]
    info = built(learnt(np.column_stack([X, near, same]), ["a", "b", "c", "near", "same"]), "none").info
    assert info["rank"] == "3"
    assert info["dependent"].startswith("'same': linear functions")
    assert info["nearly_dependent"].startswith("the inputs vary in 1 more direction(s)")
