"""OptimizedKmeansJob on tables: known values, what is refused, which rows count, scaling, labels, progress."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

import symjobs as sj

LENGTHS = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


@pytest.fixture(scope="module")
def lengths():
    frame = sj.datasets.load_iris()
    return pd.DataFrame(frame.data, columns=frame.attributeNames)[LENGTHS].astype(float)


@pytest.fixture(scope="module")
def blobs():
    """Three groups of 40 points in the plane, far apart."""
    rng = np.random.default_rng(5)
    middles = np.repeat([[0.0, 0.0], [20.0, 0.0], [0.0, 20.0]], 40, axis=0)
    return pd.DataFrame(middles + rng.normal(size=(120, 2)), columns=["x", "y"])


def run(*arguments, **options):
    context = sj.JobContext()
    result = sj.OptimizedKmeansJob(*arguments, **{"seed": 0, **options}).run(context)
    return result, context


# --- known values ----------------------------------------------------------------------------------------------------


def test_iris_has_its_well_known_values(lengths):
    """scikit-learn, 200 starts, finds no better ones; 57.256 for k = 4 and 39.066 for k = 6 are worse optima."""
    result, _ = run(lengths, 2, 6, n_init=50)
    assert result.ks.tolist() == [2, 3, 4, 5, 6]
    assert result.wssse == pytest.approx([152.347952, 78.851441, 57.228473, 46.446182, 39.039987], abs=1e-6)
    assert result.silhouette == pytest.approx([0.681046, 0.552819, 0.498051, 0.488749, 0.364834], abs=1e-6)
    assert (result.k, result.k_silhouette, result.k_elbow) == (2, 2, 3)
    assert result.why.startswith("k = 2 has the largest silhouette, 0.681; the curve of WSSSE bends most at k = 3")
    assert result.converged.all()
    assert (result.n_iter > 0).all()
    assert (result.seconds > 0).all()
    assert result.reasons == (None,) * 5


def test_the_entity_is_the_contract_s(lengths):
    result, _ = run(lengths, 2, 3, n_init=2)
    (entries,) = result.entities()["KSVSMap"].values
    assert entries == {
        "kmeans_k_min": "2",
        "kmeans_k_max": "3",
        "kmeans_rnd_seed": "0",
        "kmeans_n_init": "2",
        "kmeans_2_wssse": repr(float(result.wssse[0])),
        "kmeans_2_silhouette": repr(float(result.silhouette[0])),
        "kmeans_3_wssse": repr(float(result.wssse[1])),
        "kmeans_3_silhouette": repr(float(result.silhouette[1])),
    }


@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean"])
def test_labels_centers_and_sizes_are_of_one_moment(lengths, metric):
    result, _ = run(lengths, 2, 4, metric=metric, keep_labels=True)
    X = lengths.to_numpy()
    for k, wssse, silhouette, centers, sizes, labels in zip(
        result.ks, result.wssse, result.silhouette, result.centers, result.sizes, result.labels, strict=True
    ):
        assert centers.shape == (k, 4)
        np.testing.assert_array_equal(np.bincount(labels, minlength=k), sizes)
        np.testing.assert_allclose(centers, [X[labels == j].mean(axis=0) for j in range(k)], rtol=1e-12)
        assert ((X - centers[labels]) ** 2).sum() == pytest.approx(wssse, rel=1e-12)
        assert silhouette_score(X, labels, metric=metric) == pytest.approx(silhouette, rel=1e-9)


def test_without_keep_labels_there_are_none(lengths):
    assert run(lengths, 2, 2)[0].labels is None


# --- which tables, which rows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda frame: pl.from_pandas(frame),
        lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
        lambda frame: (frame.to_numpy(), list(frame)),
        lambda frame: (np.asfortranarray(frame.to_numpy()), list(frame)),
        lambda frame: sj.DataFrame(list(frame), ["C"] * 2, frame.to_numpy().tolist()),
        lambda frame: [frame.iloc[:7], frame.iloc[7:, ::-1]],
        lambda frame: iter([frame.iloc[:50], pl.from_pandas(frame.iloc[50:])]),
        lambda frame: frame.assign(word="text"),
    ],
    ids=["polars", "arrow", "array", "fortran", "entity", "frames", "iterator", "text beside"],
)
def test_any_table_gives_the_same_answer(blobs, make):
    expected, _ = run(blobs, 2, 4)
    result, context = run(make(blobs), 2, 4)
    assert result.names == ("x", "y")
    np.testing.assert_allclose(result.wssse, expected.wssse, rtol=1e-12)
    np.testing.assert_allclose(result.silhouette, expected.silhouette, rtol=1e-12)
    assert (result.method, context.details["method"], context.details["rows"]) == ("rows", "rows", "120")
    assert result.k == 3


def test_float32_stays_float32(blobs):
    single, _ = run(blobs.astype(np.float32), 2, 4)
    double, _ = run(blobs, 2, 4)
    np.testing.assert_allclose(single.wssse, double.wssse, rtol=1e-5)
    assert single.centers[0].dtype == np.float64


def test_the_caller_s_array_is_not_changed(blobs):
    X = blobs.to_numpy(copy=True)
    X.flags.writeable = False
    before = X.copy()
    run((X, ["x", "y"]), 2, 3)
    run((X, ["x", "y"]), 2, 3, scale="standard")
    np.testing.assert_array_equal(X, before)


def test_rows_with_missing_values_are_left_out_and_counted(blobs):
    holes = blobs.copy()
    holes.loc[[3, 50, 51], "x"] = np.nan
    holes.loc[[50, 99], "y"] = np.nan
    result, context = run(holes, 2, 3, keep_labels=True)
    expected, _ = run(holes.dropna(), 2, 3, keep_labels=True)
    assert (result.n_rows, result.n_missing) == (116, 4)
    assert context.details["rowsMissing"] == "4"
    assert context.details["missing"] == "x: 3, y: 2"
    np.testing.assert_array_equal(result.wssse, expected.wssse)
    for labels, theirs in zip(result.labels, expected.labels, strict=True):
        assert labels.dtype == np.int32
        assert np.flatnonzero(labels == -1).tolist() == [3, 50, 51, 99]
        np.testing.assert_array_equal(labels[labels >= 0], theirs)


def test_a_missing_value_does_not_matter_where_nobody_asks(blobs):
    holes = blobs.assign(z=np.nan)
    result, _ = run(holes, 2, 3, ["y", "x"])
    assert (result.names, result.n_missing) == (("y", "x"), 0)


@pytest.mark.filterwarnings("error")
def test_a_missing_value_in_float32_raises_no_warning(blobs):
    X = blobs.to_numpy(dtype=np.float32, copy=True)
    X[5, 0] = np.nan
    result, _ = run((X, ["x", "y"]), 2, 3)
    assert (result.n_rows, result.n_missing) == (119, 1)


@pytest.mark.parametrize("inputs", [None, ["y"]])
def test_what_a_mask_hides_is_missing(blobs, inputs):
    X = blobs.to_numpy(copy=True)
    X[::7, 1] = 1e6
    masked = np.ma.masked_greater(X, 1e5)
    result, _ = run((masked, ["x", "y"]), 2, 4, inputs)
    expected, _ = run((np.where(X > 1e5, np.nan, X), ["x", "y"]), 2, 4, inputs)
    assert (result.n_rows, result.n_missing) == (102, 18)
    np.testing.assert_array_equal(result.wssse, expected.wssse)


def test_no_complete_row_fails_and_says_which_column(blobs):
    job = sj.OptimizedKmeansJob(blobs.assign(z=np.nan), 2, 3)
    with pytest.raises(sj.InputError, match=r"no row is complete: each of the 120 misses a value, 'z' most often"):
        job.run(sj.JobContext())


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.inf, "column 'y', row 70: inf is infinite; leave out the row"),
        (-np.inf, "column 'y', row 70: -inf is infinite"),
        (
            1e200,
            r"column 'y', row 70: 1e\+200 is so large that sums of its powers overflow float64; rescale the column",
        ),
    ],
)
@pytest.mark.parametrize("as_array", [False, True])
def test_infinite_and_huge_values_are_named(blobs, value, words, as_array):
    frame = blobs.copy()
    frame.loc[70, "y"] = value
    with pytest.raises(sj.InputError, match=words):
        run((frame.to_numpy(), ["x", "y"]) if as_array else frame, 2, 3)


def test_text_in_a_declared_column_is_named():
    table = sj.DataFrame(["x"], ["C"], [["1"], ["2"], ["three"]])
    with pytest.raises(sj.InputError, match="column 'x', row 2: 'three' is not a number"):
        sj.OptimizedKmeansJob(table, 1, 2)


# --- scale ------------------------------------------------------------------------------------------------------------


def test_standard_scale_divides_by_the_population_standard_deviation(blobs):
    frame = blobs.assign(x=1000.0 * blobs.x + 1e8, constant=7.25)
    X = frame.to_numpy()
    result, context = run(frame, 2, 4, scale="standard", keep_labels=True)
    np.testing.assert_allclose(result.divisors, [X[:, 0].std(), X[:, 1].std(), 1.0], rtol=1e-12)
    assert context.details["constantColumns"] == "constant: not scaled, as they have no spread"
    assert result.k == 3
    scaled = X / result.divisors
    expected = KMeans(3, n_init=5, random_state=0).fit(scaled)
    assert result.wssse[1] == pytest.approx(expected.inertia_, rel=1e-6)
    for labels, centers in zip(result.labels, result.centers, strict=True):  # in the data's own units
        np.testing.assert_allclose(
            centers, [X[labels == j].mean(axis=0) for j in range(len(centers))], rtol=1e-9, atol=1e-9
        )


def test_a_column_that_decides_alone_is_named(blobs):
    """As the price does among a diamond's measures."""
    frame = blobs.assign(price=5_000.0 * np.random.default_rng(0).random(len(blobs)))
    project = sj.Project("p", params={"cluster_features": ":".join(frame)}).learn(frame)
    for data in (frame, project):
        _, context = run(data, 2, 3)
        assert context.details["oneColumn"].startswith("'price' has 100.0% of the variance and decides alone")
        assert "--scale standard" in context.details["oneColumn"]
        _, context = run(data, 2, 3, scale="standard")
        assert "oneColumn" not in context.details
    for columns in (["x", "y"], ["price"]):
        _, context = run(frame[columns], 2, 3)
        assert "oneColumn" not in context.details


@pytest.mark.parametrize(("unit", "dtype"), [(1e-200, "float64"), (1e-310, "float64"), (2.0**-149, "float32")])
def test_a_tiny_column_is_no_constant_one(unit, dtype):
    X = np.column_stack([[0, 0, 1, 1, 8, 9], [4.0, 5.0, 6.0, 7.0, 8.0, 9.0]])
    expected, _ = run((X, ["x", "y"]), 2, 2, scale="standard")
    tiny = (X * [unit, 1.0]).astype(dtype)
    result, context = run((tiny, ["x", "y"]), 2, 2, scale="standard")
    assert "constantColumns" not in context.details
    assert result.divisors[0] == pytest.approx(float(X[:, 0].std()) * unit, rel=1e-9, abs=0.0)
    np.testing.assert_allclose(result.wssse, expected.wssse, rtol=1e-5)
    np.testing.assert_allclose(result.silhouette, expected.silhouette, rtol=1e-5)


def test_rows_too_close_for_squares_are_refused_by_the_names_of_their_columns():
    table = (np.array([[0.0], [1e-200], [5e-200]]), ["length"])
    with pytest.raises(sj.InputError, match=r"k-means over 'length': rows that differ by so little .* rescale the col"):
        run(table, 2, 2)


def test_the_scale_is_named(blobs):
    for scale in ("none", "standard"):
        result, context = run(blobs, 2, 2, scale=scale)
        assert (result.scale, context.details["scale"]) == (scale, scale)


# --- what is impossible is no error -----------------------------------------------------------------------------------


def test_more_clusters_than_distinct_rows_have_reasons():
    table = (np.array([[0.0], [0.0], [1.0], [1.0], [5.0]]), ["x"])
    result, context = run(table, 1, 5)
    (entries,) = result.entities()["KSVSMap"].values
    assert result.wssse[:3] == pytest.approx([17.2, 1.0, 0.0])
    assert np.isnan(result.wssse[3:]).all()
    assert entries["kmeans_4_wssse"] == entries["kmeans_4_silhouette"] == entries["kmeans_1_silhouette"] == "NaN"
    assert result.reasons[0] == "k = 1: one cluster has no silhouette"
    assert context.details["kmeans_1_reason"] == result.reasons[0]
    assert "3" in result.reasons[4]
    assert context.details["kmeans_5_reason"] == result.reasons[4]
    assert result.centers[4] is result.sizes[4] is None
    assert result.k == 3


def test_identical_rows_suggest_nothing():
    result, _ = run((np.ones((20, 2)), ["x", "y"]), 1, 3)
    assert result.wssse[0] == 0.0
    assert np.isnan(result.silhouette).all()
    assert result.k is None
    assert result.why.startswith("no k is suggested")
    assert "no k is suggested" in repr(result)


def test_thousands_of_impossible_ks_do_not_flood_the_details():
    result, context = run((np.array([[0.0], [1.0]]), ["x"]), 1, 1000)
    assert len(result.ks) == 1000
    assert sum(name.endswith("_reason") for name in context.details) == 20
    assert context.details["reasons"].startswith("1000 in all") or context.details["reasons"].startswith("999 in all")


def test_a_limit_of_iterations_is_seen(lengths):
    result, _ = run(lengths, 5, 6, n_init=1, max_iterations=1)
    assert not result.converged.any()
    assert result.n_iter.tolist() == [1, 1]


# --- bad input fails at submission ------------------------------------------------------------------------------------

HUGE = 10**5000


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"k_min": 0}, r"k_min \(kmeans_k_min\) must be a whole number of at least 1, got 0"),
        ({"k_max": -3}, r"k_max \(kmeans_k_max\) must be a whole number of at least 1, got -3"),
        ({"k_min": True}, r"k_min \(kmeans_k_min\) must be a whole number of at least 1, got True"),
        ({"k_min": np.True_}, r"must be a whole number"),
        ({"k_max": "3"}, r"k_max \(kmeans_k_max\) must be a whole number of at least 1, got '3'"),
        ({"k_max": 3.0}, r"must be a whole number of at least 1, got 3.0"),
        ({"k_max": None}, r"must be a whole number of at least 1, got None"),
        ({"k_min": 5, "k_max": 4}, r"must not be above k_max \(kmeans_k_max\), got 5 and 4"),
        ({"k_max": 10**12}, r"k from 2 to 1,000,000,000,000 .* GiB, and this machine has .*; lower k_max"),
        ({"k_max": HUGE}, r"k_max \(kmeans_k_max\) must be a whole number of at least 1, got a huge int"),
        ({"n_init": 0}, r"n_init \(kmeans_n_init\) must be a whole number of at least 1, got 0"),
        (
            {"max_iterations": 0},
            r"max_iterations \(kmeans_max_iterations\) must be a whole number of at least 1, got 0",
        ),
        ({"seed": 1.5}, r"seed \(kmeans_rnd_seed\) must be a whole number that fits into 64 bits, got 1.5"),
        ({"scale": "minmax"}, r"scale \(kmeans_scale\) must be one of none, standard, got 'minmax'"),
        ({"metric": "cosine"}, r"metric \(kmeans_metric\) must be one of euclidean, sqeuclidean, got 'cosine'"),
        ({"inputs": []}, "no input is named"),
        ({"inputs": "x"}, r"inputs must be a list of attribute names, got 'x'"),
        ({"inputs": ["word"]}, "column 'word' holds text, and distances need numbers"),
        ({"inputs": ["kind"]}, r"column 'kind' is of type T \(category\)"),
        ({"inputs": ["x", "0"]}, "'0' and 'x' are the same column; name it once"),
        ({"inputs": ["x", "x"]}, "'x' twice; name it once"),
    ],
)
def test_bad_parameters_are_refused(blobs, changes, words):
    table = sj.DataFrame(
        ["x", "y", "word", "kind"], ["C", "C", "S", "T"], [[*row, "w", "k"] for row in blobs.to_numpy().tolist()]
    )
    with pytest.raises(sj.InputError, match=words):
        sj.OptimizedKmeansJob(table, **{"k_min": 2, "k_max": 3, **changes})


@pytest.mark.parametrize("unknown", ["xx", 2, "7", -1])
def test_unknown_columns_are_refused(blobs, unknown):
    with pytest.raises(sj.UnknownAttribute, match="the data has no column"):
        sj.OptimizedKmeansJob(blobs, 2, 3, ["x", unknown])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (pd.DataFrame({"t": ["a", "b"]}), "no numeric column; it has 't'"),
        (pd.DataFrame({"x": pd.Series([], dtype=float)}), "no rows"),
        (7, "cannot learn from int"),
        (np.ones((3, 2)), r"pass \(array, names\)"),
        ((np.ones((3, 2)), ["x", "x"]), "two columns are named 'x'"),
    ],
)
def test_data_that_is_none(data, words):
    with pytest.raises(sj.InputError, match=words):
        sj.OptimizedKmeansJob(data, 1, 2)


def test_memory_is_estimated_before_it_is_asked_for():
    """A column without memory behind it: a trillion rows that nothing has touched."""
    ghost = np.broadcast_to(np.float64(1.0), (10**12, 2))
    with pytest.raises(sj.InputError, match=r"1,000,000,000,000 rows of 2 columns takes about .* GiB"):
        sj.OptimizedKmeansJob((ghost, ["x", "y"]), 2, 3)


# --- seeds ------------------------------------------------------------------------------------------------------------


def test_a_seed_that_was_drawn_can_be_used_again(lengths):
    first, context = run(lengths, 2, 8, n_init=1, seed=None)
    assert context.details["seed"] == str(first.seed)
    again, _ = run(lengths, 2, 8, n_init=1, seed=first.seed)
    np.testing.assert_array_equal(first.wssse, again.wssse)
    assert run(lengths, 2, 2, seed=None)[0].seed != first.seed
    assert "kmeans_rnd_seed" not in first.entities()["KSVSMap"].values[0]


def test_a_client_s_seed_may_be_negative(lengths):
    result, _ = run(lengths, 2, 3, seed=-5)
    assert result.seed == -5
    assert result.entities()["KSVSMap"].values[0]["kmeans_rnd_seed"] == "-5"


# --- requests ---------------------------------------------------------------------------------------------------------


def test_a_request_echoes_its_own_parameters_as_given(lengths):
    context = sj.MLContext(
        inputAttributeNames=["petal_length", "petal_width"],
        extraParameters={"kmeans_k_min": " 2 ", "kmeans_k_max": "9", "kmeans_n_init": "3", "other": "x"},
    )
    query = {"kmeans_k_max": "3.0", "kmeans_scale": "standard", "kmeans_metric": "sqeuclidean", "async": "true"}
    job = sj.OptimizedKmeansJob.from_context(lengths, context, query)
    entries = job.run(sj.JobContext()).entities()["KSVSMap"].values[0]
    assert {name: text for name, text in entries.items() if not name[7].isdigit()} == {
        "kmeans_k_min": " 2 ",
        "kmeans_k_max": "3.0",
        "kmeans_n_init": "3",
        "kmeans_scale": "standard",
        "kmeans_metric": "sqeuclidean",
    }
    assert [name for name in entries if name[7].isdigit()] == [
        "kmeans_2_wssse", "kmeans_2_silhouette", "kmeans_3_wssse", "kmeans_3_silhouette",
    ]  # fmt: skip


def test_a_request_sets_every_parameter(lengths):
    query = {
        "kmeans_k_min": "2",
        "kmeans_k_max": "3",
        "kmeans_max_iterations": "7",
        "kmeans_n_init": "4",
        "kmeans_rnd_seed": "9223372036854775807",
        "kmeans_scale": "standard",
        "kmeans_metric": "sqeuclidean",
    }
    result = sj.OptimizedKmeansJob.from_context(lengths, sj.MLContext(), query).run(sj.JobContext())
    assert (result.max_iterations, result.n_init, result.seed) == (7, 4, 2**63 - 1)
    assert (result.scale, result.metric, result.names) == ("standard", "sqeuclidean", tuple(LENGTHS))
    plain = sj.OptimizedKmeansJob.from_context(lengths, sj.MLContext(), {"kmeans_k_min": "2", "kmeans_k_max": "2"})
    settings = plain.settings
    assert (settings.max_iterations, settings.n_init, settings.scale, settings.metric) == (
        1000,
        10,
        "none",
        "euclidean",
    )


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({}, r"k_min \(kmeans_k_min\) is required"),
        ({"kmeans_k_min": "2"}, r"k_max \(kmeans_k_max\) is required"),
        (
            {"kmeans_k_min": "two", "kmeans_k_max": "3"},
            r"\(kmeans_k_min\) must be a whole number .*, got 'two'",
        ),
        (
            {"kmeans_k_min": "2.5", "kmeans_k_max": "3"},
            r"\(kmeans_k_min\) must be a whole number .*, got '2.5'",
        ),
        ({"kmeans_k_min": "true", "kmeans_k_max": "3"}, "must be a whole number of at least 1, got 'true'"),
        ({"kmeans_k_min": "0", "kmeans_k_max": "3"}, "must be a whole number of at least 1, got '0'"),
        (
            {"kmeans_k_min": "2", "kmeans_k_max": "3", "kmeans_k": "2"},
            "parameter 'kmeans_k' of Optim.*; did you mean",
        ),
        (
            {"kmeans_kmin": "2", "kmeans_k_max": "3"},
            "unknown parameter 'kmeans_kmin' of Opt.*; did you mean 'kmeans_k_min'",
        ),
    ],
)
def test_bad_requests(lengths, query, words):
    with pytest.raises(sj.InputError, match=words):
        sj.OptimizedKmeansJob.from_context(lengths, sj.MLContext(), query)


def test_a_request_names_columns_of_a_table_by_position_or_name(lengths):
    query = {"kmeans_k_min": "2", "kmeans_k_max": "2"}
    by_position = sj.OptimizedKmeansJob.from_context(lengths, sj.MLContext(inputAttributes=["2", "0"]), query)
    assert by_position.run(sj.JobContext()).names == ("petal_length", "sepal_length")
    both = sj.MLContext(inputAttributes=["2"], inputAttributeNames=["petal_length"])
    with pytest.raises(sj.InputError, match="inputs are given twice"):
        sj.OptimizedKmeansJob.from_context(lengths, both, query)


def test_silhouettes_of_many_rows_are_those_of_a_sample():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(3000, 2)) + 6 * rng.integers(0, 3, 3000)[:, None], columns=["a", "b"])
    context = sj.JobContext()
    found = sj.OptimizedKmeansJob(frame, 2, 4, n_init=1, seed=0, silhouette_sample=400).run(context)
    assert found.k == 3
    assert (found.silhouette_error > 0).all()
    assert f"{float(found.silhouette.max()):.3f} ± " in found.why
    assert context.details["silhouettes"].startswith(
        "of a random sample of 400 of 3000 rows, each compared with all; st"
    )
    exact_context = sj.JobContext()
    exact = sj.OptimizedKmeansJob(frame, 2, 4, n_init=1, seed=0, silhouette_sample=0).run(exact_context)
    assert "silhouettes" not in exact_context.details
    assert exact.largest_error is None
    assert (np.abs(found.silhouette - exact.silhouette) <= 5 * found.silhouette_error).all()
    np.testing.assert_array_equal(found.wssse, exact.wssse)
