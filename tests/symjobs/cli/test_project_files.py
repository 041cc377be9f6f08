"""symjobs learn, show and merge, and symjobs run --project: learn once, ask later."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

import symjobs as sj
from symjobs._cli import main


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    X = np.random.default_rng(0).normal(size=(300, 3)) @ [[1, 0.5, 0], [0, 1, 0.2], [0, 0, 1]]
    for name, rows in (("all", X), ("1", X[:100]), ("2", X[100:])):
        text = "a,b,c,t\n" + "".join(
            ",".join(map(repr, row)) + f",{'xy'[i % 2]}\n" for i, row in enumerate(rows.tolist())
        )
        (tmp_path / f"{name}.csv").write_text(text)
    return tmp_path


def _answer(capfd, *arguments):
    assert main([*map(str, arguments)]) == 0
    return capfd.readouterr().out


def test_learn_once_and_ask_later(files, capfd):
    assert main(["learn", "1.csv", "--project", "p.symjobs", "--types", "t=T"]) == 0
    assert capfd.readouterr().err == "learnt 100 rows; p.symjobs: 100 rows, 4 columns\n"
    assert main(["learn", "2.csv", "--project", "p.symjobs"]) == 0
    assert capfd.readouterr().err.splitlines()[-1] == "learnt 200 rows; p.symjobs: 300 rows, 4 columns"
    for question in ("pca", "vif", "svd"):
        later = json.loads(_answer(capfd, "run", question, "--project", "p.symjobs", "--inputs", "a,b,c", "--json"))
        now = json.loads(_answer(capfd, "run", question, "all.csv", "--types", "t=T", "--inputs", "a,b,c", "--json"))
        assert later["statusString"] == now["statusString"] == "Job is finished"
        for key, value in later["values"].items():
            np.testing.assert_allclose(_numbers(value), _numbers(now["values"][key]), rtol=1e-9, atol=1e-12)  # two sums


def _numbers(value):
    if isinstance(value, dict):
        return [number for one in value.values() for number in _numbers(one)]
    if isinstance(value, list):
        return [number for one in value for number in _numbers(one)]
    try:
        return [float(value)]
    except (TypeError, ValueError):
        return []


def test_several_files_are_learnt_all_or_none(files, capfd):
    (files / "bad.csv").write_text("a,b,c,t\n1,2,3,x\n1,2,many,y\n")
    assert main(["learn", "1.csv", "bad.csv", "--project", "p.symjobs"]) == 2
    assert "bad.csv, line 3, column 'c': 'many' is not a number" in capfd.readouterr().err
    assert not (files / "p.symjobs").exists()
    assert main(["learn", "1.csv", "2.csv", "--project", "p.symjobs"]) == 0
    before = (files / "p.symjobs").read_bytes()
    assert main(["learn", "1.csv", "bad.csv", "--project", "p.symjobs"]) == 2
    assert (files / "p.symjobs").read_bytes() == before
    assert main(["learn", "bad.csv", "--project", "p.symjobs", "--errors", "missing"]) == 0
    assert (
        "column 'c': missing instead of values that do not fit: 1 (the first in line 3: 'many')"
        in capfd.readouterr().err
    )


@pytest.mark.parametrize("data", [["1.csv", "empty.csv", "2.csv"], ["empty.csv", "1.csv", "2.csv"], ["[12e]*.csv"]])
def test_files_without_rows_are_passed_over(files, capfd, data):
    (files / "empty.csv").write_text("a,b,c,t\n")
    (files / "p.symjobs").unlink(missing_ok=True)
    assert main(["learn", *data, "--project", "p.symjobs"]) == 0
    assert "empty.csv has a header and no rows below it; it is passed over\n" in capfd.readouterr().err
    assert sj.Project.load("p.symjobs").n_rows == 300
    for alone in (["empty.csv"], ["empty.csv", "empty.csv"]):
        assert main(["learn", *alone, "--project", "p.symjobs"]) == 2
        assert "symjobs: empty.csv has a header and no rows below it\n" in capfd.readouterr().err


def test_forget(files, capfd):
    assert main(["learn", "all.csv", "--project", "p.symjobs", "--types", "t=T"]) == 0
    assert main(["learn", "2.csv", "--project", "p.symjobs", "--forget"]) == 0
    assert "forgot 200 rows; p.symjobs: 100 rows" in capfd.readouterr().err
    assert sj.Project.load("p.symjobs").n_rows == 100
    assert main(["learn", "2.csv", "--project", "none.symjobs", "--forget"]) == 2
    assert "no such file: none.symjobs; there is nothing to forget" in capfd.readouterr().err


def test_show(files, capfd):
    main(["learn", "1.csv", "--project", "p.symjobs"])
    project = sj.Project.load("p.symjobs")
    project.build("usual", "mahalanobis")
    project.save("p.symjobs")
    capfd.readouterr()
    out = _answer(capfd, "show", "p.symjobs")
    assert out.startswith("p: 100 rows\n")
    for words in ("attributes", "columns that are not learnt", "models", "usual", "stddev"):
        assert words in out
    info = json.loads(_answer(capfd, "show", "p.symjobs", "--json"))
    assert info["pid"] == "p"
    assert info["attributeNames"] == ["a", "b", "c"]


def test_merge(files, capfd):
    for name in ("1", "2", "all"):
        main(["learn", f"{name}.csv", "--project", f"{name}.symjobs"])
    capfd.readouterr()
    assert main(["merge", "1.symjobs", "2.symjobs", "--out", "sum.symjobs"]) == 0
    assert (
        capfd.readouterr().err
        == "sum.symjobs: 300 rows, 3 columns; not learnt (text): t (--types t=T makes a category)\n"
    )
    merged, right = (sj.Project.load(f"{name}.symjobs").snapshot() for name in ("sum", "all"))
    np.testing.assert_allclose(
        merged.moments.covariance(), right.moments.covariance(), rtol=1e-12
    )  # rows in other sums
    assert merged.name == "sum"
    assert sj.Project.load("1.symjobs").n_rows == 100
    assert main(["merge", "1.symjobs", "--out", "x.symjobs"]) == 2
    assert "adds up two projects or more" in capfd.readouterr().err
    (files / "bad.symjobs").write_text("no project")
    assert main(["merge", "1.symjobs", "bad.symjobs", "--out", "x.symjobs"]) == 2
    assert not (files / "x.symjobs").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "pca"], "symjobs run pca needs data, or a project: symjobs run pca DATA, or"),
        (
            ["run", "pca", "1.csv", "--project", "p.symjobs"],
            "symjobs run pca: there are data, 1.csv, and a project, p.symjobs; leave one of them out",
        ),
        (["run", "kmeans", "--project", "p.symjobs"], "kmeans needs the rows; give the data instead of --project"),
        (["run", "anomaly", "--project", "p.symjobs"], "anomaly needs the rows"),
        (
            ["run", "pca", "--project", "p.symjobs", "--filter", "a>0"],
            "--filter is for data; a project has learnt its rows",
        ),
        (["run", "pca", "--project", "none.symjobs"], "no such file: none.symjobs; symjobs learn DATA --project"),
        (["run", "pca", "--project", "1.csv"], "1.csv"),
        (["show", "none.symjobs"], "no such file: none.symjobs"),
        (["show", "."], ". cannot be read: "),
        (["merge", "p.symjobs", "none.symjobs", "--out", "x.symjobs"], "no such file: none.symjobs"),
        (["learn", "none.csv", "--project", "p.symjobs"], "no such file: none.csv; shipped data sets are"),
        (["learn", "1.csv", "--project", "no/folder/p.symjobs"], "no such folder: "),
        (
            ["learn", "1.csv", "--project", "p.symjobs", "--histogram"],
            "p.symjobs is there already; --param, --histogram",
        ),
        (["learn", "1.csv", "--project", "q.symjobs", "--param", "rolling_window=x"], "rolling_window"),
    ],
)
def test_what_goes_wrong_is_one_line(files, capfd, arguments, words):
    main(["learn", "1.csv", "--project", "p.symjobs"])
    before = (files / "p.symjobs").read_bytes()
    capfd.readouterr()
    assert main(arguments) == 2
    err = capfd.readouterr().err
    assert words in err
    assert err.startswith("symjobs: ")
    assert err.count("\n") == 1
    assert (files / "p.symjobs").read_bytes() == before


def test_two_processes_that_learn_into_one_file_lose_no_row(files):
    command = [sys.executable, "-m", "symjobs", "learn", "1.csv", "--project", "p.symjobs"]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    for process in running:
        assert process.communicate(timeout=120)[1].startswith(b"'t'") or process.returncode == 0
        assert process.returncode == 0
    assert sj.Project.load("p.symjobs").n_rows == 400


def test_parameters_of_a_new_project(files, capfd):
    arguments = ["learn", "1.csv", "--project", "p.symjobs", "--param", "exact=true", "--param", "rolling_window=50"]
    assert main([*arguments, "--missing", "listwise"]) == 0
    project = sj.Project.load("p.symjobs")
    assert project.n_rows == 50
    assert project.params["exact"] == "true"
