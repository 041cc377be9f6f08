"""PCAJob against NumPy and statsmodels, its entities, its options, its refusals."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from statsmodels.multivariate.pca import PCA

import symjobs as sj


def run(job):
    context = sj.JobContext()
    result = job.run(context)
    assert context.read_progress() == (2, 2)
    return result, context.details


@pytest.mark.parametrize("name", ["iris", "longley", "breast_cancer"])
@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("covariance", [False, True])
def test_pca_is_the_eigendecomposition(load, learnt, population_covariance, name, missing, covariance):
    frame = load(name, missing)
    matrix = population_covariance(frame) if covariance else frame.corr().to_numpy()
    result, _ = run(sj.PCAJob(learnt(frame), covariance=covariance))
    values = np.linalg.eigvalsh(matrix)[::-1]
    scale = values[0]
    assert result.names == tuple(frame)
    np.testing.assert_allclose(result.values, values, rtol=0, atol=1e-10 * scale)
    np.testing.assert_allclose(matrix @ result.vectors, result.vectors * result.values, rtol=0, atol=1e-10 * scale)
    np.testing.assert_allclose(result.vectors.T @ result.vectors, np.eye(len(values)), atol=1e-12)
    assert result.total == pytest.approx(np.trace(matrix), rel=1e-11)


def test_pca_of_statsmodels(load, learnt):
    frame = load("longley")
    reference = PCA(frame, standardize=True)
    result, _ = run(sj.PCAJob(learnt(frame)))
    np.testing.assert_allclose(result.values, reference.eigenvals / len(frame), atol=1e-10)


def test_signs_do_not_depend_on_the_data(load, learnt):
    frame = load("breast_cancer")
    vectors = run(sj.PCAJob(learnt(frame)))[0].vectors
    size = np.abs(vectors)
    first = (size >= size.max(axis=0) - 1e-8).argmax(axis=0)
    assert (vectors[first, np.arange(vectors.shape[1])] > 0).all()


def test_entities(iris):
    result, details = run(sj.PCAJob(iris))
    entities = result.entities()
    assert list(entities) == ["pcaVectors", "pcaValues", "pcaSumValues"]
    wire = json.loads(sj.to_json(entities))
    assert wire["pcaVectors"]["attributeNames"] == ["attribute", "PC1", "PC2", "PC3", "PC4"]
    assert wire["pcaVectors"]["attributeTypes"] == ["S", "C", "C", "C", "C"]
    assert [row[0] for row in wire["pcaVectors"]["data"]] == [
        "sepal_length",
        "sepal_width",
        "petal_length",
        "petal_width",
    ]
    assert [[float(cell) for cell in row[1:]] for row in wire["pcaVectors"]["data"]] == result.vectors.tolist()
    assert wire["pcaValues"]["attributeNames"] == ["e1", "e2", "e3", "e4"]
    assert [[float(cell) for cell in row] for row in wire["pcaValues"]["data"]] == [result.values.tolist()]
    assert wire["pcaSumValues"] == pytest.approx(4.0)
    assert details == {"projectHash": iris.snapshot().hash}
    assert repr(result) == "<PCA of 4 attributes: 4 components, 73.0%, 22.9%, 3.7%, 0.5%>"


@pytest.mark.parametrize(("explained", "k"), [(0.0, 1), (0.7, 1), (0.9, 2), (0.99, 3), (1.0, 4)])
def test_the_explained_share_bounds_the_components(iris, explained, k):
    result, _ = run(sj.PCAJob(iris, explained=explained))
    assert result.values.shape == (k,)
    assert result.vectors.shape == (4, k)
    assert result.total == pytest.approx(4.0)  # the sum of all eigenvalues, whatever returns


def test_the_number_of_components_is_bounded(iris):
    assert len(run(sj.PCAJob(iris, n_components=2))[0].values) == 2
    rng = np.random.default_rng(0)
    many = sj.Project("many")
    many.learn((rng.normal(size=(200, 120)), [f"x{i}" for i in range(120)]))
    result, _ = run(sj.PCAJob(many))
    assert len(result.values) == 100
    assert result.total == pytest.approx(120.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"explained": 1.5}, "explainedCovariance.*from 0 to 1, got 1.5"),
        ({"explained": float("nan")}, "from 0 to 1, got nan"),
        ({"explained": "most"}, "from 0 to 1, got 'most'"),
        ({"n_components": 0}, "pcaNumDimension.*from 1 to 100, got 0"),
        ({"n_components": 101}, "from 1 to 100, got 101"),
        ({"n_components": 2.5}, "must be a whole number from 1 to 100, got 2.5"),
        ({"inputs": []}, "no input is named"),
        ({"inputs": ["sepal_length", "0"]}, "'0' and 'sepal_length' are the same attribute"),
        ({"inputs": ["sepal_length", "sepal_length"]}, "'sepal_length' is named twice"),
        ({"inputs": ["sepal_lenght"]}, "unknown attribute 'sepal_lenght'.*'sepal_length'"),
        ({"inputs": "sepal_length"}, "inputs must be a list of attribute names"),
        ({"inputs": [1.5]}, "names or indexes, got 1.5"),
    ],
)
def test_bad_input_fails_at_once(iris, options, message):
    with pytest.raises(sj.InputError, match=message):
        sj.PCAJob(iris, **options)


def test_an_empty_project_has_no_attribute():
    with pytest.raises(sj.InputError, match="has no C or B column; learn one"):
        sj.PCAJob(sj.Project("empty"))


def test_constants_are_named(learnt, load):
    frame = load("iris").assign(tenth=0.1, one=1.0)
    project = learnt(frame, types={"one": "C"})
    with pytest.raises(sj.InputError, match=r"undefined for 'tenth', 'one': constant.*pcaCovariance=true"):
        run(sj.PCAJob(project, list(frame)))
    result, _ = run(sj.PCAJob(project, covariance=True))
    assert result.values[-1] == 0.0
    assert result.rank == 4
    assert result.condition == np.inf


@pytest.mark.parametrize("covariance", [False, True])
def test_constant_and_empty_columns_are_left_out_of_all(learnt, load, covariance):
    """Of all inputs; a constant has a covariance, so that it stays there. Inputs that are named are an error."""
    frame = load("iris").assign(tenth=0.1, empty=np.nan)
    result, details = run(sj.PCAJob(learnt(frame), covariance=covariance))
    out = ["empty"] if covariance else ["tenth", "empty"]
    assert result.names == tuple(name for name in frame if name not in out)
    assert details["inputsLeftOut"] == "'empty': without values" + ("" if covariance else "; 'tenth': constant")
    assert result.rank == 4
    with pytest.raises(sj.InputError, match="'empty'"):
        run(sj.PCAJob(learnt(frame), ["petal_length", "sepal_width", "empty"], covariance=covariance))


def test_a_project_of_constants_has_no_components(learnt):
    with pytest.raises(sj.InputError, match="undefined for 'a', 'b': constant"):
        run(sj.PCAJob(learnt(pd.DataFrame({"a": [1.5] * 5, "b": [2.5] * 5}))))


def test_the_rank_counts_digits_that_a_matrix_has_not(learnt, load):
    frame = load("iris")
    frame["near"] = frame["sepal_width"] + 1e-9 * np.random.default_rng(0).normal(size=len(frame))
    frame["same"] = 2 * frame["sepal_length"]
    result, details = run(sj.PCAJob(learnt(frame)))
    assert result.rank == 5
    assert details["rank"].startswith("5 of 6")
    assert details["dependent"].startswith("'same': linear functions")


def test_attributes_without_common_rows_are_named(learnt):
    frame = pd.DataFrame({"a": [1.0, 2.0, 4.0, np.nan, np.nan], "b": [np.nan, np.nan, np.nan, 1.0, 2.0], "c": range(5)})
    with pytest.raises(sj.InputError, match="'a' and 'b' have too few rows in common"):
        run(sj.PCAJob(learnt(frame, types={"c": "C"})))


@pytest.fixture
def indefinite(learnt):
    """Three attributes whose pairwise correlations contradict each other."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=300)
    block, nan = x.reshape(3, 100), np.full(100, np.nan)
    frame = pd.DataFrame(
        {
            "a": np.concatenate([block[0], block[1], nan]),
            "b": np.concatenate([block[0], nan, block[2]]),
            "c": np.concatenate([nan, block[1], -block[2]]),
        }
    )
    return learnt(frame)


@pytest.mark.parametrize("covariance", [False, True])
def test_a_matrix_that_is_not_semidefinite_is_reported(indefinite, covariance):
    result, details = run(sj.PCAJob(indefinite, covariance=covariance))
    assert not result.psd
    assert result.values[-1] < -0.5
    assert details["positiveSemidefinite"].startswith("false: smallest eigenvalue -")
    assert "pcaRepair=true" in details["positiveSemidefinite"]


@pytest.mark.parametrize("covariance", [False, True])
def test_a_matrix_that_is_not_semidefinite_can_be_repaired(indefinite, covariance):
    found, _ = run(sj.PCAJob(indefinite, covariance=covariance))
    result, details = run(sj.PCAJob(indefinite, covariance=covariance, repair=True))
    assert result.values.min() >= -1e-9
    assert result.total == pytest.approx(found.total)  # the variances stay
    assert details["positiveSemidefinite"].startswith("repaired: the nearest correlation matrix is")


def test_repair_leaves_a_good_matrix_alone(iris):
    plain, _ = run(sj.PCAJob(iris))
    repaired, details = run(sj.PCAJob(iris, repair=True))
    np.testing.assert_array_equal(plain.values, repaired.values)
    assert list(details) == ["projectHash"]


def test_a_forgotten_outlier_is_reported(learnt, load):
    frame = load("iris")
    outlier = frame.iloc[:1].assign(sepal_length=1e25)
    project = learnt(pd.concat([outlier, frame]))
    project.forget(outlier)
    assert project.snapshot().moments.needs_rebuild
    _, details = run(sj.PCAJob(project, covariance=True))
    assert details["needsRebuild"].startswith("true: rounding error from forgotten rows")


@pytest.mark.parametrize("job", [sj.PCAJob, sj.SVDJob])
def test_lost_digits_are_not_called_constant(job, learnt):
    """The values vary, and what they say is lost: larger ones came before, and are gone."""
    k = np.arange(20.0)
    frame = pd.DataFrame({"a": k % 5, "b": k % 3, "tiny": (k % 7) * 2.0**-537})
    large = frame.assign(tiny=1.0)
    project = learnt(large)
    project.learn(frame)
    project.forget(large)
    with pytest.raises(sj.InputError, match=r"'tiny': variance lost to rounding.*underflow; rescale"):
        run(job(project, ["a", "tiny"]))
    result, details = run(job(project))
    assert result.names == ("a", "b")
    assert details["inputsLeftOut"].startswith("'tiny': variance lost to rounding")
