"""CSV as people have it: another separator than was said, further texts that mean missing, and what is no file."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symjobs as sj
from symjobs import sources
from symjobs._cli import main
from symjobs._errors import InputError


def _write(folder, text):
    path = folder / "data.csv"
    path.write_bytes(text.encode())
    return path


def _learnt(path, **options):
    """What a project makes of a file: names, counts and means of its attributes."""
    project = sj.Project("p").learn(sources.csv(path, **options))
    snapshot = project.snapshot()
    moments = snapshot.moments
    counts = dict(zip(snapshot.names, moments.count.tolist(), strict=True))
    means = dict(zip(snapshot.names, moments.mean().tolist(), strict=True))
    return counts, means, dict(zip(snapshot.column_names, snapshot.column_types, strict=True))


@pytest.mark.parametrize(("mark", "written"), [(";", ";"), ("\t", r"\t"), ("|", "|")])
@pytest.mark.parametrize("types", [None, {"a": "C"}])
def test_another_separator_is_named(tmp_path, mark, written, types):
    path = _write(tmp_path, f"a{mark}b\n1{mark}2\n3{mark}4\n")
    with pytest.raises(InputError) as caught:
        sources.csv(path, types=types)
    assert str(caught.value).endswith(
        f"the header looks separated by '{written}': pass separator='{written}' (--separator '{written}')"
    )
    assert sources.csv(path, separator=mark).attribute_names == ("a", "b")


def test_blanks_are_another_separator_too(tmp_path):
    path = _write(tmp_path, '"mpg" "cyl"\n"Mazda RX4" 21 6\n"Fiat 128" 32.4 4\n')  # as R's write.table writes it
    with pytest.raises(InputError, match=r"looks separated by ' ': pass separator=' ' \(--separator ' '\)"):
        sources.csv(path)
    assert sources.csv(path, separator=" ").attribute_names == ("row", "mpg", "cyl")
    project = tmp_path / "p.symjobs"
    assert main(["learn", str(path), "--project", str(project), "--separator", " "]) == 0
    assert sj.Project.load(project).snapshot().names == ("mpg", "cyl")


@pytest.mark.parametrize("text", ["first name\nAnn Lee\nBo Li\n", "my x\n1\n2\n", "a b\n1 2\n1 2 3\n"])
def test_blanks_in_a_column(tmp_path, text):
    assert len(sources.csv(_write(tmp_path, text)).attribute_names) == 1


def test_a_comma_is_another_separator_too(tmp_path):
    with pytest.raises(InputError, match=r"pass separator=',' \(--separator ','\)"):
        sources.csv(_write(tmp_path, "a,b\n1,2\n"), separator=";")


def test_rows_with_more_values_than_such_a_header(tmp_path):
    path = _write(tmp_path, "a;b\n1;2\n1,5;2,5\n")
    with pytest.raises(InputError, match="looks separated by ';'"):
        sources.csv(path)
    path = _write(tmp_path, "a;b\n1\n1,5\n")
    with pytest.raises(InputError, match=r"line 3: 2 values in the row, and the header has 1 columns; .* by ';'"):
        list(sources.csv(path))


def test_one_column_may_have_any_name_and_a_declared_one_any_text(tmp_path):
    assert sources.csv(_write(tmp_path, "time;s\n1\n2\n")).attribute_names == ("time;s",)
    path = _write(tmp_path, "l|m\n|a|b\n|c\n")
    assert sources.csv(path, types={"l|m": "L"}).attribute_names == ("l|m",)


TEXTS = ["?", "-", " ?", "- ", "-999", " -999", "-999 ", "-999.0", "1", "2.5", "", "NA", " 7"]


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.sampled_from(TEXTS), st.sampled_from([*TEXTS, "x", "y ?"])), min_size=1, max_size=12),
    quoted=st.booleans(),
)
def test_missing_texts_may_have_blanks_around_them(tmp_path_factory, rows, quoted):
    rows = [("5", "x"), *rows]  # data of missing values alone is refused
    q = '"' if quoted else ""
    lines = ["n,t,l", *(f"{q}{n}{q},{q}{t}{q},{q}{t}{q}" for n, t in rows)]
    path = _write(tmp_path_factory.mktemp("na"), "\n".join(lines) + "\n")
    options = {"types": {"n": "C", "t": "T", "l": "S"}, "missing": ("?", "-", "-999")}
    counts, means, _ = _learnt(path, **options)
    numbers = [float(n) for n, _ in rows if n.strip() not in ("?", "-", "-999", "", "NA")]
    assert counts["n"] == len(numbers)
    assert means["n"] == pytest.approx(np.mean(numbers), rel=1e-12)
    present = [t.strip().lower() for _, t in rows if t.strip() not in ("?", "-", "-999", "", "NA")]
    assert {name.partition("$")[2] for name in counts if name != "n"} == set(present)
    assert all(count == len(present) for name, count in counts.items() if name != "n")


def test_a_further_missing_text_makes_a_column_of_numbers_or_flags(tmp_path):
    path = _write(tmp_path, "a,f\n?,true\n?,-\n?,false\n3,-\n")
    counts, _, letters = _learnt(path, missing=("?", "-"))
    assert counts == {"a": 1, "f": 2}
    assert letters == {"a": "C", "f": "B"}


def test_a_bad_cell_names_the_remedy(tmp_path):
    path = _write(tmp_path, "a\n1\n2\n?\n")
    with pytest.raises(InputError, match=r"line 4, column 'a': .* missing=\('\?',\) \(--na '\?'\)"):
        list(sources.csv(path))


@pytest.mark.parametrize("missing", ["?", (1,)])
def test_missing_is_a_sequence_of_texts(tmp_path, missing):
    with pytest.raises(InputError, match="it must be a sequence of texts"):
        sources.csv(_write(tmp_path, "a\n1\n"), missing=missing)


def test_na_on_the_command_line(tmp_path, capfd):
    path = _write(tmp_path, "a,b\n1,2\n?,3\n2,-\n4,1\n")
    assert main(["run", "explore", str(path), "--json", "--na", "?", "--na", "-"]) == 0
    assert capfd.readouterr().err == "learnt 4 rows, 2 columns\n"
    assert main(["run", "svd", "iris", "--na", "?"]) == 2
    assert "--na is for CSV files, and iris is a shipped data set" in capfd.readouterr().err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_a_pipe_is_refused_in_one_line(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is not a regular file; save it to a file first"):
        sources.csv(tmp_path / "pipe")
    command = [sys.executable, "-m", "symjobs", "run", "pca", "/dev/stdin"]
    done = subprocess.run(command, input=b"a,b\n1,2\n", capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(b"symjobs: /dev/stdin is not a regular file")
    assert io.BytesIO(done.stderr).readlines()[1:] == []
