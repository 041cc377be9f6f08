"""Who follows a hint gets what it promises, in Python and in a shell."""

from __future__ import annotations

import re
import shlex

import pytest

import symjobs as sj
from symjobs import sources
from symjobs._cli import main

_HINT = re.compile(
    r"((?:types|dates|decimal|thousands|percent|currency|missing|errors|separator|encoding|comment)=.*?) "
    r"\((--.*?)\)(?= |;|,|$)"
)


def _follow(text, number=0):
    """Return the arguments for Python, and for the shell, of a hint."""
    python, shell = _HINT.findall(text)[number]
    return eval(f"dict({python})"), shlex.split(shell)


def _means(path, **options):
    snapshot = sj.Project("p").learn(sources.csv(path, **options).tables()).snapshot()
    return dict(zip(snapshot.names, snapshot.moments.mean().tolist(), strict=True))


def _means_in_a_shell(path, words):
    project = path.with_suffix(".symjobs")
    project.unlink(missing_ok=True)
    assert main(["learn", str(path), "--project", str(project), *words]) == 0
    snapshot = sj.Project.load(project).snapshot()
    return dict(zip(snapshot.names, snapshot.moments.mean().tolist(), strict=True))


@pytest.fixture
def write(tmp_path):
    def to(text):
        path = tmp_path / "d.csv"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return to


@pytest.mark.parametrize(
    ("value", "option", "mean"),
    [
        ('"1,5"', "decimal=','", 8.5 / 4),
        ("12%", "percent=True", 7.12 / 4),
        ("$7", "currency='$'", 14 / 4),
        ('"$1,234.5"', "thousands=',', currency='$'", 1241.5 / 4),
        ('"1,234"', "thousands=','", 1241 / 4),
        ("1 234", "thousands=' '", 1241 / 4),
        ("2024-01-01", "dates=['-b, c'], errors='missing'", 1704067200.0),
    ],
)
def test_a_value_among_numbers(write, value, option, mean):
    path = write(f'a,"-b, c"\n1,1\n2,2\n3,{value}\n4,4\n')
    with pytest.raises(sj.InputError) as caught:
        _means(path)
    assert f"{option} (" in str(caught.value)
    arguments, words = _follow(str(caught.value))
    assert _means(path, **arguments)["-b, c"] == pytest.approx(mean)
    assert _means_in_a_shell(path, words)["-b, c"] == pytest.approx(mean)


@pytest.mark.parametrize("number", [0, 1, 2], ids=["types", "missing", "errors"])
@pytest.mark.parametrize("value", ["-x", "it's", "$HOME", "- -", "--", '"a""b"'])
def test_what_else_becomes_of_a_value(write, value, number):
    path = write(f"a,-b\n1,1\n2,2\n3,{value}\n4,5\n")
    with pytest.raises(sj.InputError) as caught:
        _means(path, missing=("?",))
    arguments, words = _follow(str(caught.value), number)
    assert "missing" not in arguments or "?" in arguments["missing"]
    found = _means(path, **arguments)
    assert found == _means_in_a_shell(path, [*words, "--na", "?"])
    assert found == ({"a": 2.5} if number == 0 else {"a": 2.5, "-b": pytest.approx(8 / 3)})


def test_dates_in_a_column_that_is_said_to_have_numbers(write):
    path = write("day,x,other\n2024-01-01,1,2024-01-03\n2024-01-02,2,2024-01-04\n")
    with pytest.raises(sj.InputError) as caught:
        _means(path, types={"day": "C"}, dates=["other"])
    arguments, words = _follow(str(caught.value))
    assert arguments == {"dates": ["other", "day"]}
    assert _means(path, types={"day": "C"}, **arguments)["day"] == 1704110400.0
    assert _means_in_a_shell(path, ["--types", "day=C", "--dates", "other", *words])["day"] == 1704110400.0


def test_an_option_that_other_numbers_do_not_stand(write):
    path = write('a,b\n1.5,1\n2,2\n3,"1,5"\n')
    but = r"decimal=',' \(--decimal ,\) reads it as 1\.5, but not '1\.5' in column 'a'"
    with pytest.raises(sj.InputError, match=but):
        _means(path)
    path = write('a,b\n1.5,"2,5"\n2,"1,5"\n')
    (hint,) = sources.csv(path).hints
    assert hint.endswith("decimal=',' (--decimal ,) reads them, but not '1.5' in column 'a'")


@pytest.mark.parametrize(
    ("values", "given", "option", "mean"),
    [
        (['"1,000"', '"2,000"', "n.a.", "?", '"3,000"'], {}, "thousands=',', missing=('n.a.', '?')", 2000.0),
        (['"1,000"', '"2,000"', "n/a"], {}, "thousands=','", 1500.0),
        (['"1,000"', '"2,000"', "9"], {}, "thousands=','", 3009 / 3),
        (["12%", "v", "w", "x", "y", *["14%"] * 4], {}, "percent=True, errors='missing'", 0.136),
        (["12%", "low", "14%"], {"errors": "missing"}, "percent=True", 0.13),
        (["2024-01-01", "soon", "2024-01-02"], {}, "dates=['b', 'day'], missing=('soon',)", 1704110400.0),
        (["2024-01-01", "soon", "2024-01-02"], {"dates": True}, "dates=['day', 'b'], missing=('soon',)", 1704110400.0),
        (["2024-01-01T24:00:00", "2024-01-01T23:59:60"], {}, "dates=['b', 'day'], missing=(", 1704153600.0),
        (['"1,5"', "-", '"2,5"'], {"thousands": "'"}, "decimal=','", 2.0),
        (['"1.234,5"', '"2,5"'], {"thousands": ","}, "decimal=',', thousands='.'", 618.5),
    ],
)
def test_most_values_of_a_column(write, values, given, option, mean):
    path = write("a,b,day\n" + "".join(f"{i},{value},2024-03-0{i % 9 + 1}\n" for i, value in enumerate(values)))
    hint = next(hint for hint in sources.csv(path, **given).hints if "'b'" in hint)
    assert f"; {option}" in hint
    arguments, words = _follow(hint)
    assert _means(path, **(given | arguments))["b"] == pytest.approx(mean)
    before = [f"--{name}={'all' if value is True else value}" for name, value in given.items()]
    assert _means_in_a_shell(path, [*before, *words])["b"] == pytest.approx(mean)


@pytest.mark.parametrize(
    "values", [["12%", "low", "high"], ["1.2.3", "1.2.4"], ["10.0.0.1", "10.0.0.2"], ["1 Main St", "2 Main St"]]
)
def test_no_hint_for_text(write, values):
    assert sources.csv(write("a,b\n" + "".join(f"1,{value}\n" for value in values))).hints == ()


@pytest.mark.parametrize(
    "value", ["31.12.2025", "12/31/2025", "12/31/25", "2025/12/31", "2025-1-2", "31-12-2025 10:00"]
)
def test_dates_of_other_forms(write, value):
    path = write(f"a,b\n1,{value}\n2,{value}\n3,{value}\n")
    (hint,) = sources.csv(path).hints
    assert hint == (
        f"'b', with values such as '{value}', looks like dates; dates are read in the form 2024-01-31 (ISO 8601): "
        "convert them to it first"
    )
    with pytest.raises(sj.InputError, match="dates are read in the form 2024-01-31"):
        _means(path, types={"b": "C"})


@pytest.mark.parametrize("start", ['# by x\n# and "y\n', "# by x, y, and z\n", "sep=,\n#\n"])
def test_comments_at_the_top(write, start):
    path = write(f"{start}a,b\n1,2\n3,4\n")
    with pytest.raises(sj.InputError, match=r"line [12]: '#.*' is a comment, it seems; comment='#'") as caught:
        sources.csv(path)
    arguments, words = _follow(str(caught.value))
    assert _means(path, **arguments) == _means_in_a_shell(path, words) == {"a": 2.0, "b": 3.0}
    path = write(f"{start}a,b\n1,2\nx,4\n5,6\n")
    with pytest.raises(sj.InputError, match=f"line {start.count(chr(10)) + 3}, column 'a': 'x'"):
        _means(path, **arguments)
    info = {"path": str(path), "csv_comment": "#", "errorHandling": "missing"}
    (table,) = sources.open({"type": "localfile", "name": "d", "info": info})
    assert table.column("b").to_pylist() == [2, 4, 6]


@pytest.mark.parametrize("text", ["#a,b\n1,2\n", "#id,b\n#1,2\n#2,4\n", "a,b\n1,2\n#3,4\n"])
def test_what_is_no_comment(write, text):
    assert len(sources.csv(write(text)).attribute_names) == 2


@pytest.mark.parametrize("comment", [1, "a\nb"])
def test_a_comment_is_one_text(write, comment):
    with pytest.raises(sj.InputError, match="comment is "):
        sources.csv(write("a\n1\n"), comment=comment)


def test_a_file_of_text_alone(write, capfd):
    path = write("day;delay\n2024-05-01;1,5\n2024-05-02;2,25\n")
    with pytest.warns(sj.NotLearntWarning), pytest.raises(sj.InputError) as caught:
        sj.Project("p").learn(sources.csv(path, separator=";"))
    assert "no column of the data is learnt" in str(caught.value)
    options = [_follow(str(caught.value), number) for number in range(3)]
    assert [list(arguments) for arguments, _ in options] == [["types"], ["dates"], ["decimal"]]
    for arguments, words in options:
        assert _means(path, separator=";", **arguments) == _means_in_a_shell(path, ["--separator=;", *words])
    capfd.readouterr()
    assert main(["learn", str(path), "--separator", ";", "--project", str(path.with_suffix(".none"))]) == 2
    *hints, error = capfd.readouterr().err.splitlines()
    assert len(hints) == 2
    assert error.endswith("(--types day=T) makes a category of 'day'; the lines above name other options")
