"""symjobs run: the JSON of the job resource, a readable table, a picture, and an exit code that tells what happened."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import symjobs as sj
from tests.symjobs.cli._main import exit_code

LENGTHS = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


@pytest.fixture
def run(capfd):
    """Run the command line; gives (exit code, standard output, standard error without the line of what was learnt)."""

    def call(*arguments):
        code = exit_code(arguments)
        out, err = capfd.readouterr()
        return code, out, re.sub(r"\Alearnt .*\n", "", err)

    return call


@pytest.fixture(scope="module")
def iris():
    frame = sj.datasets.load_iris()
    table = pd.DataFrame(frame.data, columns=frame.attributeNames)
    return table.astype(dict.fromkeys(LENGTHS, float))


@pytest.fixture
def iris_file(iris, tmp_path):
    path = tmp_path / "flowers.csv"
    iris.to_csv(path, index=False, sep=";")
    return path


def _response(make_job):
    """What a client of the job resource gets for a job on the shipped iris data."""
    project = sj.Project("iris", params={"missing": "pairwise", "types": {}})
    project.learn(sj.datasets.open("iris"))
    with sj.JobManager(store=None) as manager:
        handle = manager.submit(make_job(project), owner="me")
        handle.result(timeout=60)
        return sj.rest.get_job(manager, "me", handle.id).json.decode()


@pytest.mark.parametrize(
    ("arguments", "make_job"),
    [
        (["pca"], lambda project: sj.PCAJob(project)),
        (
            ["pca", "--covariance", "--explained", ".95", "--components", "3", "--inputs", "0,1,petal_width"],
            lambda project: sj.PCAJob(project, ["0", "1", "petal_width"], 0.95, 3, True),
        ),
        (["svd"], lambda project: sj.SVDJob(project)),
        (
            ["vif", "--inputs", "petal_width,petal_length"],
            lambda p: sj.ExploreVIFJob(p, ["petal_width", "petal_length"]),
        ),
        (["select", "--inputs", "species"], lambda project: sj.SVDFeatureSelectionJob(project, ["species"])),
    ],
)
def test_json_is_what_a_client_of_the_job_resource_gets(run, arguments, make_job):
    question, *options = arguments
    code, out, err = run("run", question, "iris", "--json", *options)
    assert (code, err) == (0, "")
    assert out == _response(make_job) + "\n"


def test_explore_as_json(run, iris):
    code, out, _ = run(
        *["run", "explore", "iris", "--json", "--metric", "ttest", "--inputs", "sepal_length,petal_length"],
        *["--inputs", "petal_width,species$setosa,species$virginica"],
    )
    first, second = json.loads(out)["values"]["KSVDMap"]["values"]
    assert code == 0
    t, p = stats.ttest_ind(iris.sepal_length, iris.petal_length)
    assert (first["t"], first["tp"]) == pytest.approx((t, p), rel=1e-9)
    groups = [iris.petal_width[iris.species == name] for name in ("setosa", "virginica")]
    t, p = stats.ttest_ind(*groups)
    assert second["t"] == pytest.approx(t, rel=1e-9)


def test_uni_describes_every_attribute_and_takes_parameters(run, iris):
    code, out, _ = run("run", "explore", "iris", "--json", "--param", "unbiased=true")
    maps = json.loads(out)["values"]["KSVDMap"]["values"]
    assert code == 0
    assert len(maps) == 7
    assert maps[0]["variance"] == pytest.approx(iris.sepal_length.var(ddof=1), rel=1e-12)


def test_targets_are_shared_or_one_for_each_inputs(run):
    species = "species$setosa,species$versicolor,species$virginica"
    base = ["run", "explore", "iris", "--json", "--metric", "anova"]
    code, out, _ = run(*base, "--inputs", "petal_width", "--inputs", "sepal_width", "--targets", species)
    first, second = json.loads(out)["values"]["KSVDMap"]["values"]
    assert code == 0
    assert first["F"] == pytest.approx(960.007, abs=1e-3)
    assert second["F"] == pytest.approx(49.16, abs=1e-3)
    code, _, err = run(*base, *["--inputs", "petal_width"] * 3, "--targets", species, "--targets", species)
    assert code == 2
    assert "--targets came 2 times and --inputs 3 times" in err


def test_a_file_with_its_own_separator_types_and_filter(run, iris, iris_file):
    code, out, _ = run(
        "run", "pca", iris_file, "--json", "--separator", ";", "--types", "species=T", "--covariance",
        "--filter", "petal_width>=0.2;species!=virginica", "--memory-budget", "8MiB",
    )  # fmt: skip
    kept = iris[(iris.petal_width >= 0.2) & (iris.species != "virginica")][LENGTHS].to_numpy()
    expected = np.linalg.eigvalsh(np.cov(kept.T, ddof=0))[::-1]
    values = [float(text) for text in json.loads(out)["values"]["pcaValues"]["data"][0]]
    assert code == 0
    np.testing.assert_allclose(values, expected, rtol=1e-10)


def test_a_file_without_a_header(run, tmp_path):
    path = tmp_path / "bare.csv"
    path.write_text("1,2\n2,1\n3,5\n")
    code, out, _ = run("run", "vif", path, "--no-header", "--json")
    assert code == 0
    assert list(json.loads(out)["values"]["KSVSMap"]["values"][0]) == ["x1", "x2"]


def test_a_parquet_file_gives_the_same_answer(run, iris, tmp_path):
    path = tmp_path / "iris.parquet"
    iris.to_parquet(path)
    code, out, _ = run("run", "vif", path, "--types", "species=T", "--json")
    assert code == 0
    assert json.loads(out) == json.loads(run("run", "vif", "iris", "--json")[1])


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("pca", ["PCA of the correlation matrix", "eigenvalues", "72.96%", "eigenvectors", "petal_width", "PC4"]),
        ("svd", ["singular values", "rank 4 of 4, condition 177.4", "s1", "4.20005", "92.46%"]),
        ("vif", ["variance inflation factors", "31.2615", "petal_length"]),
        ("select", ["selection", "verdict", "kept"]),
        ("explore", ["statistics", "skewness", "species$setosa", "0.825301"]),
    ],
)
def test_tables_are_readable(run, question, words):
    code, out, err = run("run", question, "iris")
    assert (code, err) == (0, "")
    for word in words:
        assert word in out


def test_undefined_and_infinite_values_are_words(run, tmp_path):
    path = tmp_path / "odd.csv"
    path.write_text("a,b,c,d\n1,2,5,3\n2,4,5,1\n3,6,5,4\n4,8,5,1\n")
    _, out, _ = run("run", "vif", path)
    assert [line.split() for line in out.splitlines() if line.split()[:1] in (["a"], ["c"])] == [
        ["a", "Infinity"],
        ["c", "NaN"],
    ]
    _, out, _ = run("run", "explore", path, "--inputs", "c")
    assert "undefined" in out  # the skewness of a constant


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pca", "nowhere.csv"], "no such file: nowhere.csv; shipped data sets are iris, longley, breast_cancer"),
        (["pca", "iris", "--inputs", "petal_widht"], "'petal_widht'; did you mean 'petal_width'"),
        (["pca", "iris", "--inputs", "petal_width,petal_width"], "'petal_width' is named twice"),
        (["pca", "iris", "--explained", "2"], "argument --explained: must be a number from 0 to 1, got '2'"),
        (["vif", "iris", "--targets", "species"], "--targets is for explore, not for vif"),
        (["explore", "iris", "--metric", "bi"], "--metric bi needs --inputs, once for each test"),
        (["explore", "iris", "--param", "unbiased"], "--param: 'unbiased' is not of the form name=value"),
        (["pca", "iris", "--filter", "petal_width~1"], "row filter"),
        (["pca", "iris", "--plot", "picture.gif"], "must end with one of .png, .svg, .pdf"),
        (["pca", "iris", "--plot", "nowhere/picture.png"], "there is no folder nowhere"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(run, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    code, out, err = run("run", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("symjobs: ")
    assert err.count("\n") == 1
    assert words in err


def test_a_refused_request_is_exit_code_2_with_the_response_on_request(run):
    code, out, err = run("run", "pca", "iris", "--inputs", "petal_widht", "--json")
    body = json.loads(out)
    assert (code, body["statusCode"], body["values"]) == (2, "BAD_REQUEST", {})
    assert err == f"symjobs: {body['statusString']}\n"


def test_a_bad_line_of_a_file_is_named(run, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("a,b\n1,2\n3,oops\n")
    code, _, err = run("run", "pca", path, "--types", "b=C")
    assert code == 2
    assert f"{path}, line 3, column 'b': 'oops' is not a number" in err


def test_what_the_project_refuses_comes_with_the_file(run, tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("a,b\n1,2\n0,3\n2,4\n")
    code, _, err = run("run", "pca", path, "--types", "a=B")
    assert code == 2
    assert err.startswith(f"symjobs: {path}: ")
    assert "'a'" in err
    code, _, err = run("run", "pca", path, "--filter", "a>7")
    assert code == 2
    assert err == f"symjobs: {path}: no row passes the filter 'a>7'\n"


def test_a_failed_job_is_exit_code_1_with_the_response_on_request(run, tmp_path):
    path = tmp_path / "constant.csv"
    path.write_text("a,b\n1,2\n1,3\n")
    code, out, err = run("run", "pca", path, "--json", "--inputs", "a,b")
    assert code == 1
    body = json.loads(out)
    assert body["statusCode"] == "INTERNAL_SERVER_ERROR"
    assert body["values"]["jobinfo"]["isDone"] is True
    assert "'a'" in body["statusString"]
    assert err == f"symjobs: job 1 failed: {body['statusString']}\n"


@pytest.mark.parametrize("question", ["pca", "svd", "vif", "explore", "select"])
def test_plot_draws_a_picture(run, tmp_path, question):
    path = tmp_path / "picture.png"
    code, _, err = run("run", question, "iris", "--json", "--plot", path)
    assert code == 0
    assert path.read_bytes().startswith(b"\x89PNG")
    assert err == f"picture: {path}\n"


def test_without_an_optional_package_the_extra_is_named():
    # In a process of its own, so that the package was never imported.
    block = "import sys; sys.modules['matplotlib'] = None; from symjobs._cli import main; sys.exit(main(sys.argv[1:]))"
    arguments = ["run", "pca", "iris", "--plot", "p.png"]
    done = subprocess.run([sys.executable, "-c", block, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'symjobs[plot]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_json_and_doctor_do_not_load_rich():
    block = "import sys; sys.modules['rich'] = None; from symjobs._cli import main; sys.exit(main(sys.argv[1:]))"
    for arguments in (["run", "svd", "iris", "--json"], ["doctor"]):
        done = subprocess.run([sys.executable, "-c", block, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0
        assert re.fullmatch(r"(learnt 150 rows, 5 columns\n)?", done.stderr)
