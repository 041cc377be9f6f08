"""What the command line says beside its answer: what was learnt, how jobs ended, and what to do about bad data."""

from __future__ import annotations

import pytest

import symjobs as sj
from symjobs._cli import _watch, main
from symjobs._cli._learn import learnt_line


@pytest.fixture
def run(capfd):
    def call(*arguments):
        code = main([str(argument) for argument in arguments])
        return code, *capfd.readouterr()

    return call


def test_what_was_learnt_is_said_with_the_remedy_for_text(run, tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("a,b,city,signup\n" + "".join(f"{i},{i * i},Bern,2020-01-0{i}\n" for i in range(1, 6)))
    code, out, err = run("run", "svd", path, "--json")
    assert code == 0
    assert out.startswith('{"statusCode"')
    hint, line = err.splitlines()
    assert hint.startswith(
        "'signup', with values such as '2020-01-01', looks like dates; dates=['signup'] (--dates sig"
    )
    assert line == "learnt 5 rows, 2 columns; not learnt (text): city, signup (--types city=T makes a category)"
    assert run("run", "svd", path, "--json", "--types", "city=T,signup=X")[2] == "learnt 5 rows, 3 columns\n"


def test_many_columns_of_text_are_counted():
    row = {f"t{i}": "word" for i in range(12)}
    project = sj.Project("p").learn(sj.DataFrame([*row, "x"], ["S"] * 12 + ["C"], [[*row.values(), 1.5]]))
    assert learnt_line(project) == (
        "learnt 1 row, 1 column; not learnt (text): t0, t1, t2, t3, t4, t5, t6, t7 and 4 more "
        "(--types t0=T makes a category)"
    )


def test_an_undeclared_text_column_is_refused_with_the_remedy(run, tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("a,city\n1,x\n3,y\n")
    code, _, err = run("run", "pca", path, "--inputs", "a,city")
    assert code == 2
    assert "declare it a category: types={'city': 'T'} or --types city=T" in err


def test_a_constant_column_names_the_option(run, tmp_path):
    path = tmp_path / "constant.csv"
    path.write_text("a,b\n1,2\n1,3\n")
    code, _, err = run("run", "pca", path, "--inputs", "a,b")
    assert code == 1
    assert "--covariance" in err
    code, _, err = run("run", "pca", path)
    assert code == 0
    assert "left out: 'a': constant" in err


def _ended(lines=True):
    constant = sj.Project("c").learn(sj.DataFrame(["a", "b"], ["C", "C"], [[1.5, 2.0], [1.5, 3.0]]))
    with sj.JobManager(store=None) as manager:
        handles = [manager.submit(make(constant, ["a", "b"]), owner="me") for make in (sj.PCAJob, sj.SVDJob)]
        _watch.wait(handles, lambda handle: "it", lines=lines)
        return [_watch.state(handle) for handle in handles]


def test_a_failed_job_does_not_look_finished(capfd):
    (word, error), second = _ended()
    assert (word, second) == ("failed", ("finished", ""))
    assert "'a'" in error
    failed, finished = sorted(line for line in capfd.readouterr().err.splitlines() if "running" not in line)
    assert failed.startswith("  job   1 it: failed, ")
    assert failed.endswith(error)
    assert finished.startswith("  job   2 it: finished, ")


def test_nor_in_the_bars(monkeypatch, capfd):
    monkeypatch.setattr(_watch, "on_terminal", lambda: True)
    _ended(lines=False)
    err = capfd.readouterr().err
    assert "failed" in err
    assert "finished" in err
