"""symjobs run anomaly: from a file to flagged rows, why there are none, and a picture."""

from __future__ import annotations

import json
import sys

import numpy as np
import pandas as pd
import pytest

import symjobs as sj
from tests.symjobs.cli._main import exit_code


@pytest.fixture
def run(capfd):
    def call(*arguments):
        code = exit_code(("run", "anomaly", *arguments))
        return code, *capfd.readouterr()

    return call


@pytest.fixture(scope="module")
def rows():
    """Three inputs that go together, and two rows that are far away."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(3000, 1)) + 0.3 * rng.normal(size=(3000, 3))
    X[2500:2502] = 30.0
    return pd.DataFrame(X, columns=["a", "b", "c"]).assign(kind="x")


@pytest.fixture
def file(rows, tmp_path):
    path = tmp_path / "rows.csv"
    rows.to_csv(path, index=False)
    return path


def answer(rows, algo, **keywords):
    project = sj.Project("rows", histogram=algo in ("hba", "ecod"), params={"types": {"kind": "T"}}).learn(rows)
    project.build(algo, algo, ["a", "b", "c"])
    with sj.JobManager(store=None) as manager:
        handle = manager.submit(sj.DSPredictDataFrameJob(project, algo, rows, **keywords), owner="me")
        handle.result(timeout=60)
        return sj.rest.get_job(manager, "me", handle.id).json.decode()


def test_flagged_rows_come_with_what_is_unusual_in_them(run, file, tmp_path):
    picture = tmp_path / "scores.png"
    code, out, err = run(file, "--alpha", "1e-3", "--plot", picture)
    assert code == 0
    assert "rows: anomalies by oospca" in out
    assert "of 3000 rows flagged at alpha 0.001" in out
    table = out.partition("flagged rows\n")[2]
    numbers = [line.split()[0] for line in table.splitlines() if line.split() and line.split()[0].isdigit()]
    assert set(numbers[:2]) == {"2500", "2501"}
    assert "30 (+" in table
    assert err.endswith(f"picture: {picture}\n")
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("algo", ["oospca", "mahalanobis", "hba", "ecod"])
def test_json_is_what_a_client_of_the_job_resource_gets(run, file, rows, algo):
    code, out, _ = run(
        file, "--model", algo, "--alpha", "1e-3", "--warmup", "500", "--scores", "--rule", "q95", "--json"
    )
    assert code == 0
    ours = json.loads(out)["values"]["dataframe"]
    theirs = json.loads(
        answer(rows, algo, alpha=1e-3, evt={"evt_warmup_size": 500}, simple_rule="q95", include_scores=True)
    )["values"]["dataframe"]
    assert ours["attributeNames"] == ["id", "res", "q95", "q98", "q99", "evt", "score"]
    flags = [[row[0], row[1], row[5]] for row in ours["data"]]
    assert flags == [[row[0], row[1], row[5]] for row in theirs["data"]]
    scores = [[float(row[6]) for row in frame["data"]] for frame in (ours, theirs)]
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-9)  # the file is learnt in other batches


def test_too_few_rows_say_how_many_are_missing(run):
    code, out, _ = run("iris")
    assert code == 0
    assert "no row flagged: the warm-up takes 1000 scores" in out
    assert "850 more rows with a score are needed, or a shorter warm-up (--warmup)" in out


def test_two_sides_missing_inputs_and_a_filter(run, rows, tmp_path):
    path = tmp_path / "holes.csv"
    rows.assign(a=rows["a"].mask(np.arange(3000) % 100 == 5)).to_csv(path, index=False)
    code, out, err = run(path, "--two-sides", "--filter", "b<5", "--param", "explainedCovariance=0.9")
    assert code == 0
    assert "learnt 2998 rows" in err
    lines = {" ".join(words[:-1]): words[-1] for line in out.splitlines() if (words := line.split())}
    assert (lines["rows"], lines["rows without a score"]) == ("3000", "30")
    assert "lower threshold at the end" in lines
    _, out, _ = run(path, "--impute")
    lines = {" ".join(words[:-1]): words[-1] for line in out.splitlines() if (words := line.split())}
    assert lines["rows without a score"] == "0"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["iris", "--alpha", "0"], "alpha"),
        (["iris", "--alpha", "nan"], "argument --alpha: must be a number between 0 and 1, both excluded, got 'nan'"),
        (["iris", "--alpha", "0.05"], "lower --quantile or --alpha"),
        (["iris", "--window", "10"], "--window 10 is smaller than --warmup 1000"),
        (["iris", "--warmup", "10"], "the options do not go together: a warm-up of 10 leaves no value"),
        (["iris", "--max-excesses", "9"], "argument --max-excesses: must be a whole number of at least 10"),
        (["iris", "--warmup", "0"], "argument --warmup: must be a whole number of at least 1"),
        (["iris", "--param", "colour=red"], "colour"),
        (["iris", "--inputs", "petal_widht"], "petal_widht"),
        (["iris", "--targets", "species"], "--targets is for explore, not for anomaly"),
        (["iris", "--k", "3"], "--k is for kmeans, not for anomaly"),
        (["iris", "--explained", "0.9"], "--explained is for pca, not for anomaly"),
        (["iris", "--metric", "euclidean"], "--metric is for explore, kmeans, not for anomaly"),
        (["nowhere.csv"], "no such file: nowhere.csv"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(run, arguments, words):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    line = err.splitlines()[-1]
    assert line.startswith("symjobs: ")
    assert words in line


def test_a_missing_package_is_told_before_the_file_is_read(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasketches", None)
    code, out, err = run("nowhere.csv")
    assert (code, out) == (2, "")
    assert "datasketches" in err
    assert "pip install 'symjobs[histogram]'" in err


@pytest.mark.parametrize(
    ("option", "value"), [("--alpha", "0.1"), ("--model", "ecod"), ("--two-sides", None), ("--scores", None)]
)
def test_options_of_anomaly_are_refused_elsewhere(capsys, option, value):
    assert exit_code(["run", "pca", "iris", option, *([value] if value else [])]) == 2
    assert capsys.readouterr().err.startswith(f"symjobs: {option} is for anomaly, not for pca; ")


def test_rows_of_the_warm_up_that_would_be_flagged_now_are_counted(run, tmp_path):
    values = np.random.default_rng(3).normal(size=(3000, 2))
    values[10] = 30.0
    path = tmp_path / "early.csv"
    np.savetxt(path, values, delimiter=",", header="a,b", comments="")
    code, out, err = run(str(path), "--model", "mahalanobis")
    assert code == 0
    line = next(line for line in out.splitlines() if "of these above the threshold at the end" in line)
    assert int(line.split()[-1]) >= 1
    assert "mahalanobis of 2 inputs: 'a', 'b'" in err
