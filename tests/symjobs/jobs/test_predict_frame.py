"""DSPredictDataFrameJob: the two flags of each row, to the letter, however the rows come."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import symjobs as sj
from symkernels import Spot

NAMES = ["a", "b", "c"]
COLUMNS = ["id", "res", "q95", "q98", "q99", "evt"]
BLOCK = 1024


def drawn(n: int, seed: int = 0) -> np.ndarray:
    """Correlated normal rows."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 3)) @ np.array([[1.0, 0.8, 0.0], [0.0, 0.6, 0.5], [0.0, 0.0, 1.0]])


@pytest.fixture(scope="module")
def project() -> sj.Project:
    """A project with a model of each kind that the state allows."""
    project = sj.Project("p", histogram=True, params={"cluster_features": NAMES}).learn((drawn(5000), NAMES))
    project.build("m", "oospca")
    for algo in ("mahalanobis", "hba", "ecod"):
        project.build(algo, algo)
    project.build("k", "kmeans", parameters={"kmeans_k": 3})
    return project


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """Rows of the same law; some incomplete, the first among them, and two far out, one of them in the warm-up."""
    X = drawn(3600, seed=1)
    X[::50, 1] = np.nan
    X[130] = [9.0, -9.0, 9.0]
    X[3001] = [8.0, -8.0, 8.0]
    return X


def run(project: sj.Project, data: object, model: str = "m", **options: object):
    return sj.DSPredictDataFrameJob(project, model, data, **options).run(sj.JobContext())


def by_hand(score: np.ndarray, rule: str, spot: Spot) -> dict[str, np.ndarray]:
    """The columns row by row, from their definition; for at most 4,096 scores, whose quantiles are exact."""
    answer: dict[str, list[float]] = {name: [] for name in COLUMNS}
    for i, value in enumerate(score):
        before = score[: i // BLOCK * BLOCK]
        before = before[~np.isnan(before)]
        for name, q in (("q95", 0.95), ("q98", 0.98), ("q99", 0.99)):
            known = np.quantile(before, q, method="inverted_cdf") if len(before) else np.nan
            answer[name].append(known)
        answer["id"].append(i)
        answer["res"].append(int(value > answer[rule][-1]))
        answer["evt"].append(int(spot.update(float(value)).flags))
    return {name: np.array(values) for name, values in answer.items()}


@pytest.mark.parametrize("rule", ["q95", "q98", "q99"])
def test_every_row_is_judged_as_defined(project, rows, rule):
    result = run(project, (rows, NAMES), alpha=1e-3, simple_rule=rule, evt={"evt_warmup_size": 500})
    np.testing.assert_allclose(result.score, project.predict("m", (rows, NAMES)).scores, rtol=1e-12)
    expected = by_hand(result.score, rule, Spot(alpha=1e-3, quantile=0.98, warmup=500))
    assert list(result.columns()) == COLUMNS
    for name in COLUMNS:
        np.testing.assert_array_equal(result.columns()[name], expected[name], err_msg=name)
    assert result.evt[3001] == 1
    assert result.evt[130] == 0  # it came in the warm-up
    assert result.res[:BLOCK].sum() == 0
    assert np.isnan(result.q99[:BLOCK]).all()
    assert not np.isnan(result.q99[BLOCK:]).any()


def test_a_row_without_a_score_has_no_flags_and_teaches_nothing(project, rows):
    complete = ~np.isnan(rows).any(axis=1)
    result = run(project, (rows, NAMES), evt={"evt_warmup_size": 300})
    assert (result.n_rows, result.n_missing) == (3600, 72)
    assert np.isnan(result.score[~complete]).all()
    assert not result.res[~complete].any()
    assert not result.evt[~complete].any()
    without = run(project, (rows[complete], NAMES), evt={"evt_warmup_size": 300})
    np.testing.assert_array_equal(result.evt[complete], without.evt)
    np.testing.assert_array_equal(result.threshold[complete], without.threshold)
    imputed = run(project, (rows, NAMES), impute=True)
    assert imputed.n_missing == 0
    assert not np.isnan(imputed.score).any()


def test_quantiles_stay_missing_while_there_is_no_score(project):
    X = drawn(2500, seed=2)
    X[:1500, 0] = np.nan
    result = run(project, (X, NAMES))
    assert np.isnan(result.q95[:2048]).all()
    before = result.score[1500:2048]
    assert result.q95[2048] == np.quantile(before, 0.95, method="inverted_cdf")


def tables(rows: np.ndarray) -> dict[str, object]:
    frame = pd.DataFrame(rows, columns=NAMES)

    def cut(*sizes: int):
        start = 0
        while start < len(rows):
            for size in sizes:
                yield (rows[start : start + size], NAMES)
                start += size
                if start >= len(rows):
                    return

    return {
        "three at a time": cut(3),
        "blocks": cut(1024),
        "uneven": cut(1, 1023, 2, 700, 1025),
        "large": cut(2000),
        "pandas": frame[["c", "b", "a"]].assign(other="x"),
        "Fortran": (np.asfortranarray(rows), NAMES),
        "Arrow": pa.Table.from_pandas(frame),
        "Arrow's batches": pa.Table.from_pandas(frame).to_reader(max_chunksize=333),
        "entity": sj.DataFrame(NAMES, data=[[None if v != v else v for v in row] for row in rows.tolist()]),
    }


@pytest.mark.parametrize("model", ["m", "k", "mahalanobis", "hba", "ecod"])
def test_any_batches_give_the_same_answer_bit_for_bit(project, model):
    X = drawn(100_000, seed=3)[:90_001]  # more than a block of the model's
    X[::50, 1] = np.nan
    whole = run(project, (X, NAMES), model, alpha=1e-3)
    for step in (1024, 40_007):
        parts = ((X[i : i + step], NAMES) for i in range(0, len(X), step))
        again = run(project, parts, model, alpha=1e-3)
        for name in (*COLUMNS, "score", "threshold"):
            np.testing.assert_array_equal(getattr(again, name), getattr(whole, name), err_msg=name)


def test_any_table_gives_the_same_answer_bit_for_bit(project, rows):
    whole = run(project, (rows, NAMES))
    for kind, data in tables(rows).items():
        again = run(project, data)
        for name in (*COLUMNS, "score", "threshold"):
            np.testing.assert_array_equal(getattr(again, name), getattr(whole, name), err_msg=f"{kind}, {name}")


def test_the_distance_of_kmeans_is_a_score(project, rows):
    result = run(project, (rows, NAMES), "k")
    assert (result.algo, result.score_key) == ("kmeans", "distance")
    np.testing.assert_allclose(result.score, project.predict("k", (rows, NAMES)).distances, rtol=1e-12)
    assert result.evt[3001] == 1


def test_the_answer_on_the_wire(project, rows):
    result = run(project, (rows, NAMES), evt={"evt_warmup_size": 500})
    frame = result.entities()["dataframe"]
    assert frame.attributeNames == COLUMNS
    assert frame.attributeTypes == ["C", "B", "C", "C", "C", "B"]
    assert frame.data[0] == ["0", "0", "NaN", "NaN", "NaN", "0"]
    last = [float(cell) for cell in frame.data[-1]]
    assert last == [float(array[-1]) for array in result.columns().values()]
    assert all(type(cell) is str for row in frame.data for cell in row)
    scored = run(project, (rows, NAMES), include_scores=True).entities()["dataframe"]
    assert scored.attributeNames == [*COLUMNS, "score"]
    assert scored.attributeTypes == ["C", "B", "C", "C", "C", "B", "C"]
    assert scored.data[0][-1] == "NaN"
    assert [float(row[-1]) for row in scored.data[1:50]] == result.score[1:50].tolist()


def test_too_few_rows_for_the_warm_up(project):
    context = sj.JobContext()
    X = drawn(60, seed=4)
    X[7, 2] = np.nan
    result = sj.DSPredictDataFrameJob(project, "m", (X, NAMES), evt={"evt_warmup_size": 200}).run(context)
    assert not result.evt.any()
    assert np.isnan(result.threshold).all()
    assert (result.n_warmup, result.n_remaining) == (59, 141)
    assert context.details["rowsWarmup"] == "59"
    assert context.details["remaining"] == "141"
    assert context.details["rowsMissing"] == "1"
    assert "141 more rows with a score are needed" in context.details["evtReason"]
    assert "141 more rows" in repr(result)


def test_scores_that_are_all_the_same(project):
    context = sj.JobContext()
    X = np.tile(drawn(1, seed=5), (3000, 1))
    result = sj.DSPredictDataFrameJob(project, "m", (X, NAMES)).run(context)
    assert not result.evt.any()
    assert not result.res.any()
    assert context.details["evtReason"] == result.reason
    assert result.reason


def test_no_row_has_a_score(project):
    result = run(project, (np.full((2000, 3), np.nan), NAMES))
    assert result.n_missing == result.n_rows == 2000
    assert not result.evt.any()
    assert not result.res.any()
    assert (result.n_warmup, result.n_remaining) == (0, 1000)


def test_the_flag_has_its_own_parameters(project, rows):
    both = run(
        project,
        (rows, NAMES),
        evt={"evt_two_sides": True, "evt_alpha": "0.01", "evt_quantile": 0.95, "evt_warmup_size": 400},
    )
    assert both.alpha == 0.01
    assert both.settings["evt_two_sides"] == "true"
    assert both.lower is not None
    warm = ~np.isnan(both.threshold)
    assert (both.lower[warm] < both.threshold[warm]).all()
    flagged = (both.score > both.threshold) | (both.score < both.lower)
    np.testing.assert_array_equal(both.evt.astype(bool)[warm], flagged[warm])
    assert run(project, (rows, NAMES)).lower is None


def test_false_alarms_keep_to_alpha(project):
    """20 expected; the probability of a count outside 5 to 50, if the rate is kept within 1.4, is below 1e-3."""
    X = drawn(201_000, seed=6)
    X[150_000] = [20.0, -20.0, 20.0]
    result = run(project, (X, NAMES), evt={"evt_warmup_size": 5000})
    assert result.evt[150_000] == 1
    assert 5 <= result.n_flagged - 1 <= 50


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"alpha": 0}, r"alpha \(evt_alpha\) must be a number between 0 and 1, both excluded, got 0"),
        ({"alpha": 1.0}, "between 0 and 1"),
        ({"alpha": float("nan")}, "between 0 and 1"),
        ({"alpha": "0.1"}, "between 0 and 1"),
        ({"alpha": 0.01, "evt": {"evt_alpha": 0.02}}, "alpha is given twice"),
        ({"evt": {"evt_alpha": 2}}, "evt_alpha|alpha"),
        ({"evt": {"evt_alpha": "x"}}, "evt_alpha"),
        ({"evt": {"evt_quantile": 0.99995}}, "quantile"),
        ({"evt": {"evt_warmup_size": 500, "evt_window_size": 400}}, "window"),
        ({"evt": {"evt_warmupsize": 500}}, "evt_warmup_size"),
        ({"evt": 3}, "evt must be a map"),
        ({"simple_rule": "q97"}, "simple_rule must be one of q95, q98, q99, got 'q97'"),
        ({"simple_rule": None}, "simple_rule must be one of"),
    ],
)
def test_a_bad_parameter_is_named_when_the_job_is_made(project, rows, options, words):
    with pytest.raises(sj.InputError, match=words):
        sj.DSPredictDataFrameJob(project, "m", (rows, NAMES), **options)


def test_a_column_that_the_data_lacks(project, rows):
    with pytest.raises(sj.InputError, match="the data has no column 'c', which model 'm' needs"):
        sj.DSPredictDataFrameJob(project, "m", (rows[:, :2], ["a", "b"]))
    late = iter([(rows, NAMES), (rows[:, :2], ["a", "b"])])
    with pytest.raises(sj.InputError, match=r"batch 1.*has no column 'c'"):
        run(project, late)


def test_data_that_cannot_be_judged(project, rows):
    bad = rows.copy()
    bad[2000, 0] = np.inf
    with pytest.raises(sj.InputError, match="column 'a', row 2000: inf is infinite"):
        run(project, (bad, NAMES))
    with pytest.raises(sj.InputError, match="no rows"):
        run(project, (rows[:0], NAMES))
    with pytest.raises(sj.InputError, match="no rows"):
        run(project, iter([]))
    with pytest.raises(sj.InputError, match="cannot learn from int"):
        sj.DSPredictDataFrameJob(project, "m", 3)


def test_a_model_that_is_not_there_or_has_no_score(project, rows, monkeypatch):
    with pytest.raises(sj.NoSuchModel, match="Error no such model <nothing>"):
        sj.DSPredictDataFrameJob(project, "nothing", (rows, NAMES))
    with pytest.raises(sj.InputError, match=r"model \(modelid\) must be a text that is not empty, got 3"):
        sj.DSPredictDataFrameJob(project, 3, (rows, NAMES))
    with pytest.raises(sj.InputError, match="DSPredictDataFrameJob takes a Project, got tuple; learn a table first"):
        sj.DSPredictDataFrameJob((rows, NAMES), "m", (rows, NAMES))
    monkeypatch.setattr(type(project.snapshot().model("k").model), "score", None)
    with pytest.raises(sj.InputError, match="model 'k' is of the type kmeans, which has no anomaly score"):
        sj.DSPredictDataFrameJob(project, "k", (rows, NAMES))


def test_a_single_row_and_a_huge_scale(project):
    assert run(project, (drawn(1), NAMES)).entities()["dataframe"].data == [["0", "0", "NaN", "NaN", "NaN", "0"]]
    for scale in (1e-12, 1e12):
        scaled = sj.Project("s").learn((drawn(3000) * scale, NAMES))
        scaled.build("m", "oospca")
        result = run(scaled, (drawn(3000, seed=1) * scale, NAMES), alpha=1e-2)
        plain = run(project, (drawn(3000, seed=1), NAMES), alpha=1e-2)
        assert abs(result.n_flagged - plain.n_flagged) <= 10


def test_a_missing_package_is_named_when_the_job_is_made(project, rows, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasketches", None)

    def make():
        return sj.DSPredictDataFrameJob(project, "m", (rows, NAMES))

    with pytest.raises(sj.MissingDependency, match=r"DSPredictDataFrameJob needs .*symjobs\[histogram\]"):
        make()
    with sj.JobManager(show_errors=True) as manager:
        response = sj.rest.create_job(manager, "c1", make)
    assert (response.status, "datasketches" in response.body["statusString"]) == (500, True)


def test_an_empty_text_is_no_parameter(project, rows):
    evt = {"evt_alpha": "", "evt_quantile": " ", "evt_warmup_size": "", "evt_two_sides": ""}
    job = sj.DSPredictDataFrameJob(project, "m", (rows, NAMES), alpha=0.01, evt=evt)
    assert job.parameters == sj.DSPredictDataFrameJob(project, "m", (rows, NAMES), alpha=0.01).parameters


def test_a_table_without_rows_is_refused_when_the_job_is_made(project, rows):
    for data in ((rows[:0], NAMES), pd.DataFrame(rows[:0], columns=NAMES)):
        with pytest.raises(sj.InputError, match="the data has no rows"):
            sj.DSPredictDataFrameJob(project, "m", data)


def test_what_the_model_does_not_look_at_is_told():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(500, 2)), np.full(500, 5.0)])
    project = sj.Project("p").learn((X, ["a", "b", "c"]))
    project.build("m", "mahalanobis")
    context = sj.JobContext()
    sj.DSPredictDataFrameJob(project, "m", (X, ["a", "b", "c"])).run(context)
    assert context.details["inputsLeftOut"] == "c: constant or without values"


@pytest.mark.parametrize("name", ["include_scores", "impute"])
def test_switches_are_true_or_false(name):
    project = sj.Project("p").learn((np.eye(4), list("abcd")))
    project.build("m", "mahalanobis")
    with pytest.raises(sj.InputError, match=f"{name} must be true or false, got 'no'"):
        sj.DSPredictDataFrameJob(project, "m", (np.eye(4), list("abcd")), **{name: "no"})
