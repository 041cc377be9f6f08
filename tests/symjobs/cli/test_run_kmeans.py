"""symjobs run kmeans: from a file to a table of k, a suggested one, and a picture of it."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import symjobs as sj
from symjobs._cli import main
from tests.symjobs.cli._main import exit_code

PROGRAM = [sys.executable, "-c", "import sys; from symjobs._cli import main; sys.exit(main())"]
LENGTHS = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


@pytest.fixture
def run(capfd):
    def call(*arguments):
        code = exit_code(("run", "kmeans", *arguments))
        return code, *capfd.readouterr()

    return call


@pytest.fixture(scope="module")
def blobs():
    """Three groups in the plane, of which the second column is in small units."""
    rng = np.random.default_rng(5)
    middles = np.repeat([[0.0, 0.0], [20.0, 0.0], [0.0, 20.0]], 100, axis=0)
    X = middles + rng.normal(size=(300, 2))
    return pd.DataFrame({"x": X[:, 0], "y": X[:, 1] / 1000, "word": "w", "size": np.arange(300) % 7})


@pytest.fixture
def blobs_file(blobs, tmp_path):
    path = tmp_path / "blobs.csv"
    blobs.to_csv(path, index=False)
    return path


def response(job):
    with sj.JobManager(store=None) as manager:
        handle = manager.submit(job, owner="me")
        handle.result(timeout=60)
        return sj.rest.get_job(manager, "me", handle.id).json.decode()


def lines(out):
    """The rows of the first table, by their k."""
    return {words[0]: words for line in out.splitlines() if (words := line.split()) and words[0].isdigit()}


# --- the answer -------------------------------------------------------------------------------------------------------


def test_a_table_says_which_k_and_why(tmp_path):
    """As a person would call it."""
    picture = tmp_path / "elbow.png"
    command = [*PROGRAM, "run", "kmeans", "iris", "--k", "2..6", "--n-init", "50", "--plot", str(picture)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "k = 2 has the largest silhouette, 0.681; the curve of WSSSE bends most at k = 3 (Kneedle)" in done.stdout
    table = done.stdout.partition("centers")[0]
    header = next(line.split() for line in table.splitlines() if "iterations" in line)
    assert header == ["k", "WSSSE", "silhouette", "seconds", "iterations", "note"]
    rows = lines(table)
    assert [rows[k][1] for k in "23456"] == ["152.348", "78.8514", "57.2285", "46.4462", "39.04"]
    assert rows["2"][5:] == ["suggested:", "largest", "silhouette"]
    assert rows["3"][5:] == ["elbow"]
    assert rows["4"][5:] == []
    assert done.stderr == f"read 150 rows, 4 columns; not used: 'species'\npicture: {picture}\n"
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_centers_of_the_suggested_k_follow(run):
    _, out, _ = run("iris", "--k", "2..3")
    centers = out.partition("centers\n")[2]
    assert all(name in centers for name in ["cluster", "rows", *LENGTHS])
    assert sorted(int(row[1]) for row in lines(centers).values()) == [53, 97]


def test_json_is_what_a_client_of_the_job_resource_gets(run):
    code, out, err = run("iris", "--k", "2..4", "--seed", "3", "--n-init", "2", "--max-iterations", "50", "--json")
    assert "suggested: k = 2 has the largest silhouette" in err
    job = sj.OptimizedKmeansJob(sj.datasets.load_iris(), 2, 4, n_init=2, max_iterations=50, seed=3)
    assert code == 0
    assert out == response(job) + "\n"


def test_the_range_may_be_one_number_and_has_a_default(run):
    assert list(lines(run("iris", "--k", "3", "--n-init", "1")[1].partition("centers")[0])) == ["3"]
    keys = json.loads(run("iris", "--n-init", "1", "--json")[1])["values"]["KSVSMap"]["values"][0]
    assert [key for key in keys if key.endswith("_wssse")] == [f"kmeans_{k}_wssse" for k in range(2, 11)]


def test_scale_metric_and_inputs(run, blobs_file, blobs):
    code, out, _ = run(
        blobs_file, "--k", "2..4", "--inputs", "x,y", "--scale", "standard", "--metric", "sqeuclidean", "--json"
    )
    job = sj.OptimizedKmeansJob(blobs[["x", "y"]], 2, 4, scale="standard", metric="sqeuclidean", seed=0)
    assert code == 0
    ours, theirs = json.loads(out), json.loads(response(job))
    assert ours == theirs
    code, out, _ = run(blobs_file, "--k", "2..4", "--inputs", "x,y", "--scale", "standard")
    assert "k = 3 has the largest silhouette" in out
    assert "every column divided by its standard deviation" in out


def test_an_impossible_k_says_why(run, tmp_path):
    path = tmp_path / "few.csv"
    path.write_text("a,b\n1,2\n1,2\n4,5\n")
    code, out, _ = run(path, "--k", "1..3")
    rows = lines(out.partition("centers")[0])
    assert code == 0
    assert rows["3"][1:3] == ["undefined", "undefined"]
    assert "more than the 2 distinct rows" in " ".join(rows["3"])
    assert "one cluster has no silhouette" in " ".join(rows["1"])


def test_a_start_that_the_limit_stopped_is_marked(run):
    _, out, _ = run("iris", "--k", "5", "--n-init", "1", "--max-iterations", "1")
    assert "--max-iterations" in out


# --- the rows ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reader", ["csv", "parquet"])
def test_a_file_in_many_batches_gives_the_answer_of_its_table(run, tmp_path, reader):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(20_000, 3)), columns=list("abc")).astype(np.float32)
    frame = frame.astype(np.float64).round(4)
    path = tmp_path / f"data.{reader}"
    frame.to_csv(path, index=False) if reader == "csv" else frame.to_parquet(path, row_group_size=3000)
    code, out, err = run(
        path, "--k", "2..3", "--n-init", "1", "--metric", "sqeuclidean", "--memory-budget", "1MiB", "--json"
    )
    assert (code, err.partition("suggested: ")[0]) == (0, "read 20000 rows, 3 columns\n")
    job = sj.OptimizedKmeansJob(frame, 2, 3, n_init=1, metric="sqeuclidean", seed=0)
    assert json.loads(out) == json.loads(response(job))


def test_missing_values_types_and_a_filter(run, tmp_path):
    path = tmp_path / "holes.csv"
    path.write_text("a;b;c;kind\n1;2;?;x\n?;3;1;x\n4;5;1;y\n9;9;0;x\n8;7;1;x\n")
    base = [path, "--separator", ";", "--na", "?", "--k", "2"]
    _, _, err = run(*base, "--json")
    read = "read 3 rows, 3 columns; left out 2 rows with missing values (a: 1, c: 1); not used: 'kind'\n"
    assert err.partition("suggested: ")[0] == read
    _, _, err = run(*base, "--types", "c=X", "--filter", "kind==x;b>2", "--json")
    read = "read 2 rows, 2 columns; left out 1 row with missing values (a: 1); not used: 'kind'\n"
    assert err.partition("suggested: ")[0] == read
    code, out, err = run(*base, "--missing", "error")
    assert (code, out) == (2, "")
    assert err.startswith(f"symjobs: {path}: column 'c', row 0: nan is missing")


def test_the_array_grows_where_the_estimate_was_short(run, tmp_path):
    """The first block has few, long rows; many short ones follow."""
    path = tmp_path / "uneven.csv"
    long, short = "0." + "1" * 500, "1.5"
    with path.open("w") as file:
        file.write("a,b\n")
        file.writelines(f"{long},{i % 9}\n" for i in range(600))
        file.writelines(f"{short},{i % 9}\n" for i in range(60_000))
    code, _, err = run(
        path, "--k", "2", "--n-init", "1", "--metric", "sqeuclidean", "--memory-budget", "1MiB", "--json"
    )
    assert (code, err.splitlines()[0]) == (0, "read 60600 rows, 2 columns")


def test_what_does_not_fit_into_memory_is_refused_before_it_is_read(run, blobs_file, monkeypatch):
    monkeypatch.setattr("symjobs._jobs._kmeans_data.physical_memory", lambda: 4096)
    code, out, err = run(blobs_file, "--k", "2..4")
    assert (code, out) == (2, "")
    assert err.startswith(f"symjobs: {blobs_file}: k-means for k from 2 to 4")
    assert "--stream" in err


def test_exact_silhouettes_of_many_rows_are_warned_of(run, blobs_file, monkeypatch):
    monkeypatch.setattr("symjobs._cli.questions._kmeans._PAIRS", 100)
    exact = ("--k", "2", "--json", "--silhouette-sample", "0")
    assert "--metric sqeuclidean is far quicker" in run(blobs_file, *exact)[2]
    assert "far quicker" not in run(blobs_file, "--k", "2", "--json")[2]
    assert "far quicker" not in run(blobs_file, *exact, "--metric", "sqeuclidean")[2]


def test_silhouettes_of_a_sample_have_a_standard_error(run, blobs_file, tmp_path):
    picture = tmp_path / "k.png"
    code, out, err = run(blobs_file, "--k", "2..3", "--silhouette-sample", "40", "--plot", picture)
    assert code == 0
    assert "std. error" in out
    assert "silhouettes: of a random sample of 40 of" in err
    assert picture.read_bytes().startswith(b"\x89PNG")


# --- without the rows -------------------------------------------------------------------------------------------------


def test_stream_keeps_micro_clusters_only(run, blobs_file, blobs):
    code, out, err = run(
        blobs_file, "--k", "2..4", "--stream", "--inputs", "x,y", "--scale", "standard", "--centroids", "20"
    )
    assert code == 0
    assert "blobs: k-means by micro-clusters, every column divided by its standard deviation" in out
    assert "k = 3 has the largest silhouette" in out
    assert err == "learnt 300 rows, 2 columns; 20 micro-clusters\n"
    exact = sj.OptimizedKmeansJob(blobs[["x", "y"]], 3, 3, scale="standard", seed=0).run(sj.JobContext())
    assert float(lines(out.partition("centers")[0])["3"][1]) == pytest.approx(exact.wssse[0], rel=0.02)


def test_stream_leaves_rows_out_and_filters(run, tmp_path):
    path = tmp_path / "holes.csv"
    rows = "".join(f"{i % 7},{i % 5},{'' if i % 10 == 3 else i},{'xy'[i % 2]}\n" for i in range(400))
    path.write_text("a,b,c,kind\n" + rows)
    code, _, err = run(path, "--k", "2..3", "--stream", "--filter", "kind==y", "--json")
    assert code == 0
    assert err.startswith("learnt 200 rows, 3 columns; 100 micro-clusters; left out 40 rows with missing values\n")
    assert "\none column: " in err


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["iris", "--k", "0..3"], "k_min (kmeans_k_min) must be a whole number of at least 1, got 0"),
        (["iris", "--k", "5..2"], "must not be above k_max (kmeans_k_max), got 5 and 2"),
        (["iris", "--k", "2..1000000000000"], "lower k_max"),
        (["iris", "--n-init", "0"], "argument --n-init: must be a whole number of at least 1, got '0'"),
        (
            ["iris", "--max-iterations", "-1"],
            "argument --max-iterations: must be a whole number of at least 1, got '-1'",
        ),
        (["iris", "--inputs", "species"], "column 'species' holds text, and distances need numbers"),
        (["iris", "--inputs", "petal_widht"], "the data has no column 'petal_widht'; did you mean 'petal_width'"),
        (["iris", "--metric", "ttest"], "argument --metric: invalid choice: 'ttest' (choose from"),
        (["iris", "--targets", "species"], "--targets is for explore, not for kmeans"),
        (["iris", "--centroids", "20"], "--centroids goes with --stream"),
        (
            ["iris", "--stream", "--centroids", "0"],
            "cluster_num_centroids must be a whole number of at least 1",
        ),
        (["iris", "--filter", "petal_width>99"], "no row passes the filter 'petal_width>99'"),
        (["nowhere.csv"], "no such file: nowhere.csv"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(run, arguments, words):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("symjobs: ")
    assert err.count("\n") == 1
    assert words in err


@pytest.mark.parametrize("text", ["x", "2..", "..3", "2-5", "2..3..4", "1.5..3", ""])
def test_a_range_that_is_none(capsys, text):
    with pytest.raises(SystemExit) as caught:
        main(["run", "kmeans", "iris", "--k", text])
    assert caught.value.code == 2
    assert "is no range such as 2..12" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"),
    [("--k", "2..3"), ("--scale", "none"), ("--n-init", "3"), ("--seed", "1"), ("--max-iterations", "5")]
    + [("--stream", None), ("--centroids", "10")],
)
def test_options_of_kmeans_are_refused_elsewhere(capsys, option, value):
    assert exit_code(["run", "pca", "iris", option, *([value] if value else [])]) == 2
    assert capsys.readouterr().err.startswith(f"symjobs: {option} is for kmeans")


def test_a_bad_value_is_named_with_its_line(run, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("a,b\n1,2\n3,inf\n")
    code, _, err = run(path, "--k", "2")
    assert code == 2
    assert f"{path}, line 3, column 'b'" in err


def test_on_a_terminal_bars_show_the_reading_and_the_job():
    import os
    import pty

    parent, child = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    command = [*PROGRAM, "run", "kmeans", "iris", "--k", "2..4", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=child, env=environment) as process:
        os.close(child)
        shown = b""
        try:
            while part := os.read(parent, 65536):
                shown += part
        except OSError:  # Linux reports the end of a pseudo-terminal so
            pass
        out, _ = process.communicate(timeout=60)
    os.close(parent)
    assert process.returncode == 0
    assert out.startswith(b'{"statusCode":"OK"')
    text = shown.decode()
    assert "reading iris.csv" in text
    assert "job 1 OptimizedKmeansJob" in text
    assert "finished" in text
